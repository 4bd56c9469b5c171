"""The pages of moving: the banner that leads to a channel of one's own, the list of old addresses, who is on what."""

from __future__ import annotations

import re

import httpx2
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.people import AGENT, OWNER, Person, agent, central, db, keep, link, owner, settings, sign_in_as, wanted
from tests.inbox.conftest import telegram
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit
from tidings.core.ids import new_id, show_id
from tidings.workspaces.rules import Role

__all__ = ["agent", "central", "db", "owner", "settings", "telegram"]
BANNER = 'id="still-central"'


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
