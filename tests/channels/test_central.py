"""From one central bot to channels of one's own: old addresses are kept and marked, and their members are led to set-up until they moved."""

from __future__ import annotations

import re

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.people import AGENT, Person, agent, db, link, owner, settings, sign_in_as, wanted
from tests.inbox.conftest import telegram
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit
from tidings.channels.central_list import Line, read_list
from tidings.core.cursor import write_cursor
from tidings.core.ids import new_id, read_id, show_id
from tidings.db.database import raw_connection
from tidings.errors import Invalid
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission, Role
from tidings.workspaces.service import create_api_key

__all__ = ["agent", "db", "owner", "settings", "telegram"]
BANNER = 'id="still-central"'
OWNER = "owner@acme.example"


@pytest.fixture
async def central(owner: Person, agent: Person, telegram: TelegramSimulator) -> str:
    """A Telegram channel of the workspace, marked as central, that keeps the agent's and the owner's chats."""
    made = await owner.call("POST", "/channels", {**wanted(telegram), "name": "Love bot"}, 201)
    assert (await owner.call("PUT", f"/channels/{made['id']}/central"))["is_central"]
    kept = await keep(owner, made["id"], {AGENT: "1001", OWNER: "1002"})
    assert (kept["added"], kept["refused"]) == (2, [])
    return str(made["id"])


async def keep(owner: Person, channel: str, chats: dict[str, str], status: int = 200) -> dict:
    items = [{"email": email, "address": address} for email, address in chats.items()]
    return await owner.call("PUT", f"/channels/{channel}/central-addresses", {"items": items}, status)


async def kept_on(owner: Person, channel: str) -> dict[str, str]:
    return {one["email"]: one["address"] for one in (await owner.call("GET", f"/channels/{channel}/central-addresses"))["items"]}


async def test_addresses_are_kept_replaced_and_removed_and_the_log_tells_whose(owner: Person, central: str) -> None:
    again = await keep(owner, central, {AGENT.upper(): " 1001 ", OWNER: "2002"})
    assert (again["added"], again["changed"], again["unchanged"], again["refused"]) == (0, 1, 1, [])
    assert await kept_on(owner, central) == {AGENT: "1001", OWNER: "2002"}
    listed = await owner.call("GET", f"/channels/{central}/central-addresses?limit=1")
    rest = await owner.call("GET", f"/channels/{central}/central-addresses?cursor={listed['next_cursor']}")
    assert [one["email"] for one in listed["items"] + rest["items"]] == [AGENT, OWNER]
    assert rest["next_cursor"] is None
    agent_id = listed["items"][0]["member"]
    await owner.call("DELETE", f"/channels/{central}/central-addresses/{agent_id}", status=204)
    await owner.call("DELETE", f"/channels/{central}/central-addresses/{agent_id}", status=404)
    assert await kept_on(owner, central) == {OWNER: "2002"}
    log = [one for one in (await owner.call("GET", "/audit-log"))["items"] if "central" in one["action"]]
    assert [one["action"] for one in log] == [
        "channel.central_address_removed", "channel.central_addresses_kept", "channel.central_addresses_kept", "channel.made_central",
    ]  # fmt: skip
    assert log[1]["after"] == {"members": [OWNER]}
    assert "2002" not in str(log)


async def test_two_members_may_exchange_their_addresses(owner: Person, central: str) -> None:
    assert (await keep(owner, central, {AGENT: "1002", OWNER: "1001"}))["changed"] == 2
    assert await kept_on(owner, central) == {AGENT: "1002", OWNER: "1001"}


