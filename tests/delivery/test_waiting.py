"""What becomes due while a turn waits for answers, or while bulk is on its way, does not wait for them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from tests.chaos.site import Site
from tests.delivery import builders
from tests.delivery.engine import make_engine, take_turn
from tests.simulators.twilio import TwilioSimulator
from tidings.delivery.drain import Places
from tidings.providers.http import Http


@pytest.fixture
async def twilio():
    async with TwilioSimulator() as simulator:
        yield simulator


@pytest.fixture
async def http():
    async with Http(total_seconds=20.0) as client:
        yield client


@pytest.fixture
def site(database, tmp_path, twilio):
    return Site(database.url, tmp_path, twilio.url)


async def _arrived(twilio, number: str, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while number not in twilio.requests:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("after", [0.3, 2.5])
async def test_a_message_does_not_wait_for_the_slow_answer_to_another(database, site, http, twilio, after):
    """Within the turn's own time, and past its end, which the slow answer puts off."""
    engine = make_engine(database, site.home, http, slice_seconds=1.0, allowed_api_base_urls=site.provider_url)
    async with database.pool.acquire() as db:
        at = await site.channel(db, limits={"per_second": None, "concurrency": 4})
        (slow,) = await builders.messages(db, at, 1)
        number = await db.fetchval("SELECT address FROM messages WHERE id = $1", slow)
        twilio.faults.add(kind="slow", seconds=6.0, numbers=[number])
        turn = asyncio.create_task(take_turn(engine, at.channel_id))
        await _arrived(twilio, number, 5)
        await asyncio.sleep(after)
        begun = time.monotonic()
        (quick,) = await builders.messages(db, at, 1, prefix="+2541")
        other = await db.fetchval("SELECT address FROM messages WHERE id = $1", quick)
        await _arrived(twilio, other, 3)
        assert not turn.done()
        assert time.monotonic() - begun < 2.5
        await turn
        assert await builders.statuses(db, [slow, quick]) == {"sent": 2}
        assert await db.fetchval("SELECT count(*) FROM claims") == 0


async def test_an_urgent_message_overtakes_the_bulk_that_is_claimed_already(database, site, http, twilio):
    engine = make_engine(database, site.home, http, slice_seconds=30.0, allowed_api_base_urls=site.provider_url)
    twilio.faults.add(kind="slow", seconds=0.05)
    async with database.pool.acquire() as db:
        at = await site.channel(db, limits={"per_second": None, "concurrency": 2})
        campaign = await builders.campaign(db, at)
        await builders.messages(db, at, 300, campaign_id=campaign, text=None, priority=2)
        turn = asyncio.create_task(take_turn(engine, at.channel_id))
        while len(twilio.log) < 20:
            await asyncio.sleep(0.02)
        (urgent,) = await builders.messages(db, at, 1, priority=0, prefix="+2541")
        number = await db.fetchval("SELECT address FROM messages WHERE id = $1", urgent)
        await _arrived(twilio, number, 10)
        overtaken = 300 - len(twilio.log)
        engine.stop.set()
        await turn
    assert overtaken > 100


async def test_a_fast_channel_goes_on_past_its_seconds_and_forgets_the_claims_that_are_settled(database, site, http, twilio):
    engine = make_engine(database, site.home, http, slice_seconds=0.5, allowed_api_base_urls=site.provider_url)
    twilio.faults.add(kind="slow", seconds=0.05)
    async with database.pool.acquire() as db:
        at = await site.channel(db, limits={"per_second": None, "concurrency": 4})
        await builders.messages(db, at, 240)
        turn = asyncio.create_task(take_turn(replace(engine, places=Places(2, 1)), at.channel_id))
        while len(twilio.log) < 120:
            await asyncio.sleep(0.02)
        settled_long_ago = await db.fetchval(
            "SELECT count(*) FROM claims c WHERE at < now() - interval '1 second' AND NOT EXISTS (SELECT FROM messages m "
            "WHERE m.id = ANY (c.message_ids) AND (m.status = 'sending' OR m.settled_at > now() - interval '1 second'))"
        )
        assert not turn.done()
        await turn
        assert (settled_long_ago, await db.fetchval("SELECT count(*) FROM claims")) == (0, 0)
        assert await db.fetchval("SELECT count(*) FROM messages WHERE status = 'sent'") == 240


async def test_a_fast_channel_ends_its_turn_in_time_where_another_waits_for_its_place(database, site, http, twilio):
    engine = make_engine(database, site.home, http, slice_seconds=0.5, allowed_api_base_urls=site.provider_url)
    twilio.faults.add(kind="slow", seconds=0.05)
    async with database.pool.acquire() as db:
        at = await site.channel(db, limits={"per_second": None, "concurrency": 4})
        await builders.messages(db, at, 240)
        await take_turn(replace(engine, places=Places(2, 2)), at.channel_id)
        assert 0 < await db.fetchval("SELECT count(*) FROM messages WHERE status = 'sent'") < 200
