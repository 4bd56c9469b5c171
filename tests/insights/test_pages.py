"""The home page: a beginning for who is new, numbers for who is not."""

from __future__ import annotations

from datetime import date

import httpx2
import pytest

from tests.messages.site import Api, until
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in
from tidings.insights.queries import Count
from tidings.insights.service import Stats
from tidings.insights.web import chart_of
from tidings.workspaces.rules import Role

PART = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial"}


async def home(client: httpx2.AsyncClient, **headers: str) -> str:
    answer = await client.get("/", headers={**HTML, **headers})
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.fixture
async def owner(client: httpx2.AsyncClient, workspace) -> httpx2.AsyncClient:
    """The owner's browser, in a workspace with nothing in it."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


async def test_a_new_workspace_is_led_through_three_steps(owner: httpx2.AsyncClient) -> None:
    shown = await home(owner)
    for step in ("Add a channel", "Import your contacts", "Send the first campaign"):
        assert step in shown
    assert "is-done" not in shown
    assert "data-chart" not in shown


async def test_a_step_that_is_done_is_ticked_and_all_go_with_the_first_campaign(owner: httpx2.AsyncClient, api: Api) -> None:
    assert (await home(owner)).count("is-done") == 1
    await api.make_contacts(2)
    assert (await home(owner)).count("is-done") == 2
    made = await api.post("/campaigns", {"name": "First", "text": "Hello", "audience": {"all": True}})
    assert "Three steps" in await home(owner)
    await api.put(f"/campaigns/{made['id']}/launch")
    assert "Three steps" not in await home(owner)


async def test_a_viewer_is_not_offered_what_they_may_not_do(owner: httpx2.AsyncClient, api: Api) -> None:
    await api.database.pool.execute("UPDATE members SET role = $2 WHERE workspace_id = $1", api.caller.id, Role.VIEWER)
    shown = await home(owner)
    assert "/campaigns/new" not in shown
    assert "/channels/new" not in shown


@pytest.mark.usefixtures("worker")
async def test_the_numbers_and_the_chart_follow_what_was_sent(owner: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(8)
    await api.make_contact("Failing Fred", "+254715550001")
    made = await api.post("/campaigns", {"name": "First", "text": "Hello", "audience": {"all": True}})
    await api.put(f"/campaigns/{made['id']}/launch")

    async def is_done() -> bool:
        return (await api.get(f"/campaigns/{made['id']}"))["status"] == "done"

    await until(is_done)
    shown = await home(owner)
    assert "8 of 9" in shown
    assert "88.9%" in shown
    assert "First" in shown
    assert "&#34;name&#34;: &#34;Delivered&#34;" in shown or '"name": "Delivered"' in shown
    assert "every 4s" not in shown


async def test_it_asks_again_by_itself_only_while_something_moves(owner: httpx2.AsyncClient, api: Api) -> None:
    await api.post("/messages", {"to": "+254711111111", "text": "Hello"})
    shown = await home(owner)
    assert "every 4s" in shown
    part = await home(owner, **PART)
    assert part.lstrip().startswith('<div id="now"')
    assert "data-chart" not in part


async def test_an_open_alert_says_what_to_do(owner: httpx2.AsyncClient, api: Api) -> None:
    await api.database.pool.execute(
        "INSERT INTO alerts (workspace_id, channel_id, kind, message) SELECT workspace_id, id, 'insufficient_balance', 'Sandbox: empty.' "
        "FROM channels WHERE workspace_id = $1",
        api.caller.id,
    )
    shown = await home(owner)
    assert "Sandbox needs you" in shown
    assert "Sandbox: empty." in shown
    assert f'href="/channels/{api.channel}"' in shown


async def test_the_home_page_asks_a_bounded_number_of_questions(owner: httpx2.AsyncClient, api: Api) -> None:
    for number in range(8):
        await api.post("/campaigns", {"name": f"Sale {number}", "text": "Hello", "audience": {"all": True}})
    with counted() as seen:
        await home(owner)
    assert len(seen) <= 18, seen


def test_the_chart_has_every_day_and_only_states_that_occurred() -> None:
    channel = None
    stats = Stats(
        timezone="UTC", since=date(2026, 11, 1), until=date(2026, 11, 3),
        counts=[
            Count(date(2026, 11, 2), channel, "read", 2), Count(date(2026, 11, 2), channel, "delivered", 3),
            Count(date(2026, 11, 3), channel, "failed", 1), Count(date(2026, 11, 3), channel, "received", 9),
        ],
    )  # fmt: skip
    chart = chart_of(stats)
    assert chart is not None
    assert chart["labels"] == ["1 Nov", "2 Nov", "3 Nov"]
    assert [(one["name"], one["data"]) for one in chart["series"]] == [("Delivered", [0, 5, 0]), ("Failed", [0, 0, 1])]
    assert chart_of(Stats(timezone="UTC", since=date(2026, 11, 1), until=date(2026, 11, 1), counts=[])) is None