async def test_what_cannot_be_kept_is_told_line_by_line_and_hinders_no_other(owner: Person, central: str) -> None:
    items = [
        {"email": "stranger@acme.example", "address": "7"},
        {"email": AGENT, "address": "not a chat"},
        {"email": OWNER, "address": "3003"},
        {"email": OWNER, "address": "4004"},
    ]
    done = await owner.call("PUT", f"/channels/{central}/central-addresses", {"items": items})
    assert done["changed"] == 1
    assert [one["reason"].split(".")[0] for one in done["refused"]] == [
        "Nobody of this e-mail address is a member here",
        "The address is no Telegram chat: give the chat's number, or a public @name",
        "This member stands in the list twice, with another address",
    ]
    taken = await keep(owner, central, {AGENT: "3003"})
    assert "another member's" in taken["refused"][0]["reason"]
    assert await kept_on(owner, central) == {AGENT: "1001", OWNER: "3003"}


async def test_only_a_channel_in_whose_place_members_can_set_up_their_own_is_marked(owner: Person, telegram: TelegramSimulator) -> None:
    sandbox = await owner.call("POST", "/channels", {"name": "Try-out", "provider": "sandbox"}, 201)
    assert (await owner.call("PUT", f"/channels/{sandbox['id']}/central", status=409))["code"] == "nothing_of_ones_own"
    assert (await keep(owner, sandbox["id"], {OWNER: "+254711000111"}, 409))["code"] == "not_central"
    own = await owner.call("POST", "/me/channels", wanted(telegram), 201)
    await owner.call("PUT", f"/channels/{own['id']}/central", status=409)


async def test_a_member_reads_where_they_still_are_until_their_own_chat_is_linked(
    app: FastAPI, owner: Person, agent: Person, workspace: Caller, telegram: TelegramSimulator, central: str
) -> None:
    [mine] = (await agent.call("GET", "/me/channels"))["central_addresses"]
    assert (mine["channel"], mine["medium"], mine["address"], mine["moved"]) == (central, "telegram", "1001", False)
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    assert not (await agent.call("GET", "/me/channels"))["central_addresses"][0]["moved"]
    await link(app, agent, workspace, telegram, made["id"])
    assert (await agent.call("GET", "/me/channels"))["central_addresses"][0]["moved"]
    await agent.call("DELETE", f"/me/channels/{made['id']}/enabled")
    assert not (await agent.call("GET", "/me/channels"))["central_addresses"][0]["moved"]
    moved = {one["email"]: one["moved"] for one in (await owner.call("GET", f"/channels/{central}/central-addresses"))["items"]}
    assert moved == {AGENT: False, OWNER: False}
    await owner.call("DELETE", f"/channels/{central}/central")
    assert (await agent.call("GET", "/me/channels"))["central_addresses"] == []
    assert await kept_on(owner, central) == {AGENT: "1001", OWNER: "1002"}


async def test_a_linked_phone_is_joined_as_long_as_it_is_linked(workspace: Caller, db) -> None:
    channel_id = new_id()
    await db.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, owner_id) "
        "VALUES ($1, $2, 'Phone', 'whatsapp_linked', 'whatsapp', '', 'x', $3)",
        workspace.id, channel_id, workspace.owner_id,
    )  # fmt: skip
    moved = []
    await db.execute(
        "INSERT INTO channel_sessions (workspace_id, channel_id, state) VALUES ($1, $2, 'connecting')", workspace.id, channel_id
    )
    for state, address, secret in (
        ("connecting", "", None), ("pairing", "", b"s"), ("connected", "+254711000123", b"s"), ("connecting", "+254711000123", b"s"),
        ("logged_out", "+254711000123", None), ("connecting", "+254711000123", None),
    ):  # fmt: skip
        await db.execute("UPDATE channel_sessions SET state = $1, address = $2, secret = $3", state, address, secret)
        moved.append(await db.fetchval("SELECT has_own_channel($1, $2, 'whatsapp')", workspace.id, workspace.owner_id))
    assert moved == [False, False, True, True, False, False]


async def test_a_cursor_that_no_list_gave_is_refused(owner: Person, central: str) -> None:
    for path in (f"/channels/{central}/central-addresses", "/personal-channels/members"):
        for cursor in (write_cursor("a\0b"), write_cursor("a\0b", new_id()), write_cursor(3), "nonsense"):
            await owner.call("GET", f"{path}?cursor={cursor}", status=422)


