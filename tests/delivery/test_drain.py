"""A channel's turn against a provider that misbehaves in every documented way."""

from __future__ import annotations

import time

import pytest

from tests.chaos.site import Site
from tests.delivery import builders
from tests.delivery.engine import jobs_of, make_engine, take_turn
from tests.simulators.twilio import TwilioSimulator
from tidings.providers.http import Http


@pytest.fixture
async def twilio():
    async with TwilioSimulator() as simulator:
        yield simulator


@pytest.fixture
async def http():
    async with Http(total_seconds=1.0, connect_seconds=1.0) as client:
        yield client


@pytest.fixture
def site(database, tmp_path, twilio):
    return Site(database.url, tmp_path, twilio.url)


@pytest.fixture
def engine(database, site, http):
    return make_engine(database, site.home, http, slice_seconds=3.0, allowed_api_base_urls=site.provider_url)


async def _send(database, site, engine, count, *, limits=None, turns=1, **message):
    async with database.pool.acquire() as db:
        at = await site.channel(db, limits=limits or {"per_second": None, "concurrency": 8})
        campaign = await builders.campaign(db, at, text="Hello {{ name|default('you') }}")
        ids = await builders.messages(db, at, count, campaign_id=campaign, text=None, **message)
    for _ in range(turns):
        await take_turn(engine, at.channel_id)
    return at, campaign, ids


async def _statuses(database, ids):
    async with database.pool.acquire() as db:
        return await builders.statuses(db, ids)


async def test_a_campaign_goes_out_and_every_recipient_is_sent_once(database, site, engine, twilio):
    _, campaign, ids = await _send(database, site, engine, 500)
    assert await _statuses(database, ids) == {"sent": 500}
    assert set(twilio.requests.values()) == {1}
    async with database.pool.acquire() as db:
        assert await builders.counted(db, campaign) == {"sent": 500}
        assert await db.fetchval("SELECT count(*) FROM attempts WHERE outcome = 'accepted'") == 500
        assert await db.fetchval("SELECT count(DISTINCT provider_message_id) FROM messages") == 500
    assert {entry["form"]["Body"] for entry in twilio.log} == {"Hello you"}


async def test_a_text_that_cannot_be_filled_in_fails_for_that_recipient_alone(database, site, engine, twilio):
    async with database.pool.acquire() as db:
        at = await site.channel(db, limits={"per_second": None})
        campaign = await builders.campaign(db, at, text="Hello {{ name }}")
        ids = await builders.messages(db, at, 2, campaign_id=campaign, text=None)
        await db.execute('UPDATE messages SET variables = \'{"name": "Ada"}\' WHERE id = $1', ids[0])
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        failed = await db.fetchrow("SELECT * FROM messages WHERE id = $1", ids[1])
    assert (failed["status"], failed["error_code"]) == ("failed", "rejected_content")
    assert "name" in failed["error_detail"]
    assert [entry["form"]["Body"] for entry in twilio.log] == ["Hello Ada"]


async def test_retry_after_pauses_the_channel_and_costs_no_attempt(database, site, engine, twilio):
    twilio.faults.add(kind="rate_limited", count=1, retry_after="2")
    at, _, ids = await _send(database, site, engine, 20, limits={"per_second": None, "concurrency": 1})
    assert await _statuses(database, ids) == {"queued": 20}
    async with database.pool.acquire() as db:
        assert await db.fetchval("SELECT max(failures) FROM messages") == 0
        pause = await db.fetchval("SELECT extract(epoch FROM paused_until - now())::float FROM channel_pace")
    assert 1.0 < pause <= 2.1
    begun = len(twilio.log)
    await take_turn(engine, at.channel_id)
    assert len(twilio.log) == begun, "asked again although the provider wanted quiet"
    async with database.pool.acquire() as db:
        await db.execute("UPDATE channel_pace SET paused_until = now()")
        await db.execute("UPDATE messages SET due_at = now()")
    await take_turn(engine, at.channel_id)
    assert await _statuses(database, ids) == {"sent": 20}


