"""The pages of routes as a browser asks for them."""

from __future__ import annotations

import httpx2
import pytest

from tests.api.conftest import Caller
from tests.messages.site import Api
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit
from tidings.messages.fallbacks import follow_routes


@pytest.fixture
async def client(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


@pytest.fixture
async def second(api: Api) -> str:
    """Another channel; its id."""
    made = await api.post("/channels", {"name": "Second", "provider": "sandbox", "fields": {}})
    await api.database.pool.execute("UPDATE channels SET medium = 'whatsapp' WHERE name = 'Second'")
    return str(made["id"])


async def page(client: httpx2.AsyncClient, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def filled_in(api: Api, second: str, **more: str) -> dict[str, str]:
    return {
        "name": "Both", "count": "2", "channel_0": second, "on_0": "delivered", "wait_0": "2", "unit_0": "minutes", "channel_1": api.channel,
        "on_1": "error", **more,
    }  # fmt: skip


async def test_the_empty_list_teaches_what_a_route_is(client: httpx2.AsyncClient, api: Api) -> None:
    text = await page(client, "/routes")
    assert "No routes yet" in text
    assert "counted once" in text
    assert 'href="/routes/new"' in text


async def test_a_route_is_made_changed_and_deleted(client: httpx2.AsyncClient, api: Api, second: str) -> None:
    made = await submit(client, "/routes/new", **filled_in(api, second, message_class="codes"))
    assert made.status_code == 303, made.text
    address = made.headers["location"]
    known = (await api.get("/routes"))["items"][0]
    assert known["class"] == "codes"
    assert known["steps"] == [
        {"channel": second, "wished": "delivered", "wait_seconds": 120},
        {"channel": api.channel, "wished": "sent", "wait_seconds": None},
    ]
    text = await page(client, address)
    assert "not reported as delivered within 2 min" in text
    assert "class “codes”" in text
    assert 'value="2"' in await page(client, f"{address}/edit")
    changed = await submit(client, f"{address}/edit", **filled_in(api, second, on_0="error"))
    assert changed.headers["location"] == address
    assert (await api.get("/routes"))["items"][0]["steps"][0]["wait_seconds"] is None
    deleted = await submit(client, f"{address}/delete")
    assert deleted.headers["location"] == "/routes"
    assert "No routes yet" in await page(client, "/routes")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Give it a name"),
        ({"channel_1": ""}, "Choose a channel."),
        ({"wait_0": "soon"}, "A whole number, from 5 seconds"),
        ({"wait_0": "1", "unit_0": "seconds"}, "A whole number, from 5 seconds"),
        ({"message_class": "Two words"}, "Small letters"),
        ({"medium": "sms"}, "A medium narrows a class"),
    ],
)
async def test_a_fault_is_told_at_its_field_and_nothing_is_saved(
    client: httpx2.AsyncClient, api: Api, second: str, fields: dict[str, str], sentence: str
) -> None:
    answer = await submit(client, "/routes/new", **{**filled_in(api, second), **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "what you typed is kept" in answer.text
    assert "No routes yet" in await page(client, "/routes")


async def test_a_channel_named_twice_and_a_name_that_is_taken_are_told_where_they_stand(
    client: httpx2.AsyncClient, api: Api, second: str
) -> None:
    twice = await submit(client, "/routes/new", **filled_in(api, second, channel_1=second))
    assert 'id="error-channel_1">This channel is in the route already' in twice.text
    await submit(client, "/routes/new", **filled_in(api, second))
    taken = await submit(client, "/routes/new", **filled_in(api, second, name="both"))
    assert (taken.status_code, 'id="error-name">There is a route named' in taken.text) == (422, True)


async def test_steps_are_added_moved_and_removed_without_losing_what_was_typed(client: httpx2.AsyncClient, api: Api, second: str) -> None:
    async def arranged(act: str) -> str:
        answer = await submit(client, f"/routes/arrange?act={act}", **filled_in(api, second, name="Half typed"))
        assert answer.status_code == 200
        assert 'value="Half typed"' in answer.text
        return answer.text

    assert 'name="count" value="3"' in await arranged("add")
    assert 'name="count" value="1"' in await arranged("remove-0")
    text = await arranged("up-1")
    assert text.index(f'value="{api.channel}" selected') < text.index(f'value="{second}" selected')
    for senseless in ("up-0", "down-1", "remove-9", "turn", ""):
        assert 'name="count" value="2"' in await arranged(senseless)
    assert "No routes yet" in await page(client, "/routes")


async def test_it_shows_how_much_went_by_each_step_and_how_the_route_fares(client: httpx2.AsyncClient, api: Api, second: str) -> None:
    address = (await submit(client, "/routes/new", **filled_in(api, second))).headers["location"]
    for number in range(3):
        to = {"whatsapp": f"+25471200000{number}", "sms": f"+25471200000{number}"}
        await api.post("/messages", {"route": address.removeprefix("/routes/"), "to": to, "text": "Hello"})
    text = await page(client, address)
    assert '<td class="text-end">3</td>' in text
    assert "Works" in text
    await api.database.pool.execute("UPDATE channels SET enabled = false WHERE name = 'Second'")
    assert "“Second” does not work just now" in await page(client, address)
    await api.database.pool.execute("UPDATE channels SET enabled = false")
    assert "No channel of this route works just now" in await page(client, address)


async def test_a_route_with_a_campaign_to_go_out_stays_and_says_why(client: httpx2.AsyncClient, api: Api, second: str) -> None:
    address = (await submit(client, "/routes/new", **filled_in(api, second))).headers["location"]
    body = {"name": "Sale", "text": "Hello", "audience": {"all": True}, "route": address.removeprefix("/routes/")}
    await api.post("/campaigns", body)
    assert "1 campaign still to go out by it" in await page(client, address)
    refused = await submit(client, f"{address}/delete")
    assert refused.headers["location"] == address
    assert "has still to go out" in await page(client, address)


async def test_who_may_only_look_gets_no_buttons_and_no_forms(client: httpx2.AsyncClient, api: Api, second: str, workspace: Caller) -> None:
    address = (await submit(client, "/routes/new", **filled_in(api, second))).headers["location"]
    await api.database.pool.execute("UPDATE members SET role = 'viewer' WHERE workspace_id = $1", workspace.id)
    assert "/delete" not in await page(client, address)
    await page(client, "/routes/new", 403)
    assert (await submit(client, f"{address}/delete")).status_code == 403


async def test_anothers_route_is_not_there(client: httpx2.AsyncClient, api: Api, other_api: Api) -> None:
    body = {"name": "Theirs", "steps": [{"channel": other_api.channel}]}
    theirs = (await other_api.post("/routes", body))["id"]
    for path in (f"/routes/{theirs}", f"/routes/{theirs}/edit"):
        await page(client, path, 404)
    assert (await submit(client, f"/routes/{theirs}/delete")).status_code == 404


async def test_the_list_asks_as_much_for_many_routes_as_for_one(client: httpx2.AsyncClient, api: Api, second: str) -> None:
    await submit(client, "/routes/new", **filled_in(api, second))
    with counted() as one:
        await page(client, "/routes")
    for number in range(4):
        await submit(client, "/routes/new", **filled_in(api, second, name=f"Route {number}"))
    with counted() as many:
        await page(client, "/routes")
    assert len(many) == len(one)


async def test_a_messages_page_shows_every_try_and_a_double_delivery(client: httpx2.AsyncClient, api: Api, second: str) -> None:
    route = (await submit(client, "/routes/new", **filled_in(api, second))).headers["location"].removeprefix("/routes/")
    to = {"whatsapp": "+254712000001", "sms": "+254712000001"}
    sent = await api.post("/messages", {"route": route, "to": to, "text": "Hello"})
    pool = api.database.pool
    await pool.execute("UPDATE messages SET status = 'failed', error_code = 'unreachable', attempt = 1, settled_at = now()")
    assert await follow_routes(pool) == 1
    text = await page(client, f"/messages/{sent['id']}")
    assert "Tries of its route" in text
    assert text.index(">Second<") < text.index(">Sandbox<")
    assert "Unreachable" in text
    assert "Double delivery" not in text
    await pool.execute("UPDATE messages SET status = 'delivered', sent_at = now(), settled_at = now(), attempt = 1, error_code = NULL")
    assert "Double delivery" in await page(client, f"/messages/{sent['id']}")
