"""A personal channel that its provider stopped: its owner is told, mends it, and nobody else hears of it."""

from __future__ import annotations

import re

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.people import AGENT, OWNER, Person, agent, db, link, owner, poll, settings, wanted
from tests.inbox.conftest import CHAT, telegram
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.workspaces.pages import HTML, log_in, submit
from tidings.channels.runtime import stop_channel
from tidings.core.ids import read_id, show_id

__all__ = ["agent", "db", "owner", "settings", "telegram"]
NEW_TOKEN = BOT_TOKEN[:-6] + "abcdef"
SECRET = "Secret bot"


@pytest.fixture
async def bot(agent: Person, telegram: TelegramSimulator) -> str:
    """The agent's own, whose token works."""
    return str((await agent.call("POST", "/me/channels", wanted(telegram, name=SECRET), 201))["id"])


@pytest.fixture
async def stopped(bot: str, telegram: TelegramSimulator, db) -> str:
    """The same with its token revoked."""
    telegram.revoked.add(BOT_TOKEN)
    await stop_channel(db, read_id("chn", bot), "invalid_credentials", "Unauthorized")
    return bot


async def page(client: httpx2.AsyncClient, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


# --- over the API -----------------------------------------------------------------------------------------------------


async def test_a_new_token_is_kept_and_the_channel_goes_on(agent: Person, stopped: str, telegram: TelegramSimulator) -> None:
    mended = await agent.call("PATCH", f"/me/channels/{stopped}", {"fields": {"bot_token": NEW_TOKEN}})
    assert (mended["state"], mended["stop"], mended["checked"]) == ("active", None, True)
    assert mended["secrets"] == {"bot_token": "…cdef"}
    assert (await agent.call("GET", "/alerts"))["items"] == []


async def test_a_token_that_is_refused_changes_nothing_and_the_provider_is_quoted(
    agent: Person, stopped: str, telegram: TelegramSimulator
) -> None:
    telegram.revoked.add(NEW_TOKEN)
    refused = await agent.call("PATCH", f"/me/channels/{stopped}", {"fields": {"bot_token": NEW_TOKEN}}, 422)
    assert refused["code"] == "invalid_credentials"
    assert "Unauthorized" in refused["detail"]
    assert "still stopped, and its messages wait" in refused["detail"]
    assert "Unauthorized" in refused["errors"][0]["message"]
    assert (await agent.call("GET", f"/me/channels/{stopped}"))["state"] == "stopped"
    unknown = await agent.call("PATCH", f"/me/channels/{stopped}", {"fields": {"colour": "red"}}, 422)
    assert unknown["errors"][0]["field"] == "fields.colour"


async def test_a_wrong_token_does_not_end_a_bot_that_works(agent: Person, bot: str, telegram: TelegramSimulator) -> None:
    telegram.revoked.add(NEW_TOKEN)
    refused = await agent.call("PATCH", f"/me/channels/{bot}", {"fields": {"bot_token": NEW_TOKEN}}, 422)
    assert "the channel goes on as it was" in refused["detail"]
    shown = await agent.call("GET", f"/me/channels/{bot}")
    assert (shown["state"], shown["secrets"]["bot_token"]) == ("active", f"…{BOT_TOKEN[-4:]}")


async def test_it_is_renamed_and_the_audit_log_tells_no_name(agent: Person, owner: Person, bot: str) -> None:
    renamed = await agent.call("PATCH", f"/me/channels/{bot}", {"name": "Evening whispers"})
    assert (renamed["name"], renamed["check"], renamed["checked"]) == ("Evening whispers", None, None)
    log = (await owner.call("GET", "/audit-log"))["items"]
    assert log[0]["action"] == "channel.changed"
    assert (log[0]["after"]["personal"], log[0]["after"]["changed"]) == (True, ["name"])
    assert "whispers" not in str(log)
    assert SECRET not in str(log)


async def test_it_is_stopped_started_and_restarted(agent: Person, bot: str, telegram: TelegramSimulator) -> None:
    control = f"/me/channels/{bot}/control"
    assert (await agent.call("POST", control, {"action": "stop"}))["state"] == "disabled"
    assert (await agent.call("POST", control, {"action": "start"}))["state"] == "active"
    assert (await agent.call("POST", control, {"action": "restart"}))["state"] == "active"


async def test_it_starts_again_without_a_new_token_once_the_provider_accepts_the_old_one(
    agent: Person, owner: Person, stopped: str, telegram: TelegramSimulator
) -> None:
    refused = await agent.call("POST", f"/me/channels/{stopped}/control", {"action": "start"}, 409)
    assert "The channel stays stopped, its messages wait." in refused["detail"]
    assert "Unauthorized" in refused["detail"]
    telegram.revoked.clear()
    assert (await agent.call("POST", f"/me/channels/{stopped}/control", {"action": "start"}))["state"] == "active"
    log = (await owner.call("GET", "/audit-log"))["items"]
    assert log[0]["action"] == "channel.restarted"
    assert "@" not in str([one["before"] | one["after"] for one in log[:1]]), "the provider's words name the bot"


async def test_one_that_a_phone_is_linked_to_begins_anew_without_being_asked(agent: Person, db) -> None:
    made = await agent.call("POST", "/me/channels", {"provider": "whatsapp_linked"}, 201)
    await stop_channel(db, read_id("chn", made["id"]), "invalid_credentials", "The device was unlinked.")
    assert (await agent.call("POST", f"/me/channels/{made['id']}/control", {"action": "start"}))["state"] == "active"


async def test_nobody_else_changes_or_starts_it(owner: Person, agent: Person, workspace: Caller, stopped: str) -> None:
    key = Person(agent.client, workspace.headers)
    for body, method, path in (({"name": "x"}, "PATCH", ""), ({"action": "start"}, "POST", "/control")):
        await owner.call(method, f"/me/channels/{stopped}{path}", body, 404)
        assert (await key.call(method, f"/me/channels/{stopped}{path}", body, 409))["code"] == "not_a_person"


async def test_its_alert_is_told_to_its_owner_alone(owner: Person, agent: Person, workspace: Caller, stopped: str) -> None:
    (alert,) = (await agent.call("GET", "/alerts"))["items"]
    assert (alert["channel"], alert["kind"]) == (stopped, "invalid_credentials")
    assert [one["id"] for one in (await agent.call("GET", "/dashboard"))["open_alerts"]] == [alert["id"]]
    for other in (owner, Person(agent.client, workspace.headers)):
        assert (await other.call("GET", "/alerts?resolved=true"))["items"] == []
        assert (await other.call("GET", "/dashboard"))["open_alerts"] == []
        await other.call("PUT", f"/alerts/{alert['id']}/resolution", status=404)
    assert (await agent.call("PUT", f"/alerts/{alert['id']}/resolution"))["resolved_at"] is not None
    log = (await owner.call("GET", "/audit-log"))["items"]
    assert log[0]["action"] == "alert.resolved"
    assert SECRET not in str(log)


async def test_the_alert_of_a_deleted_bot_is_nobodys_business(owner: Person, agent: Person, stopped: str, db) -> None:
    alert = show_id("alr", await db.fetchval("SELECT id FROM alerts"))
    await agent.call("DELETE", f"/me/channels/{stopped}", status=204)
    assert (await agent.call("GET", "/alerts"))["items"] == []
    assert await db.fetchval("SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0
    await owner.call("PUT", f"/alerts/{alert}/resolution", status=404)


async def test_who_leaves_leaves_no_alert_behind(stopped: str, db) -> None:
    assert await db.fetchval("SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 1
    await db.execute("DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE email = $1)", AGENT)
    assert await db.fetchval("SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0


async def test_an_agent_closes_no_alert_of_the_workspace(owner: Person, agent: Person, db) -> None:
    made = await owner.call("POST", "/channels", {"name": "Till", "provider": "sandbox"}, 201)
    await stop_channel(db, read_id("chn", made["id"]), "insufficient_balance", "No money left.")
    (alert,) = (await agent.call("GET", "/alerts"))["items"]
    await agent.call("PUT", f"/alerts/{alert['id']}/resolution", status=403)
    await owner.call("PUT", f"/alerts/{alert['id']}/resolution")


# --- the pages --------------------------------------------------------------------------------------------------------


async def test_the_stopped_channels_page_says_what_to_do_and_takes_a_new_token(
    client: httpx2.AsyncClient, stopped: str, telegram: TelegramSimulator
) -> None:
    await log_in(client, AGENT)
    address = f"/my-channels/{stopped}"
    text = await page(client, address)
    assert "Look up the current bot token at Telegram and type it in below" in text
    assert "Nothing is lost." in text
    assert "Wrong credentials" in await page(client, "/my-channels")
    assert (await submit(client, f"{address}/restart")).headers["location"] == address
    assert "The channel stays stopped, its messages wait." in await page(client, address)
    telegram.revoked.add(NEW_TOKEN)
    for token, sentence in (
        ("", "Fill this in."),
        ("nonsense", "Bot token does not look right"),
        (NEW_TOKEN, "Bot token is not accepted: "),
    ):
        refused = await submit(client, f"{address}/mend", field_bot_token=token)
        assert (refused.status_code, sentence in refused.text) == (422, True), sentence
    telegram.revoked.discard(NEW_TOKEN)
    assert (await submit(client, f"{address}/mend", field_bot_token=NEW_TOKEN)).headers["location"] == address
    text = await page(client, address)
    assert "It works and goes on." in text
    assert "Start again" not in text
    assert NEW_TOKEN not in text


async def test_messages_that_wait_are_counted_and_none_is_lost(
    app: FastAPI, client: httpx2.AsyncClient, agent: Person, workspace: Caller, bot: str, telegram: TelegramSimulator, db
) -> None:
    await link(app, agent, workspace, telegram, bot)
    await agent.call("POST", f"/me/channels/{bot}/test", status=202)
    await stop_channel(db, read_id("chn", bot), "invalid_credentials", "Unauthorized")
    await log_in(client, AGENT)
    assert "1 message waits; none is lost." in await page(client, f"/my-channels/{bot}")


async def test_the_bell_the_alerts_and_home_lead_to_its_page(client: httpx2.AsyncClient, stopped: str) -> None:
    await log_in(client, AGENT)
    text = await page(client, "/alerts")
    assert "1 open alert" in text
    assert f'href="/my-channels/{stopped}"' in text
    assert f'href="/channels/{stopped}"' not in text
    assert "type it in on the channel&#39;s page" in text
    assert f"{SECRET} needs you" in (home := await page(client, "/"))
    assert f'href="/my-channels/{stopped}"' in home
    (path,) = set(re.findall(r'action="(/alerts/alr_\w+/resolve)"', text))
    assert (await submit(client, path)).headers["location"] == "/alerts"
    assert "Nothing needs you" in await page(client, "/alerts")
    await log_in(client, OWNER)
    for other in ("/alerts?show=all", "/"):
        told = await page(client, other)
        assert SECRET not in told
        assert "1 open alert" not in told


async def test_it_is_renamed_and_given_a_new_token_under_edit(
    client: httpx2.AsyncClient, agent: Person, bot: str, telegram: TelegramSimulator
) -> None:
    await log_in(client, AGENT)
    edit = f"/my-channels/{bot}/edit"
    assert "Kept; leave empty to keep it" in await page(client, edit)
    assert (await submit(client, edit, name="My evening bot")).headers["location"] == f"/my-channels/{bot}"
    assert "My evening bot" in await page(client, f"/my-channels/{bot}")
    assert "Fill this in." in (await submit(client, edit, name="")).text
    telegram.revoked.add(NEW_TOKEN)
    refused = await submit(client, edit, name="x", field_bot_token=NEW_TOKEN)
    assert (refused.status_code, "Bot token is not accepted: " in refused.text) == (422, True)
    telegram.revoked.clear()
    await submit(client, edit, name="x", field_bot_token=NEW_TOKEN)
    assert (await agent.call("GET", f"/me/channels/{bot}"))["secrets"] == {"bot_token": "…cdef"}


async def test_a_link_that_was_opened_leaves_the_page_and_one_that_was_not_stays(
    app: FastAPI, client: httpx2.AsyncClient, agent: Person, workspace: Caller, bot: str, telegram: TelegramSimulator
) -> None:
    await log_in(client, AGENT)
    gone = '<hx-partial hx-target="#link"'
    for chat in (CHAT, CHAT + 1):  # the first, and another in its place
        made = (await submit(client, f"/my-channels/{bot}/link")).text
        assert "Open this on the phone" in made
        (refresh,) = re.findall(r'id="steps" hx-get="([^"]+)"', made)
        assert gone not in await _steps(client, refresh)
        telegram.write(BOT_TOKEN, chat, text=f"/start {made.split('?start=')[1].split(chr(34))[0]}")
        await poll(app, client, workspace, bot)
        after = await _steps(client, refresh)
        assert gone in after
        assert "your chat is joined" in after
        (again,) = re.findall(r'id="steps" hx-get="([^"]+)"', after)
        assert gone not in await _steps(client, again)


async def test_a_page_that_is_open_when_it_stops_gets_the_form_by_itself(client: httpx2.AsyncClient, bot: str, db) -> None:
    await log_in(client, AGENT)
    (refresh,) = re.findall(r'id="steps" hx-get="([^"]+)"', await page(client, f"/my-channels/{bot}"))
    assert "hx-partial" not in await _steps(client, refresh)
    await stop_channel(db, read_id("chn", bot), "invalid_credentials", "Unauthorized")
    drawn = await _steps(client, refresh)
    assert "Check it and go on" in drawn
    (again,) = re.findall(r'id="steps" hx-get="([^"]+)"', drawn)
    assert "hx-partial" not in await _steps(client, again), "what is typed in meanwhile stays"


async def _steps(client: httpx2.AsyncClient, refresh: str) -> str:
    headers = {**HTML, "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "steps"}
    return (await client.get(refresh.replace("&amp;", "&"), headers=headers)).text


async def test_the_page_of_an_unlinked_phone_offers_another_start_and_no_token(client: httpx2.AsyncClient, agent: Person, db) -> None:
    made = await agent.call("POST", "/me/channels", {"provider": "whatsapp_linked"}, 201)
    await stop_channel(db, read_id("chn", made["id"]), "invalid_credentials", "The device was unlinked.")
    await log_in(client, AGENT)
    address = f"/my-channels/{made['id']}"
    text = await page(client, address)
    assert "Start the channel again, then scan the code that appears below with your phone." in text
    assert f"{address}/mend" not in text
    assert "then scan the code that appears on the channel&#39;s page" in await page(client, "/alerts")
    await submit(client, f"{address}/restart")
    assert "It begins anew. Scan the code that appears below" in await page(client, address)
    assert "Unofficial" in await page(client, f"{address}/edit")
