"""Channels over HTTP: set up, changed, checked, stopped and mended, deleted; their secrets never seen again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.channels.builders import ACCOUNT_SID, AUTH_TOKEN, TWILIO, TWILIO_SECRETS
from tests.simulators.twilio import TwilioSimulator
from tidings.channels.runtime import open_channel, stop_channel
from tidings.core.ids import new_id, read_id, show_id
from tidings.settings import Settings

URL = "/api/v1/channels"
FIELDS = TWILIO | TWILIO_SECRETS
LIMITS = {
    "per_second": 1.0, "burst": 1, "concurrency": 16, "per_recipient": [], "per_day": None, "per_day_counts": "messages", "jitter_seconds": 0.0,
    "day": None,
}  # fmt: skip


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN) as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path, twilio) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, public_url="https://tidings.example", allowed_api_base_urls=twilio.url)


@pytest.fixture
def api(client, workspace):
    """Calls the API as the workspace's owner and gives the JSON of the expected answer."""

    async def call(method: str, path: str = "", body=None, *, expect: int = 200):
        answer = await client.request(method, URL + path if not path.startswith("/api") else path, json=body, headers=workspace.headers)
        assert answer.status_code == expect, answer.text
        assert AUTH_TOKEN not in answer.text
        return answer.json() if answer.content else None

    return call


@pytest.fixture
async def channel(api, twilio):
    body = {"name": "Main", "provider": "twilio", "sender": "+15005550006", "fields": FIELDS, "api_base_url": twilio.url}
    return await api("POST", "", body, expect=201)


async def test_a_channel_shows_everything_but_its_secrets(api, channel, workspace, client):
    assert channel["fields"] == TWILIO
    assert channel["secrets"] == {"auth_token": f"…{AUTH_TOKEN[-4:]}"}
    assert channel["state"] == "active"
    assert channel["is_default"], "the first of its medium"
    assert channel["limits"] == LIMITS
    assert channel["hook_url"].startswith("https://tidings.example/hooks/")
    assert await api("GET", f"/{channel['id']}") == channel
    listed = await client.get(URL, headers=workspace.headers)
    assert listed.json() == {"items": [channel], "next_cursor": None}