@pytest.mark.parametrize(
    ("fault", "delivery", "status"),
    [
        ({"kind": "server_error"}, "at_most_once", "unknown"),
        ({"kind": "server_error"}, "at_least_once", "queued"),
        ({"kind": "reset", "taken": True}, "at_most_once", "unknown"),
        ({"kind": "hang", "seconds": 3.0}, "at_most_once", "unknown"),
        ({"kind": "garbage", "taken": True}, "at_most_once", "unknown"),
        ({"kind": "truncated", "taken": True}, "at_least_once", "queued"),
    ],
)
async def test_an_answer_that_proves_nothing_is_never_guessed(database, site, engine, twilio, fault, delivery, status):
    twilio.faults.add(**fault)
    _, _, ids = await _send(database, site, engine, 3, delivery=delivery)
    assert await _statuses(database, ids) == {status: 3}
    async with database.pool.acquire() as db:
        marked = await db.fetchval("SELECT bool_and(possible_duplicate) FROM messages")
    assert marked is (delivery == "at_least_once")


@pytest.mark.parametrize(("kind", "code"), [("wrong_credentials", "invalid_credentials"), ("no_balance", "insufficient_balance")])
async def test_a_fault_of_the_channel_stops_it_tells_once_and_loses_nobody(database, site, engine, twilio, kind, code):
    twilio.faults.add(kind=kind)
    at, _, ids = await _send(database, site, engine, 50, turns=3)
    assert await _statuses(database, ids) == {"queued": 50}
    async with database.pool.acquire() as db:
        assert await db.fetchval("SELECT stopped_code FROM channels") == code
        assert await db.fetchval("SELECT count(*) FROM alerts") == 1
        assert await db.fetchval("SELECT max(failures) FROM messages") == 0
        twilio.faults.clear()
        await db.execute("UPDATE channels SET stopped_at = NULL, stopped_code = NULL")
        await db.execute("UPDATE messages SET due_at = now()")
    await take_turn(engine, at.channel_id)
    assert await _statuses(database, ids) == {"sent": 50}


async def test_the_breaker_holds_the_queue_of_a_channel_that_keeps_failing_and_one_probe_opens_it(database, site, engine, twilio):
    twilio.faults.add(kind="server_error")
    at, _, ids = await _send(database, site, engine, 200, limits={"per_second": None, "concurrency": 2})
    after = await _statuses(database, ids)
    assert after["unknown"] <= 12, "the whole campaign was burnt on a provider that is down"
    async with database.pool.acquire() as db:
        assert await db.fetchval("SELECT breaker FROM channel_pace") == "open"
        await db.execute("UPDATE channel_pace SET paused_until = now()")
        await db.execute("UPDATE messages SET due_at = now()")
    asked = len(twilio.log)
    await take_turn(engine, at.channel_id)
    assert len(twilio.log) == asked + 1, "a probe is one message"
    twilio.faults.clear()
    async with database.pool.acquire() as db:
        await db.execute("UPDATE channel_pace SET paused_until = now()")
    await take_turn(engine, at.channel_id)
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await db.fetchval("SELECT breaker FROM channel_pace") == "closed"
    assert (await _statuses(database, ids)).get("queued", 0) == 0


async def test_the_pace_is_kept_over_turns(database, site, engine, twilio):
    began = time.monotonic()
    at, _, ids = await _send(database, site, engine, 40, limits={"per_second": 20, "burst": 1, "concurrency": 8})
    while (await _statuses(database, ids)).get("queued"):
        await take_turn(engine, at.channel_id)
    assert time.monotonic() - began >= 40 / 20 - 0.2
    assert set(twilio.requests.values()) == {1}


async def test_a_provider_opt_out_is_kept_for_every_later_message(database, site, engine, twilio):
    twilio.faults.add(kind="status", code=21610)
    _, _, ids = await _send(database, site, engine, 1)
    assert await _statuses(database, ids) == {"failed": 1}
    async with database.pool.acquire() as db:
        assert await db.fetchval("SELECT source FROM opt_outs") == "provider"


async def test_stopping_the_worker_gives_back_what_was_not_begun(database, site, engine, twilio):
    twilio.faults.add(kind="slow", seconds=0.2)
    engine.stop.set()
    _, _, ids = await _send(database, site, engine, 100, limits={"per_second": None, "concurrency": 2})
    left = await _statuses(database, ids)
    assert left == {"queued": 100}
    assert not twilio.log


async def test_a_drained_channel_leaves_no_job_behind(database, site, engine):
    at, _, _ = await _send(database, site, engine, 5)
    assert await jobs_of(database, at.channel_id) == 0
