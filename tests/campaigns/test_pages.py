"""The pages of campaigns as a browser asks for them: lists, the form and its parts, buttons, downloads."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.campaigns.browsing import PART, compose, page
from tests.contacts.builders import make_contact
from tests.messages.site import Api, raw, until
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit
from tidings.workspaces.rules import Role


@pytest.fixture
async def client(client: httpx2.AsyncClient, api: Api) -> httpx2.AsyncClient:
    """The owner's browser, in a workspace with a sandbox channel."""
    assert (await log_in(client, api.caller.owner_email)).status_code == 303
    return client


# --- the list ------------------------------------------------------------------------------------------------------------


async def test_an_empty_list_teaches_what_a_campaign_is(client: httpx2.AsyncClient) -> None:
    assert "No campaigns yet" in await page(client, "/campaigns")
    assert "No campaign matches" in await page(client, "/campaigns?search=nothing")


async def test_the_list_is_searched_filtered_and_goes_on(client: httpx2.AsyncClient, api: Api) -> None:
    for number in range(32):
        await api.post("/campaigns", {"name": f"Sale {number}", "text": "Hello", "audience": {"all": True}})
    first = await page(client, "/campaigns?search=sale")
    assert "Sale 31" in first
    assert ">Sale 1<" not in first
    following = re.search(r'href="(/campaigns\?[^"]*cursor=[^"]+)"', first)
    assert following
    rest = await page(client, following[1].replace("&amp;", "&"), **PART)
    assert "<html" not in rest
    assert ">Sale 1<" in rest
    assert "No campaign matches" in await page(client, "/campaigns?status=done")
    assert "Sale 31" in await page(client, "/campaigns?status=draft&search=31")


async def test_a_campaign_cancelled_before_its_time_does_not_say_when_it_starts(client: httpx2.AsyncClient, api: Api) -> None:
    made = await api.post(
        "/campaigns", {"name": "Sale", "text": "Hello", "audience": {"all": True}, "scheduled_at": "2090-01-01T09:00:00Z"}
    )  # fmt: skip
    assert "starts <time" in await page(client, "/campaigns")
    assert (await submit(client, f"/campaigns/{made['id']}/cancel")).status_code == 303
    told = await page(client, "/campaigns")
    assert "starts <time" not in told
    assert "cancelled <time" in told
    assert "Nobody was written to" in await page(client, f"/campaigns/{made['id']}")


async def test_a_list_of_many_asks_as_often_as_a_list_of_one(client: httpx2.AsyncClient, api: Api) -> None:
    await compose(client)
    with counted() as alone:
        await page(client, "/campaigns")
    for _ in range(5):
        await compose(client)
    with counted() as many:
        await page(client, "/campaigns")
    assert len(many) == len(alone) <= 7


# --- one campaign --------------------------------------------------------------------------------------------------------


async def test_a_campaign_is_paused_resumed_and_cancelled_by_its_buttons(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(2)
    campaign = (await compose(client, act="send", confirmed="2")).headers["location"]
    for act, status in (("pause", "Paused"), ("resume", "Launching"), ("cancel", "Cancelled")):
        assert (await submit(client, f"{campaign}/{act}")).headers["location"] == campaign
        assert f"</span>{status}</span>" in await page(client, campaign)
    refused = await submit(client, f"{campaign}/pause")
    assert refused.headers["location"] == campaign
    assert "This campaign is cancelled" in await page(client, campaign)
    history = await page(client, campaign)
    assert [word in history for word in ("Created", "Launched", "Paused", "Resumed", "Cancelled")] == [True] * 5


async def test_a_draft_is_deleted_and_what_was_sent_is_not(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(1)
    draft = (await compose(client, name="Away with it")).headers["location"]
    assert (await submit(client, f"{draft}/delete")).headers["location"] == "/campaigns"
    sent = (await compose(client, act="send", confirmed="1")).headers["location"]
    assert (await submit(client, f"{sent}/delete")).headers["location"] == sent
    assert (await client.get(f"{sent}/edit", headers=HTML)).headers["location"] == sent


@pytest.mark.usefixtures("worker")
async def test_the_page_accounts_for_every_recipient(client: httpx2.AsyncClient, api: Api) -> None:
    pool, workspace_id = api.database.pool, api.caller.id
    await api.make_contacts(30)
    await make_contact(pool, workspace_id, "Failing Fred", "+254715550001")
    await make_contact(pool, workspace_id, "Doubtful Dora", "+254715550004")
    campaign = (await compose(client, act="send", confirmed="32")).headers["location"]
    await until(lambda: _is_done(api, campaign))
    shown = await page(client, campaign)
    assert "Balanced" in shown
    assert re.search(r"Delivered</span>\s*<span class=\"ledger-count\">30<", shown)
    failed = await page(client, f"{campaign}?status=failed", **PART)
    assert "Failing Fred" in failed
    assert "Invalid address" in failed
    assert "Dora" not in failed
    for search in ("dora", "0715 550 004", "550004"):
        assert "Doubtful Dora" in await page(client, f"{campaign}?search={search}", **PART)
    assert "No recipient matches" in await page(client, f"{campaign}?search=nobody", **PART)
    with counted() as seen:
        await page(client, campaign)
    assert len(seen) <= 14, seen
    again = await submit(client, f"{campaign}/resend", statuses="failed")
    assert again.headers["location"] != campaign
    assert "1 accepted" in (await page(client, await _settled(api, again.headers["location"]))).replace(
        '</span> <span class="text-secondary">', " "
    ).replace('<span class="ledger-total">', "")


async def _is_done(api: Api, campaign: str) -> bool:
    return (await api.get(campaign))["status"] == "done"


async def _settled(api: Api, campaign: str) -> str:
    await until(lambda: _is_done(api, campaign))
    return campaign


@pytest.mark.usefixtures("worker")
async def test_the_ledger_is_downloaded(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(3)
    campaign = (await compose(client, name="Été: “sale”", act="send", confirmed="3")).headers["location"]
    await until(lambda: _is_done(api, campaign))
    csv = await client.get(f"{campaign}/ledger.csv", headers=HTML)
    assert csv.text.count("delivered,") == 3
    assert "filename*=UTF-8''%C3%89t%C3%A9" in csv.headers["content-disposition"]
    sheet = await client.get(f"{campaign}/ledger.xlsx", headers=HTML)
    assert sheet.content.startswith(b"PK")
    await page(client, f"{campaign}/ledger.pdf", 404)


async def test_a_viewer_sees_and_cannot_act(client: httpx2.AsyncClient, api: Api) -> None:
    await api.make_contacts(1)
    campaign = (await compose(client, act="send", confirmed="1")).headers["location"]
    await api.database.pool.execute("UPDATE members SET role = $2 WHERE workspace_id = $1", api.caller.id, Role.VIEWER)
    shown = await page(client, campaign)
    assert "act-pause" not in shown
    assert "New campaign" not in await page(client, "/campaigns")
    assert (await submit(client, f"{campaign}/pause")).status_code == 403
    await page(client, "/campaigns/new", 403)


async def test_a_form_without_its_token_changes_nothing(client: httpx2.AsyncClient, api: Api) -> None:
    answer = await client.post("/campaigns", data={"name": "x", "text": "x", "audience": "everyone"}, headers=HTML)
    assert answer.status_code == 403
    assert (await api.get("/campaigns"))["items"] == []
    assert raw("cmp", (await compose(client)).headers["location"].rpartition("/")[2])
