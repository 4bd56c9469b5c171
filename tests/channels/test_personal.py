"""Personal channels: a member's own bot, from its token to a message to oneself, and nobody else's business."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.people import AGENT, Person, agent, db, link, owner, poll, settings, sign_in_as, wanted
from tests.inbox.conftest import CHAT, telegram
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.workspaces.pages import HTML, log_in, submit
from tidings.channels.runtime import stop_channel
from tidings.channels.service import MOST_OWN
from tidings.core.ids import read_id, show_id
from tidings.workspaces.rules import Role

__all__ = ["agent", "db", "owner", "settings", "telegram"]


async def test_an_agent_sets_up_a_bot_links_the_own_chat_and_writes_to_it(
    app: FastAPI, agent: Person, workspace: Caller, telegram: TelegramSimulator, db
) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    assert (made["name"], made["state"], made["linked"], made["checked"]) == ("Telegram", "active", False, True)
    assert (await agent.call("POST", f"/me/channels/{made['id']}/test", status=409))["code"] == "not_linked"
    await link(app, agent, workspace, telegram, made["id"])
    assert (await agent.call("GET", f"/me/channels/{made['id']}"))["linked"]
    sent = await agent.call("POST", f"/me/channels/{made['id']}/test", {"text": "Hello me"}, 202)
    shown = await agent.call("GET", f"/messages/{sent['message']}")
    assert (shown["to"], shown["text"], shown["medium"]) == (str(CHAT), "Hello me", "telegram")
    assert [one["id"] for one in (await agent.call("GET", "/me/channels"))["items"]] == [made["id"]]


async def test_a_token_that_telegram_refuses_is_not_kept(agent: Person, telegram: TelegramSimulator, db) -> None:
    telegram.revoked.add(BOT_TOKEN)
    refused = await agent.call("POST", "/me/channels", wanted(telegram), 422)
    assert refused["code"] == "invalid_credentials"
    assert refused["errors"][0]["field"] == "fields.bot_token"
    assert (await agent.call("GET", "/me/channels"))["items"] == []
    assert await db.fetchval("SELECT credentials FROM channels WHERE owner_id IS NOT NULL") == b""


@pytest.mark.parametrize("provider", ["sandbox", "twilio", "nonsense"])
async def test_only_some_providers_make_personal_channels(agent: Person, provider: str) -> None:
    assert "telegram" in (await agent.call("POST", "/me/channels", {"provider": provider}, 422))["detail"]


async def test_nobody_else_sees_or_uses_it_not_even_the_workspaces_owner(
    app: FastAPI, agent: Person, owner: Person, workspace: Caller, telegram: TelegramSimulator, db
) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram, name="Secret bot"), 201)
    await link(app, agent, workspace, telegram, made["id"])
    telegram.write(BOT_TOKEN, CHAT, text="private words")
    await poll(app, agent.client, workspace, made["id"])
    sent = await agent.call("POST", f"/me/channels/{made['id']}/test", {"text": "private answer"}, 202)
    mine = await agent.call("GET", "/conversations")
    assert len(mine["items"]) == 1
    conversation = mine["items"][0]["id"]
    key = Person(agent.client, workspace.headers)
    for other in (owner, key):
        for path in ("/channels", "/conversations", "/messages", "/receipts", "/alerts", "/audit-log"):
            told = str(await other.call("GET", path))
            assert "private" not in told, path
            assert "Secret bot" not in told, path
        for method, path in (
            ("GET", f"/channels/{made['id']}"), ("DELETE", f"/channels/{made['id']}"), ("POST", f"/channels/{made['id']}/check"),
            ("PUT", f"/channels/{made['id']}/default"), ("PUT", f"/channels/{made['id']}/enabled"), ("DELETE", f"/channels/{made['id']}/stop"),
            ("GET", f"/messages/{sent['message']}"), ("GET", f"/messages/{sent['message']}/timeline"),
            ("PUT", f"/messages/{sent['message']}/cancellation"), ("GET", f"/conversations/{conversation}"),
            ("PUT", f"/conversations/{conversation}/read"),
        ):  # fmt: skip
            await other.call(method, path, status=404)
        await other.call("POST", "/messages", {"to": str(CHAT), "text": "x", "channel": made["id"]}, 404)
        await other.call("POST", f"/channels/{made['id']}/test", {"to": str(CHAT)}, 404)
        campaign = {"name": "c", "text": "x", "audience": {"all": True}, "channel": made["id"]}
        await other.call("POST", "/campaigns", campaign, 404)
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/enabled"), ("POST", "/link"), ("POST", "/test")):
        await owner.call(method, f"/me/channels/{made['id']}{path}", status=404)
    # Its owner goes on as before, and a campaign of the workspace still cannot go by it.
    assert [one["text"] for one in (await agent.call("GET", f"/conversations/{conversation}"))["messages"]["items"]] == [
        "private answer", "private words", "/start",
    ]  # fmt: skip
    await agent.call("GET", f"/messages/{sent['message']}/timeline")


async def test_admins_get_totals(owner: Person, agent: Person, telegram: TelegramSimulator) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    await agent.call("POST", "/me/channels", wanted(telegram), 201)
    await agent.call("DELETE", f"/me/channels/{made['id']}/enabled")
    assert (await owner.call("GET", "/personal-channels"))["items"] == [
        {"provider": "telegram", "state": "active", "channels": 1, "owners": 1},
        {"provider": "telegram", "state": "disabled", "channels": 1, "owners": 1},
    ]
    assert (await agent.call("GET", "/personal-channels", status=403))["code"] == "forbidden"


async def test_two_members_may_call_their_bots_the_same(owner: Person, agent: Person, telegram: TelegramSimulator) -> None:
    for person in (owner, agent):
        await person.call("POST", "/me/channels", wanted(telegram, name="My bot"), 201)
    assert (await agent.call("POST", "/me/channels", wanted(telegram, name="My bot"), 409))["code"] == "name_taken"


async def test_it_is_never_a_default_and_never_taken_for_one(owner: Person, telegram: TelegramSimulator) -> None:
    made = await owner.call("POST", "/me/channels", wanted(telegram), 201)
    await owner.call("PUT", f"/channels/{made['id']}/default", status=409)
    assert (await owner.call("POST", "/messages", {"to": "42", "text": "x", "medium": "telegram"}, 409))["code"] == "no_channel"
    assert [one["id"] for one in (await owner.call("GET", "/channels"))["items"]] == []


async def test_its_alert_rings_nobody_elses_bell(owner: Person, agent: Person, telegram: TelegramSimulator, db) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    await stop_channel(db, read_id("chn", made["id"]), "invalid_credentials", "Unauthorized")
    assert (await owner.call("GET", "/alerts"))["items"] == []
    alert = show_id("alr", await db.fetchval("SELECT id FROM alerts"))
    await owner.call("PUT", f"/alerts/{alert}/resolution", status=404)
    shown = await agent.call("GET", f"/me/channels/{made['id']}")
    assert (shown["state"], shown["stop"]["detail"]) == ("stopped", "Unauthorized")


async def test_linking_again_moves_it_to_the_other_chat(
    app: FastAPI, agent: Person, workspace: Caller, telegram: TelegramSimulator, db
) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    await link(app, agent, workspace, telegram, made["id"])
    await link(app, agent, workspace, telegram, made["id"], CHAT + 1)
    assert await db.fetchval("SELECT owner_address FROM channels WHERE owner_id IS NOT NULL") == str(CHAT + 1)


async def test_who_leaves_takes_it_along(app: FastAPI, agent: Person, workspace: Caller, telegram: TelegramSimulator, db) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    await link(app, agent, workspace, telegram, made["id"])
    sent = await agent.call("POST", f"/me/channels/{made['id']}/test", status=202)
    await db.execute("DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE email = $1)", AGENT)
    row = await db.fetchrow("SELECT deleted_at IS NOT NULL AS gone, credentials FROM channels WHERE owner_id IS NOT NULL")
    assert tuple(row) == (True, b"")
    assert await db.fetchval("SELECT status FROM messages WHERE id = $1", read_id("msg", sent["message"])) == "cancelled"


async def test_it_is_switched_off_deleted_and_bounded_in_number(agent: Person, telegram: TelegramSimulator, db) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    assert (await agent.call("DELETE", f"/me/channels/{made['id']}/enabled"))["state"] == "disabled"
    assert (await agent.call("PUT", f"/me/channels/{made['id']}/enabled"))["state"] == "active"
    for _ in range(MOST_OWN - 1):
        await agent.call("POST", "/me/channels", wanted(telegram), 201)
    await agent.call("POST", "/me/channels", wanted(telegram), 409)
    await agent.call("DELETE", f"/me/channels/{made['id']}", status=204)
    await agent.call("GET", f"/me/channels/{made['id']}", status=404)


async def test_a_key_is_nobody_and_a_viewer_may_not(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    key = Person(client, workspace.headers)
    assert (await key.call("GET", "/me/channels", status=409))["code"] == "not_a_person"
    viewer = Person(client, await sign_in_as(app, client, workspace, "viewer@acme.example", Role.VIEWER))
    await viewer.call("GET", "/me/channels", status=403)


# --- the pages --------------------------------------------------------------------------------------------------------


async def test_the_pages_lead_from_the_token_to_a_test_message(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, telegram: TelegramSimulator, db
) -> None:
    await log_in(client, workspace.owner_email)
    assert "No channel of your own yet" in (await client.get("/my-channels", headers=HTML)).text
    assert "BotFather" in (await client.get("/my-channels/new/telegram", headers=HTML)).text
    assert (await client.get("/my-channels/new/twilio", headers=HTML)).status_code == 404
    wrong = await submit(client, "/my-channels/new/telegram", field_bot_token="nonsense", api_base_url=telegram.url)
    assert (wrong.status_code, "Nothing was kept" in wrong.text) == (422, True)
    made = await submit(client, "/my-channels/new/telegram", field_bot_token=BOT_TOKEN, api_base_url=telegram.url)
    assert made.status_code == 303, made.text
    page = made.headers["location"]
    linked = await submit(client, f"{page}/link")
    assert linked.status_code == 200
    code = linked.text.split("?start=")[1].split('"')[0]
    assert BOT_TOKEN not in linked.text
    telegram.write(BOT_TOKEN, CHAT, text=f"/start {code}")
    await poll(app, client, workspace, page.removeprefix("/my-channels/"))
    fragment = (await client.get(page, headers={**HTML, "HX-Request": "true", "HX-Target": "steps"})).text
    assert "your chat is joined" in fragment
    tested = await submit(client, f"{page}/test")
    assert tested.headers["location"].startswith("/messages/msg_")
    assert "Telegram" in (await client.get(tested.headers["location"], headers=HTML)).text
    for act, word in (("disable", "It is off"), ("enable", "It is on")):
        assert (await submit(client, f"{page}/{act}")).headers["location"] == page
        assert word in (await client.get(page, headers=HTML)).text
    await db.execute("UPDATE messages SET status = 'cancelled', settled_at = now() WHERE status = 'queued'")
    assert (await submit(client, f"{page}/delete")).headers["location"] == "/my-channels"
    assert (await client.get(page, headers=HTML)).status_code == 404