async def test_who_runs_the_workspace_sees_who_is_on_what_but_no_name_and_no_words(
    app: FastAPI, owner: Person, agent: Person, workspace: Caller, telegram: TelegramSimulator, central: str, db
) -> None:
    made = await agent.call("POST", "/me/channels", wanted(telegram, name="Secret bot"), 201)
    await link(app, agent, workspace, telegram, made["id"])
    sent = await agent.call("POST", f"/me/channels/{made['id']}/test", {"text": "private words"}, 202)
    await db.execute(
        "UPDATE messages SET status = 'failed', settled_at = now(), error_code = 'blocked' WHERE id = $1", read_id("msg", sent["message"])
    )
    table = await owner.call("GET", "/personal-channels/members")
    assert [(one["email"], one["kind"], one["channel"], one["state"], one["joined"], one["moved"]) for one in table["items"]] == [
        (AGENT, "central", central, "active", True, True), (AGENT, "own", None, "active", True, None),
        (OWNER, "central", central, "active", True, False),
    ]  # fmt: skip
    assert "Secret" not in str(table)
    assert "private" not in str(table)
    assert made["id"] not in str(table)
    totals = await owner.call("GET", "/personal-channels")
    assert {name: totals[name] for name in ("channels", "active_members", "failed_24h", "still_central")} == {
        "channels": 1, "active_members": 1, "failed_24h": 1, "still_central": 1,
    }  # fmt: skip
    for query, emails in (("only=own", [AGENT]), ("only=still_central", [OWNER]), ("search=AGENT%40", [AGENT, AGENT]), ("search=%25", [])):
        assert [one["email"] for one in (await owner.call("GET", f"/personal-channels/members?{query}"))["items"]] == emails
    first = await owner.call("GET", "/personal-channels/members?limit=2")
    rest = await owner.call("GET", f"/personal-channels/members?cursor={first['next_cursor']}")
    assert first["items"] + rest["items"] == table["items"]


async def test_neither_an_agent_nor_a_key_without_members_reads_whose_address_is_kept(
    app: FastAPI, agent: Person, workspace: Caller, central: str
) -> None:
    async with app.state.database.workspace(workspace.id) as session:
        made = await create_api_key(session, system_access(workspace.id, "t"), name="k", scopes={Permission.CHANNELS_WRITE})
    key = Person(agent.client, {"Authorization": f"Bearer {made.secret}"})
    body = {"items": [{"email": AGENT, "address": "5"}]}
    for caller in (agent, key):
        await caller.call("GET", f"/channels/{central}/central-addresses", status=403)
        await caller.call("PUT", f"/channels/{central}/central-addresses", body, 403)
        await caller.call("GET", "/personal-channels/members", status=403)
    await agent.call("PUT", f"/channels/{central}/central", status=403)


async def test_another_workspace_neither_reads_nor_writes_them(
    app: FastAPI, client: httpx2.AsyncClient, owner: Person, other_workspace: Caller, central: str, db
) -> None:
    theirs = Person(client, other_workspace.headers)
    await theirs.call("GET", f"/channels/{central}/central-addresses", status=404)
    await theirs.call("PUT", f"/channels/{central}/central", status=404)
    assert (await theirs.call("GET", "/personal-channels/members"))["items"] == []
    assert (await theirs.call("GET", "/personal-channels"))["still_central"] == 0
    async with app.state.database.workspace(other_workspace.id) as session:
        seen = await raw_connection(session)
        assert await seen.fetchval("SELECT count(*) FROM central_addresses") == 0


async def test_who_leaves_and_a_channel_that_is_deleted_take_their_addresses_along(owner: Person, central: str, db) -> None:
    await db.execute("DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE email = $1)", AGENT)
    assert await kept_on(owner, central) == {OWNER: "1002"}
    await owner.call("DELETE", f"/channels/{central}", status=204)
    assert await db.fetchval("SELECT count(*) FROM central_addresses") == 0


