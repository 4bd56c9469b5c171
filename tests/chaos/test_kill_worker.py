"""Workers killed with SIGKILL in the middle of a campaign: nobody is lost, and copies are only where they may be."""

from __future__ import annotations

import asyncio
import os
import random

import asyncpg
import pytest

from tests.chaos.site import Site, outcome, until, waiting
from tests.delivery import builders
from tests.simulators.twilio import TwilioSimulator

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

LARGE = os.environ.get("TIDINGS_CHAOS") == "large"
KILLS = 12 if LARGE else 3
MESSAGES = 6_000 if LARGE else 1_200


@pytest.mark.parametrize("delivery", ["at_most_once", "at_least_once"])
async def test_killed_again_and_again_every_recipient_is_accounted_for(database_url, tmp_path, delivery):
    async with TwilioSimulator() as twilio:
        twilio.faults.add(kind="slow", seconds=0.05)
        site = Site(database_url, tmp_path, twilio.url)
        db = await asyncpg.connect(database_url)
        try:
            at = await site.channel(db, limits={"per_second": None, "concurrency": 8})
            campaign = await builders.campaign(db, at)
            await builders.messages(db, at, MESSAGES, campaign_id=campaign, delivery=delivery, text=None)
            await _send_while_killing(site, db, campaign)
            rows = await outcome(db, campaign)
            _check(rows, twilio, delivery)
            assert await builders.counted(db, campaign) == await builders.statuses(db, [row["id"] for row in rows])
        finally:
            await site.stop()
            await db.close()


async def _send_while_killing(site: Site, db: asyncpg.Connection, campaign) -> None:
    rng = random.Random(7)
    for _ in range(KILLS):
        worker = await site.start("worker")
        before = await waiting(db, campaign)

        async def has_begun(before=before) -> bool:
            return await waiting(db, campaign) < before

        await until(has_begun, 40)
        await asyncio.sleep(rng.uniform(0.05, 0.8))
        await site.kill(worker)
    await site.start("worker")

    async def is_done() -> bool:
        return await waiting(db, campaign) == 0

    await until(is_done, 120)


def _check(rows, twilio: TwilioSimulator, delivery: str) -> None:
    assert len(rows) == MESSAGES
    assert not {row["status"] for row in rows} - {"sent", "unknown", "delivered"}
    for row in rows:
        seen = twilio.requests[row["address"]]
        if delivery == "at_most_once":
            assert seen <= 1, "a copy under at_most_once"
        else:
            assert row["status"] == "sent"
            assert seen >= 1, "called sent, but the provider never saw it"
        if row["status"] in ("sent", "delivered"):
            assert seen >= 1
        if seen > 1:
            assert row["possible_duplicate"], "sent twice and not marked"
        assert row["attempts"] == row["attempt"], "an attempt without its record"
    sent = sum(row["status"] == "sent" for row in rows)
    assert sent > MESSAGES / 2, "the campaign did not really go out"


async def test_another_worker_takes_over_within_ten_seconds(database_url, tmp_path):
    async with TwilioSimulator() as twilio:
        site = Site(database_url, tmp_path, twilio.url)
        db = await asyncpg.connect(database_url)
        try:
            at = await site.channel(db, limits={"per_second": 20, "concurrency": 4})
            campaign = await builders.campaign(db, at)
            await builders.messages(db, at, 3_000, campaign_id=campaign, text=None)
            victim = await site.start("worker")
            await until(lambda: _sent(twilio, 10), 30)
            for _ in range(6):
                other = await site.start("worker")
                await until(lambda: _alive(db, 2), 30)
                holder = await _holder(db, at.channel_id)
                await site.kill(victim)
                sent = sum(twilio.requests.values())
                await until(lambda sent=sent: _sent(twilio, sent + 6), 10)
                if holder is not None and await _gone(db, holder):
                    break
                victim = other
                await asyncio.sleep(6)  # so that the dead one's heartbeat no longer counts as alive
            else:
                pytest.fail("never killed the worker that held the channel")
            assert max(twilio.requests.values()) == 1
        finally:
            await site.stop()
            await db.close()


async def _sent(twilio: TwilioSimulator, count: int) -> bool:
    return sum(twilio.requests.values()) > count


async def _alive(db: asyncpg.Connection, count: int) -> bool:
    return await db.fetchval("SELECT count(*) >= $1 FROM worker_heartbeats WHERE seen_at > now() - interval '4 seconds'", count)


async def _holder(db: asyncpg.Connection, channel_id):
    """Which queue manager runs the channel's drain right now."""
    return await db.fetchval("SELECT queue_manager_id FROM pgqueuer WHERE dedupe_key = $1 AND status = 'picked'", f"drain:{channel_id}")


async def _gone(db: asyncpg.Connection, holder) -> bool:
    """Whether that manager runs nothing any more: it was the one killed, and its job is another's."""
    await asyncio.sleep(4)
    return not await db.fetchval("SELECT EXISTS (SELECT FROM pgqueuer WHERE queue_manager_id = $1)", holder)
