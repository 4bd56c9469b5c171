"""From one central bot to channels of one's own: old addresses are kept and marked, and their members are led to set-up until they moved."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.people import AGENT, OWNER, Person, agent, central, db, keep, link, owner, settings, wanted
from tests.inbox.conftest import telegram
from tests.simulators.telegram import TelegramSimulator
from tidings.channels.central_list import Line, read_list
from tidings.core.cursor import write_cursor
from tidings.core.ids import new_id, read_id
from tidings.db.database import raw_connection
from tidings.errors import Invalid
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import create_api_key

__all__ = ["agent", "central", "db", "owner", "settings", "telegram"]


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