async def test_secrets_lie_sealed_and_out_of_the_audit_log(app, channel):
    pool = app.state.database.pool
    rows = await pool.fetch("SELECT c::text AS row FROM channels c UNION ALL SELECT a::text FROM audit_log a")
    assert not any(AUTH_TOKEN in row["row"] for row in rows)
    assert not any(
        channel["hook_url"].rpartition("/")[2] in row["row"] for row in await pool.fetch("SELECT a::text AS row FROM audit_log a")
    )
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'channel.created'") == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"provider": "pigeon"}, "provider"),
        ({"fields": {"account_sid": "AC1", "auth_token": "x"}}, "fields.account_sid"),
        ({"fields": TWILIO}, "fields.auth_token"),
        ({"fields": FIELDS | {"colour": "red"}}, "fields.colour"),
        ({"medium": "telegram"}, "medium"),
        ({"api_base_url": "http://169.254.169.254"}, "api_base_url"),
        ({"limits": {"per_second": 0}}, "limits.per_second"),
        ({"limits": {"concurrency": 100000}}, "limits.concurrency"),
        ({"name": "  "}, "name"),
        ({"sender": "a\0b"}, "sender"),
        ({"sender": "0711 000 123"}, "sender"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_made(api, app, change, field):
    problem = await api("POST", "", {"name": "Main", "provider": "twilio", "fields": FIELDS} | change, expect=422)
    assert field in [one["field"] for one in problem["errors"]], problem
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM channels") == 0


async def test_a_sender_is_kept_without_the_gaps_that_people_write_and_one_from_before_may_stay(api, app, channel):
    assert (await api("PATCH", f"/{channel['id']}", {"sender": "+1 (500) 555-0006"}))["sender"] == "+15005550006"
    assert (await api("PATCH", f"/{channel['id']}", {"sender": "0711"}, expect=422))["errors"][0]["field"] == "sender"
    await app.state.database.pool.execute("UPDATE channels SET sender = '0711'")
    assert (await api("PATCH", f"/{channel['id']}", {"sender": "0711", "name": "Older"}))["sender"] == "0711"


async def test_two_channels_cannot_share_a_name_and_one_is_the_default(api, channel):
    assert (await api("POST", "", {"name": "main", "provider": "sandbox"}, expect=409))["code"] == "name_taken"
    second = await api("POST", "", {"name": "Second", "provider": "sandbox"}, expect=201)
    assert not second["is_default"]
    assert (await api("PUT", f"/{second['id']}/default"))["is_default"]
    assert not (await api("GET", f"/{channel['id']}"))["is_default"]
    third = await api("POST", "", {"name": "Third", "provider": "sandbox", "is_default": True}, expect=201)
    assert third["is_default"]
    await api("DELETE", f"/{second['id']}/enabled")
    await api("PUT", f"/{second['id']}/default", expect=409)


async def test_a_change_keeps_what_is_not_given(api, app, channel):
    changed = await api("PATCH", f"/{channel['id']}", {"name": "Renamed", "limits": {"per_second": None, "concurrency": 4}})
    assert (changed["name"], changed["fields"], changed["secrets"]) == ("Renamed", TWILIO, channel["secrets"])
    assert changed["limits"] == LIMITS | {"per_second": None, "concurrency": 4}
    assert await _opened(app, channel) == TWILIO_SECRETS
    other_sid = "AC" + "f" * 32
    changed = await api("PATCH", f"/{channel['id']}", {"fields": {"account_sid": other_sid}})
    assert changed["fields"]["account_sid"] == other_sid
    assert await _opened(app, channel) == TWILIO_SECRETS
    assert (await api("PATCH", f"/{channel['id']}", {"limits": {}}))["limits"] == channel["limits"]


async def test_a_new_secret_replaces_the_old_one_and_the_log_tells_only_its_name(api, app, channel):
    await api("PATCH", f"/{channel['id']}", {"fields": {"auth_token": "a-brand-new-token-0123"}})
    assert await _opened(app, channel) == {"auth_token": "a-brand-new-token-0123"}
    after = await app.state.database.pool.fetchval("SELECT after::text FROM audit_log WHERE action = 'channel.changed'")
    assert '"credentials_replaced": ["auth_token"]' in after
    assert "brand-new" not in after


async def test_an_optional_secret_can_be_cleared_and_a_required_one_cannot(api, app, channel):
    await api("PATCH", f"/{channel['id']}", {"fields": {"webhook_key": "k"}})
    assert await _opened(app, channel) == TWILIO_SECRETS | {"webhook_key": "k"}
    assert (await api("PATCH", f"/{channel['id']}", {"fields": {"webhook_key": ""}}))["secrets"].keys() == {"auth_token"}
    await api("PATCH", f"/{channel['id']}", {"fields": {"auth_token": ""}}, expect=422)
    assert await _opened(app, channel) == TWILIO_SECRETS


async def test_a_check_proves_the_account_or_says_what_is_wrong(api, channel):
    assert await api("POST", f"/{channel['id']}/check") == {
        "ok": True, "detail": "Signed in to the Twilio account “Simulated”, which is active.", "code": None,
    }  # fmt: skip
    await api("PATCH", f"/{channel['id']}", {"fields": {"auth_token": "wrong-token-0123456789"}})
    wrong = await api("POST", f"/{channel['id']}/check")
    assert (wrong["ok"], wrong["code"]) == (False, "invalid_credentials")


async def test_a_balance_is_kept_for_an_hour_and_refreshed_on_request(api, app, channel, twilio):
    assert (await api("GET", f"/{channel['id']}/balance"))["balance"] == {"amount": "42.50", "currency": "USD"}
    twilio.balance = "7.00"
    assert (await api("GET", f"/{channel['id']}/balance"))["balance"]["amount"] == "42.50"
    assert (await api("GET", f"/{channel['id']}/balance?refresh=true"))["balance"]["amount"] == "7.00"
    twilio.balance = "6.00"
    await app.state.database.pool.execute("UPDATE channels SET balance_at = balance_at - interval '61 minutes'")
    assert (await api("GET", f"/{channel['id']}/balance"))["balance"]["amount"] == "6.00"
    assert (await api("GET", f"/{channel['id']}"))["balance"]["balance"]["amount"] == "6.00"


async def test_a_stopped_channel_goes_on_only_after_a_check_succeeds(api, app, channel):
    pool = app.state.database.pool
    channel_id = read_id("chn", channel["id"])
    async with pool.acquire() as db:
        await db.execute(
            "INSERT INTO channel_pace (channel_id, paused_until, failures_in_row, breaker) VALUES ($1, 'infinity', 12, 'open')", channel_id
        )
        await stop_channel(db, channel_id, "invalid_credentials", "Twilio error 20003")
    stopped = await api("GET", f"/{channel['id']}")
    assert (stopped["state"], stopped["stop"]["code"], stopped["stop"]["detail"]) == (
        "stopped",
        "invalid_credentials",
        "Twilio error 20003",
    )
    await api("PATCH", f"/{channel['id']}", {"fields": {"auth_token": "wrong-token-0123456789"}})
    assert "stays stopped" in (await api("DELETE", f"/{channel['id']}/stop", expect=409))["detail"]
    await api("PATCH", f"/{channel['id']}", {"fields": {"auth_token": AUTH_TOKEN}})
    assert (await api("DELETE", f"/{channel['id']}/stop"))["state"] == "active"
    pace = await pool.fetchrow("SELECT paused_until <= now() AS free, failures_in_row, breaker FROM channel_pace")
    assert tuple(pace) == (True, 0, "closed")
    assert await pool.fetchval("SELECT count(*) FROM pgqueuer WHERE dedupe_key = $1", f"drain:{channel_id}") == 1, "the queue is woken"


async def test_alerts_are_listed_and_closed_by_hand(api, app, channel):
    async with app.state.database.pool.acquire() as db:
        await stop_channel(db, read_id("chn", channel["id"]), "insufficient_balance", "Twilio error 20005")
    (alert,) = (await api("GET", "/api/v1/alerts"))["items"]
    assert (alert["channel"], alert["kind"]) == (channel["id"], "insufficient_balance")
    assert (await api("PUT", f"/api/v1/alerts/{alert['id']}/resolution"))["resolved_at"] is not None
    assert (await api("GET", "/api/v1/alerts"))["items"] == []
    assert len((await api("GET", "/api/v1/alerts?resolved=true"))["items"]) == 1


async def test_a_test_message_goes_the_way_of_every_message(api, app, channel):
    made = await api("POST", f"/{channel['id']}/test", {"to": "0712 345 678"}, expect=202)
    row = await app.state.database.pool.fetchrow(
        "SELECT address, status, priority FROM messages WHERE id = $1", read_id("msg", made["message"])
    )
    assert tuple(row) == ("+254712345678", "queued", 0)
    assert (await api("GET", f"/{channel['id']}"))["last_24_hours"]["waiting"] == 1


async def test_a_test_message_repeated_with_its_key_is_one(client, workspace, channel):
    headers = workspace.headers | {"Idempotency-Key": "one"}
    answers = [await client.post(f"{URL}/{channel['id']}/test", json={"to": "0712 345 678"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()


async def test_a_channel_with_waiting_messages_cannot_be_deleted_and_one_without_loses_its_secrets(api, app, channel):
    pool = app.state.database.pool
    await api("POST", f"/{channel['id']}/test", {"to": "0712 345 678"}, expect=202)
    assert "1 message still" in (await api("DELETE", f"/{channel['id']}", expect=409))["detail"]
    await pool.execute("UPDATE messages SET status = 'cancelled'")
    await api("DELETE", f"/{channel['id']}", expect=204)
    await api("GET", f"/{channel['id']}", expect=404)
    assert await pool.fetchval("SELECT credentials FROM channels") == b""
    assert (await api("GET"))["items"] == []
    again = await api("POST", "", {"name": "Main", "provider": "sandbox"}, expect=201)
    assert again["is_default"]


async def test_a_disabled_channel_takes_no_messages(api, channel):
    assert (await api("DELETE", f"/{channel['id']}/enabled"))["state"] == "disabled"
    assert (await api("POST", f"/{channel['id']}/test", {"to": "0712 345 678"}, expect=409))["code"] == "channel_disabled"
    assert (await api("PUT", f"/{channel['id']}/enabled"))["state"] == "active"


async def test_providers_tell_what_they_need(api):
    twilio = next(one for one in (await api("GET", "/api/v1/providers"))["items"] if one["kind"] == "twilio")
    assert {one["name"]: one["secret"] for one in twilio["fields"]}["auth_token"] is True
    assert twilio["capabilities"]["mediums"] == ["sms"]


async def test_channels_come_page_by_page(api):
    made = [(await api("POST", "", {"name": f"C{n}", "provider": "sandbox"}, expect=201))["id"] for n in range(5)]
    first = await api("GET", "?limit=3")
    rest = await api("GET", f"?limit=3&cursor={first['next_cursor']}")
    assert [one["id"] for one in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None


async def test_another_workspace_cannot_close_our_alerts(client, app, channel, other_workspace):
    async with app.state.database.pool.acquire() as db:
        await stop_channel(db, read_id("chn", channel["id"]), "x", "y")
        alert = show_id("alr", await db.fetchval("SELECT id FROM alerts"))
    answer = await client.put(f"/api/v1/alerts/{alert}/resolution", headers=other_workspace.headers)
    assert answer.status_code == 404


async def test_another_workspace_sees_nothing(client, channel, other_workspace):
    strange = show_id("chn", new_id())
    for method, path in [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/enabled"), ("DELETE", "/enabled"), ("PUT", "/default"),
        ("DELETE", "/stop"), ("POST", "/check"), ("GET", "/balance"), ("POST", "/test"),
    ]:  # fmt: skip
        body = {"to": "+254712345678"} if path == "/test" else {}
        answers = [
            await client.request(method, f"{URL}/{one}{path}", json=body, headers=other_workspace.headers)
            for one in (channel["id"], strange, "nonsense")
        ]
        assert [answer.status_code for answer in answers] == [404] * 3, (method, path)


async def _opened(app, channel) -> dict[str, str]:
    state = app.state
    async with state.database.pool.acquire() as db:
        opened = await open_channel(db, state.vault, state.settings, read_id("chn", channel["id"]) or UUID(int=0))
    return dict(opened.config.credentials)
