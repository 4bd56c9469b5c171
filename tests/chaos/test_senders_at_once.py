"""At most so many channels of a workspace send at the same moment, over all workers, also while one of them is killed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import asyncpg
import pytest

from tests.chaos.site import Site, until
from tests.delivery.builders import Place
from tests.simulators.twilio import TwilioSimulator
from tests.simulators.wire import Call, Reply

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

CHANNELS = 5
AT_ONCE = 2
EACH = 80


class Watched(TwilioSimulator):
    """Tells of how many channels requests are under way at the same moment; a number's sixth and seventh digit name its channel."""

    def forget(self) -> None:
        super().forget()
        self.under_way: Counter[str] = Counter()
        self.most = 0
        self.last_busy = 0.0
        """When as many as may were sending."""

    async def send(self, call: Call) -> Reply:
        channel = call.form["To"][5:7]
        self.under_way[channel] += 1
        now = sum(count > 0 for count in self.under_way.values())
        self.most = max(self.most, now)
        if now >= AT_ONCE:
            self.last_busy = time.monotonic()
        try:
            return await super().send(call)
        finally:
            self.under_way[channel] -= 1


async def _channels(site: Site, db: asyncpg.Connection) -> list[Place]:
    first = await site.channel(db, limits={"per_second": None, "concurrency": 2})
    await db.execute("""UPDATE workspaces SET settings = '{"senders_at_once": {"twilio": 2}}'""")
    made = [first]
    for _ in range(CHANNELS - 1):
        await db.execute("UPDATE channels SET name = id::text")
        made.append(await site.channel(db, limits={"per_second": None, "concurrency": 2}, workspace_id=first.workspace_id))
    return made


async def _messages(db: asyncpg.Connection, made: list[Place]) -> None:
    for number, at in enumerate(made):
        await db.execute(
            "INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, delivery, priority, status) "
            "SELECT $1, new_id(), $2, 'sms', '+2547' || lpad($3::int::text, 2, '0') || lpad(n::text, 6, '0'), 'Hello', 'at_most_once', 2, 'queued' "
            "FROM generate_series(1, $4::int) n",
            at.workspace_id, at.channel_id, number, EACH,
        )  # fmt: skip


async def _both_alive(db: asyncpg.Connection) -> bool:
    return await db.fetchval("SELECT count(*) FROM worker_heartbeats") == 2


async def _places_are_taken(db: asyncpg.Connection) -> bool:
    return await db.fetchval("SELECT count(*) FROM sender_places WHERE job_id IS NOT NULL") == AT_ONCE


async def _waiting(db: asyncpg.Connection) -> int:
    return await db.fetchval("SELECT count(*) FROM messages WHERE status IN ('queued', 'sending')")


async def test_two_workers_keep_to_it_and_the_place_of_a_killed_one_is_free_within_the_takeover_time(database_url, tmp_path):
    async with Watched() as twilio:
        twilio.faults.add(kind="slow", seconds=0.25)
        site = Site(database_url, tmp_path, twilio.url)
        db = await asyncpg.connect(database_url)
        try:
            await _messages(db, await _channels(site, db))
            victim = await site.start("worker")
            await until(lambda: _places_are_taken(db), 60, every=0.02)
            await site.start("worker")
            await until(lambda: _both_alive(db), 60)
            await asyncio.sleep(2)
            await site.kill(victim)
            killed = time.monotonic()
            left = await _waiting(db)

            async def as_many_as_may() -> bool:
                return twilio.last_busy > killed + 1.0

            await until(as_many_as_may, 12)
            print(f"its place was another's after {twilio.last_busy - killed:.1f} s")
            assert left > EACH
            await site.start("worker")

            async def is_done() -> bool:
                return await _waiting(db) == 0

            await until(is_done, 90)
            assert twilio.most == AT_ONCE

            async def all_are_given_back() -> bool:
                return await db.fetchval("SELECT count(*) FROM sender_places WHERE job_id IS NOT NULL") == 0

            await until(all_are_given_back, 10)
            assert max(twilio.requests.values()) == 1
        finally:
            await site.stop()
            await db.close()