# --- the list that people write -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["a@x.example,1\nb@x.example, 2", "email;chat\na@x.example;1\n\nb@x.example;2\n", "E-mail\tChat\na@x.example\t1\nb@x.example\t2"],
)
def test_a_list_is_read_with_or_without_headings(text: str) -> None:
    assert read_list(text) == [Line("a@x.example", "1"), Line("b@x.example", "2")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("Email,Chat", "empty"),
        ("a@x.example," + "1" * 200_000, "Line 1"),
        ("a@x.example,1\nnonsense", "Line 2"),
        ("a@x.example", "Line 1"),
        ("a@x.example,1\n" * 1001, "1001 lines"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_list(text)


# --- the pages ----------------------------------------------------------------------------------------------------------


async def page(client: httpx2.AsyncClient, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_the_banner_stands_on_every_page_until_they_have_moved_and_costs_no_query(
    app: FastAPI, client: httpx2.AsyncClient, agent: Person, workspace: Caller, telegram: TelegramSimulator, central: str, db
) -> None:
    await log_in(client, AGENT)
    with counted() as with_banner:
        assert BANNER in await page(client, "/profile")
    for path in ("/", "/messages", "/contacts", "/channels", "/my-channels"):
        assert BANNER in await page(client, path), path
    assert BANNER in await page(client, "/contacts/nonsense", 404)
    assert re.search(r'href="/my-channels/new/telegram"[^>]*>Set up my own<', await page(client, "/"))
    made = await agent.call("POST", "/me/channels", wanted(telegram), 201)
    begun = await page(client, "/")
    assert "You have begun a channel of your own" in begun
    assert 'href="/my-channels">Go on with it<' in begun
    await link(app, agent, workspace, telegram, made["id"])
    with counted() as without:
        assert BANNER not in await page(client, "/profile")
    assert len(with_banner) == len(without)


async def test_not_now_puts_it_off_for_this_visit_alone(app: FastAPI, client: httpx2.AsyncClient, agent: Person, central: str) -> None:
    await log_in(client, AGENT)
    later = await submit(client, "/my-channels/later")
    assert later.status_code == 303
    assert "max-age" not in later.headers["set-cookie"].lower()
    assert BANNER not in await page(client, "/contacts")
    await log_in(client, OWNER)
    assert BANNER in await page(client, "/contacts")
    await log_in(client, AGENT)
    assert BANNER in await page(client, "/contacts"), "a new login is a new visit"


async def test_who_may_not_have_a_channel_of_their_own_is_not_asked(
    app: FastAPI, client: httpx2.AsyncClient, owner: Person, workspace: Caller, central: str
) -> None:
    await sign_in_as(app, client, workspace, "viewer@acme.example", Role.VIEWER)
    await keep(owner, central, {"viewer@acme.example": "9"})
    await log_in(client, "viewer@acme.example")
    assert BANNER not in await page(client, "/contacts")


async def test_the_owner_marks_a_channel_and_keeps_a_list_on_its_page(
    client: httpx2.AsyncClient, owner: Person, agent: Person, telegram: TelegramSimulator
) -> None:
    made = await owner.call("POST", "/channels", {**wanted(telegram), "name": "Love bot"}, 201)
    await log_in(client, OWNER)
    address = f"/channels/{made['id']}"
    assert "Mark as central" in await page(client, address)
    assert (await submit(client, f"{address}/make-central")).headers["location"] == f"{address}/central"
    assert "No addresses kept yet" in await page(client, f"{address}/central")
    mixed = await submit(client, f"{address}/central", list=f"{AGENT}, 1001\nstranger@acme.example, 5")
    assert mixed.status_code == 422
    assert "1 line could not be kept" in mixed.text
    assert re.search(r"<textarea[^>]*>stranger@acme.example, 5</textarea>", mixed.text)
    wrong = await submit(client, f"{address}/central", list="nonsense")
    assert (wrong.status_code, "Line 1 is not" in wrong.text) == (422, True)
    assert (await submit(client, f"{address}/central", list=f"{OWNER}\t1002")).status_code == 303
    text = await page(client, f"{address}/central")
    assert text.count("not yet") == 2
    member = re.search(r"/central/(usr_\w+)/remove", text)
    assert member
    assert (await submit(client, f"{address}/central/{member.group(1)}/remove")).status_code == 303
    assert "Members on it" in await page(client, address)
    assert "central" in await page(client, "/channels")
    assert (await submit(client, f"{address}/end-central")).headers["location"] == address
    assert "Mark as central" in await page(client, address)
    sandbox = await owner.call("POST", "/channels", {"name": "Try-out", "provider": "sandbox"}, 201)
    assert "Mark as central" not in await page(client, f"/channels/{sandbox['id']}")
    assert (await submit(client, f"/channels/{sandbox['id']}/make-central")).headers["location"] == f"/channels/{sandbox['id']}"


async def test_an_agent_scans_the_code_of_their_own_linked_device_and_nobody_else_sees_it(
    app: FastAPI, client: httpx2.AsyncClient, owner: Person, agent: Person, workspace: Caller, db
) -> None:
    channel_id = new_id()
    await db.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, owner_id) "
        "SELECT $1, $2, 'Phone', 'whatsapp_linked', 'whatsapp', '', 'x', id FROM users WHERE email = $3",
        workspace.id, channel_id, AGENT,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO channel_sessions (workspace_id, channel_id, state, qr) VALUES ($1, $2, 'pairing', '2@code')", workspace.id, channel_id
    )
    channel = show_id("chn", channel_id)
    assert (await agent.call("GET", f"/channels/{channel}/session"))["qr"] == "2@code"
    await owner.call("GET", f"/channels/{channel}/session", status=404)
    await log_in(client, AGENT)
    text = await page(client, f"/my-channels/{channel}")
    assert 'alt="QR code to link a phone"' in text
    assert f'hx-sse:connect="/channels/{channel}/session/events"' in text
    await db.execute("UPDATE channel_sessions SET state = 'connected', qr = '', address = '+254711000123'")
    assert "your phone is joined to it" in await page(client, f"/my-channels/{channel}")


async def test_the_table_of_members_is_searched_filtered_and_goes_on(
    app: FastAPI, client: httpx2.AsyncClient, owner: Person, agent: Person, workspace: Caller, telegram: TelegramSimulator, central: str, db
) -> None:
    await agent.call("POST", "/me/channels", wanted(telegram, name="Secret bot"), 201)
    await log_in(client, OWNER)
    text = await page(client, "/channels/members")
    assert ("their own" in text, "Love bot" in text, "Secret bot" in text) == (True, True, False)
    assert OWNER in await page(client, "/channels/members?only=still_central")
    part = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial"}
    found = (await client.get("/channels/members?only=own", headers=part)).text
    assert (found.count("<tr>"), "Secret" in found, "<html" in found) == (2, False, False)
    assert "Nobody fits" in await page(client, "/channels/members?search=nobody")
    with counted() as few:
        await page(client, "/channels/members")
    for number in range(60):
        await db.execute(
            "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, owner_id) "
            "SELECT $1, $2, $3, 'telegram', 'telegram', '', $3, id FROM users WHERE email = $4",
            workspace.id, new_id(), f"bot {number}", AGENT,
        )  # fmt: skip
    with counted() as many:
        text = await page(client, "/channels/members")
    assert len(many) == len(few) <= 8
    more = re.search(r'href="(/channels/members\?[^"]*cursor=[^"]+)"', text)
    assert more
    rows = (await client.get(more.group(1).replace("&amp;", "&"), headers=part)).text
    assert rows.count("<tr>") == 63 - 50
    assert BOT_TOKEN not in text
