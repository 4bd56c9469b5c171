"""API and worker killed while people write to us: the provider repeats what was not answered, and everything is there once."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections import Counter

import asyncpg
import pytest

from bench.inbound_traffic import Writing, add_doors, writings
from bench.raw_client import Connection
from bench.seed import add_workspace
from bench.traffic import PUBLIC_URL
from tests.chaos.site import Site, until
from tidings.core.ids import show_id
from tidings.db.database import Database
from tidings.outbox.service import Event, read_events

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

LARGE = os.environ.get("TIDINGS_CHAOS") == "large"
MESSAGES = 20_000 if LARGE else 1_200
KNOWN = 500 if LARGE else 60
KILLS = 8 if LARGE else 2
SENDERS = 16
AGAIN_EVERY = 20
"""One call in so many comes again although it was answered."""


class Receiver(Site):
    """A site whose API is called by providers, and killed and started again on the same port."""

    def __init__(self, database_url: str, home) -> None:
        super().__init__(database_url, home, "http://127.0.0.1:9")  # nobody: answers to STOP wait
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "TIDINGS_PUBLIC_URL": PUBLIC_URL, "TIDINGS_API_POOL_SIZE": "4"}

    async def start_api(self) -> asyncio.subprocess.Process:
        process = await self.start("api", "--port", str(self.port))
        await until(self._answers, 60)
        return process

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


class Provider:
    """Calls hooks, each until it is answered 2xx: at least once, sometimes once more, never in vain."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.taken: Counter[int] = Counter()
        self.repeats = 0

    async def bring(self, written: list[Writing]) -> None:
        waiting = iter(written)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(SENDERS):
                tasks.create_task(self._bring(waiting))

    async def _bring(self, waiting) -> None:
        for writing in waiting:
            while self.taken[writing.number] < 1 + (writing.number % AGAIN_EVERY == 0):
                try:
                    async with asyncio.timeout(10), Connection("127.0.0.1", self.port) as connection:
                        status, _ = await connection.ask(writing.request(self.port))
                except (OSError, TimeoutError, asyncio.IncompleteReadError):
                    status = 0
                if status == 200:
                    self.taken[writing.number] += 1
                else:
                    assert status in {0, 503}, "nothing is refused"
                    self.repeats += 1
                    await asyncio.sleep(0.1)


async def test_whatever_was_answered_is_there_once_with_its_conversation_and_its_event(database_url, tmp_path):
    site = Receiver(database_url, tmp_path)
    async with Database(database_url, pool_size=4) as database:
        db = await asyncpg.connect(database_url)
        try:
            doors = await add_doors(tmp_path, database, [await add_workspace(database) for _ in range(2)], site.provider_url, 2)
            written = list(writings(doors, MESSAGES, KNOWN))
            provider, read = Provider(site.port), []
            reading = asyncio.create_task(_keep_reading(database, read))
            killing = asyncio.create_task(_kill_both(site, db))
            await until(site._answers, 60)
            await provider.bring(written)
            await killing
            assert set(provider.taken) == {one.number for one in written}
            await _check_messages(db, written)

            async def all_read() -> bool:
                return len(read) >= len(written)

            await until(all_read, 30)
            await asyncio.sleep(0.5)
            reading.cancel()
            await _check_events(db, read, written)
            print(f"{provider.repeats} calls were not answered and repeated")
        finally:
            await site.stop()
            await db.close()


async def _kill_both(site: Receiver, db: asyncpg.Connection) -> None:
    """Both at once, after some have come; then on to the next life. The last one stays."""
    rng = random.Random(11)
    for kill in range(1, KILLS + 1):
        worker, api = await site.start("worker"), await site.start_api()
        goal = MESSAGES * kill // (KILLS + 1)

        async def has_come(goal: int = goal) -> bool:
            return await db.fetchval("SELECT count(*) FROM inbound_seen") >= goal

        await until(has_come, 300, every=0.02)
        await asyncio.sleep(rng.uniform(0, 0.05))
        await asyncio.gather(site.kill(api), site.kill(worker))
    await asyncio.gather(site.start("worker"), site.start_api())


async def _keep_reading(database: Database, read: list[Event]) -> None:
    """Whoever acts on what happened, reading along all the while."""
    while True:
        async with database.pool.acquire() as connection:
            read += await read_events(connection, read[-1].position if read else 0)
        await asyncio.sleep(0.1)


async def _check_messages(db: asyncpg.Connection, written: list[Writing]) -> None:
    people = {(one.door.id, one.person) for one in written}
    stopped = {(one.door.id, one.person) for one in written if one.text == "STOP"}
    kept = await db.fetch("SELECT text FROM messages WHERE direction = 'in'")
    assert Counter(row["text"] for row in kept) == Counter(one.text for one in written)
    ids = await db.fetchrow(
        "SELECT count(*) AS n, count(DISTINCT (channel_id, provider_message_id)) AS told FROM messages WHERE direction = 'in'"
    )
    assert tuple(ids) == (len(written), len(written))
    assert await db.fetchval("SELECT sum(unread) FROM conversations") == len(written)
    assert await db.fetchval("SELECT count(*) FROM conversations") == len(people)
    assert await db.fetchval("SELECT count(*) FROM contacts") == len(people)
    assert await db.fetchval("SELECT count(*) FROM contact_points") == len(people)
    assert await db.fetchval("SELECT count(*) FROM opt_outs") == len(stopped)
    assert await db.fetchval("SELECT count(*) FROM messages WHERE is_confirmation") == len(stopped)


async def _check_events(db: asyncpg.Connection, read: list[Event], written: list[Writing]) -> None:
    assert len(read) == len(written) == await db.fetchval("SELECT count(*) FROM events")
    rows = await db.fetch(
        "SELECT m.id, c.id AS conversation FROM messages m "
        "JOIN conversations c ON c.workspace_id = m.workspace_id AND c.channel_id = m.channel_id AND c.address = m.address "
        "WHERE m.direction = 'in'"
    )
    assert {one.data["message"]: one.data["conversation"] for one in read} == {
        show_id("msg", row["id"]): show_id("cnv", row["conversation"]) for row in rows
    }
