"""Channels started, stopped and restarted over HTTP, one and many; what happened to them; totals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.channels.builders import ACCOUNT_SID, AUTH_TOKEN, TWILIO, TWILIO_SECRETS
from tests.simulators.twilio import TwilioSimulator
from tidings.channels.activity import Happened, note_activity
from tidings.channels.runtime import stop_channel
from tidings.core.ids import read_id
from tidings.insights.housekeeping import prune
from tidings.settings import Settings
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import create_api_key

URL = "/api/v1/channels"
TELEGRAM = {"bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"}


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN) as simulator:
        yield simulator


@pytest.fixture
def public_url() -> str:
    return "https://tidings.example"


@pytest.fixture
def settings(tmp_path, twilio, public_url) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, public_url=public_url, allowed_api_base_urls=twilio.url)


@pytest.fixture
def api(client, workspace):
    async def call(method: str, path: str = "", body=None, *, expect: int = 200, headers=None):
        answer = await client.request(
            method, URL + path if not path.startswith("/api") else path, json=body, headers=headers or workspace.headers
        )
        assert answer.status_code == expect, answer.text
        assert AUTH_TOKEN not in answer.text
        return answer.json()

    return call


@pytest.fixture
async def channel(api, twilio):
    body = {"name": "Main", "provider": "twilio", "sender": "+15005550006", "fields": TWILIO | TWILIO_SECRETS, "api_base_url": twilio.url}
    return await api("POST", "", body, expect=201)


def _id(channel) -> UUID:
    found = read_id("chn", channel["id"])
    assert found is not None
    return found


async def test_start_stop_and_restart_are_wishes_that_are_kept_and_audited(api, channel, app):
    assert (channel["desired"], channel["actual"]["state"], channel["health"]["state"]) == ("running", "running", "unknown")
    stopped = await api("POST", f"/{channel['id']}/control", {"action": "stop"})
    assert (stopped["desired"], stopped["actual"]["state"], stopped["enabled"]) == ("stopped", "stopped", False)
    assert stopped["actual"]["since"] > channel["actual"]["since"]
    started = await api("POST", f"/{channel['id']}/control", {"action": "start"})
    assert (started["desired"], started["actual"]["state"]) == ("running", "running")
    await api("POST", f"/{channel['id']}/control", {"action": "restart"})
    kinds = [one["kind"] for one in (await api("GET", f"/{channel['id']}/activity"))["items"]]
    assert kinds == ["restarted", "started", "stopped"]
    audit = [
        row["action"]
        for row in await app.state.database.pool.fetch("SELECT action FROM audit_log WHERE object_id = $1 ORDER BY id", _id(channel))
    ]
    assert audit == ["channel.created", "channel.disabled", "channel.enabled", "channel.begun_again"]
    await api("POST", f"/{channel['id']}/control", {"action": "explode"}, expect=422)


async def test_a_failed_channel_starts_only_when_its_check_succeeds(api, channel, app):
    async with app.state.database.pool.acquire() as db:
        await stop_channel(db, _id(channel), "insufficient_balance", "No money left")
    shown = await api("GET", f"/{channel['id']}")
    assert (shown["desired"], shown["actual"]["state"], shown["actual"]["detail"]) == ("running", "failed", "No money left")
    started = await api("POST", f"/{channel['id']}/control", {"action": "start"})
    assert started["actual"]["state"] == "running"
    assert started["health"]["state"] == "healthy"
    assert started["health"]["latency_ms"] is not None
    assert started["health"]["checked_at"] is not None


async def test_a_check_that_finds_wrong_credentials_stops_the_channel(api, twilio):
    body = {"name": "Wrong", "provider": "twilio", "fields": TWILIO | {"auth_token": "00" * 16}, "api_base_url": twilio.url}
    made = await api("POST", "", body, expect=201)
    assert not (await api("POST", f"/{made['id']}/check"))["ok"]
    assert (await api("GET", f"/{made['id']}"))["actual"]["state"] == "failed"
    refused = await api("POST", f"/{made['id']}/control", {"action": "start"}, expect=409)
    assert refused["code"] == "invalid_credentials"


async def test_many_are_controlled_at_once_each_with_its_own_result(api, channel, app, other_workspace, client):
    sandbox = await api("POST", "", {"name": "Try", "provider": "sandbox"}, expect=201)
    theirs = (await client.post(URL, json={"name": "Theirs", "provider": "sandbox"}, headers=other_workspace.headers)).json()
    done = await api("POST", "/control", {"action": "stop", "channels": [channel["id"], theirs["id"], sandbox["id"]]})
    assert (done["done"], done["failed"]) == (2, 1)
    assert [(one["ok"], one["desired"], one["code"]) for one in done["items"]] == [
        (True, "stopped", None), (False, None, "not_found"), (True, "stopped", None),
    ]  # fmt: skip
    assert (await client.get(f"{URL}/{theirs['id']}", headers=other_workspace.headers)).json()["enabled"]
    done = await api("POST", "/control", {"action": "start", "provider": "sandbox", "state": "stopped"})
    assert [one["channel"] for one in done["items"]] == [sandbox["id"]]
    assert (await api("POST", "/control", {"action": "start", "state": "failed"}))["items"] == []
    await api("POST", "/control", {"action": "stop"}, expect=422)
    await api("POST", "/control", {"action": "stop", "channels": [channel["id"]], "state": "running"}, expect=422)


async def test_totals_count_by_what_channels_are(api, channel):
    await api("POST", "", {"name": "Try", "provider": "sandbox"}, expect=201)
    await api("POST", "", {"name": "Bot", "provider": "telegram", "fields": TELEGRAM, "receive": "polling"}, expect=201)
    await api("POST", f"/{channel['id']}/control", {"action": "stop"})
    assert await api("GET", "/totals") == {
        "total": 3,
        "unhealthy": 0,
        "provider": {"twilio": 1, "sandbox": 1, "telegram": 1},
        "medium": {"sms": 2, "telegram": 1},
        "desired": {"running": 2, "stopped": 1},
        "actual": {"starting": 1, "running": 1, "degraded": 0, "stopped": 1, "failed": 0},
    }


async def test_who_may_only_look_may_not_control(api, channel, app, workspace):
    async with app.state.database.system() as session:
        key = await create_api_key(
            session, system_access(workspace.id, "tests"), name="Reader", scopes=frozenset({Permission.CHANNELS_READ})
        )
    reader = {"Authorization": f"Bearer {key.secret}"}
    await api("POST", f"/{channel['id']}/control", {"action": "stop"}, expect=403, headers=reader)
    await api("POST", "/control", {"action": "stop", "channels": [channel["id"]]}, expect=403, headers=reader)
    await api("GET", f"/{channel['id']}/activity", headers=reader)
    await api("GET", "/totals", headers=reader)


async def test_a_channel_receives_one_way_or_the_other(api, channel):
    bot = await api("POST", "", {"name": "Bot", "provider": "telegram", "fields": TELEGRAM}, expect=201)
    assert (bot["receive"], bot["actual"]["state"]) == ("hook", "running")
    changed = await api("PATCH", f"/{bot['id']}", {"receive": "polling"})
    assert (changed["receive"], changed["actual"]["state"]) == ("polling", "starting")
    refused = await api("PATCH", f"/{channel['id']}", {"receive": "polling"}, expect=422)
    assert "cannot be asked" in refused["detail"]


class TestWithoutPublicAddress:
    @pytest.fixture
    def public_url(self) -> str:
        return ""

    async def test_a_bot_polls_by_itself_and_a_hook_is_refused_with_the_reason(self, api):
        bot = await api("POST", "", {"name": "Bot", "provider": "telegram", "fields": TELEGRAM}, expect=201)
        assert bot["receive"] == "polling"
        refused = await api("PATCH", f"/{bot['id']}", {"receive": "hook"}, expect=409)
        assert refused["code"] == "no_public_url"
        assert "TIDINGS_PUBLIC_URL" in refused["detail"]


async def test_refused_hook_calls_are_told_once_a_minute(api, channel, client):
    path = channel["hook_url"].removeprefix("https://tidings.example")
    for _ in range(5):
        assert (await client.post(path, content="MessageSid=SM1&MessageStatus=sent")).status_code == 403
    [told] = (await api("GET", f"/{channel['id']}/activity?kind=hook_refused"))["items"]
    assert told["kind"] == "hook_refused"


async def test_activity_is_paged_and_pruned_by_age_and_by_count(api, channel, app):
    pool = app.state.database.pool
    async with pool.acquire() as db:
        await note_activity(db, [Happened(_id(channel), "run_failed", f"number {number}") for number in range(520)])
        old = "INSERT INTO channel_activity (workspace_id, id, channel_id, kind) SELECT workspace_id, id_floor(now() - interval '31 days'), id, 'started' FROM channels"
        await db.execute(old)
    first = await api("GET", f"/{channel['id']}/activity?limit=2")
    assert [one["detail"] for one in first["items"]] == ["number 519", "number 518"]
    second = await api("GET", f"/{channel['id']}/activity?limit=2&cursor={first['next_cursor']}")
    assert [one["detail"] for one in second["items"]] == ["number 517", "number 516"]
    await prune(pool)
    assert await pool.fetchval("SELECT count(*) FROM channel_activity") == 500
    assert await pool.fetchval("SELECT count(*) FROM channel_activity WHERE kind = 'started'") == 0
