"""Workers that poll, killed with SIGKILL: others take over soon, and of what people wrote nothing is lost or taken twice."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from tests.chaos.site import Site, until
from tests.simulators.telegram import TelegramSimulator
from tests.supervision.builders import bots, workspace
from tidings.settings import Settings

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

BOTS = 12
CHAT = 711_000


async def test_another_worker_takes_over_within_30_seconds_and_every_update_is_taken_once(database_url, tmp_path):
    async with TelegramSimulator() as telegram:
        site = Site(database_url, tmp_path, telegram.url)
        db = await asyncpg.connect(database_url)
        try:
            made = await bots(db, await workspace(db), Settings(_env_file=None, home=tmp_path), telegram.url, BOTS)
            victim = await site.start("worker")
            await until(lambda: _all_wait(telegram), 40)
            written: list[str] = []
            writing = asyncio.create_task(_keep_writing(telegram, [one.token for one in made], written))
            await asyncio.sleep(2)
            await site.start("worker")
            await asyncio.sleep(1.3)
            await site.kill(victim)
            killed = time.monotonic()
            at_kill = {one.token: telegram.polls[int(one.token.split(":")[0])] for one in made}

            async def all_asked_again() -> bool:
                return all(telegram.polls[int(token.split(":")[0])] > asked for token, asked in at_kill.items())

            await until(all_asked_again, 30)
            print(f"taken over after {time.monotonic() - killed:.1f} s")
            await asyncio.sleep(3)
            writing.cancel()

            async def all_came() -> bool:
                return await db.fetchval("SELECT count(*) FROM messages WHERE direction = 'in'") >= len(written)

            await until(all_came, 30)
            await asyncio.sleep(2)
            came = [row["text"] for row in await db.fetch("SELECT text FROM messages WHERE direction = 'in'")]
            assert sorted(came) == sorted(written)
            assert not any(bot.updates for bot in telegram.bots.values()), "every update was confirmed"
        finally:
            await site.stop()
            await db.close()


async def _keep_writing(telegram: TelegramSimulator, tokens: list[str], written: list[str]) -> None:
    while True:
        written.append(f"message {len(written)}")
        telegram.write(tokens[len(written) % len(tokens)], CHAT, text=written[-1])
        await asyncio.sleep(0.02)


async def _all_wait(telegram: TelegramSimulator) -> bool:
    return sum(bot.is_polled for bot in telegram.bots.values()) == BOTS


async def test_a_worker_that_ends_in_good_order_hands_its_bots_over_at_once(database_url, tmp_path):
    async with TelegramSimulator() as telegram:
        site = Site(database_url, tmp_path, telegram.url)
        db = await asyncpg.connect(database_url)
        try:
            await bots(db, await workspace(db), Settings(_env_file=None, home=tmp_path), telegram.url, BOTS)
            first = await site.start("worker")
            await until(lambda: _all_wait(telegram), 40)
            await site.start("worker")

            async def is_shared() -> bool:
                return await db.fetchval("SELECT count(DISTINCT worker_id) FROM channel_standing") == 2

            await asyncio.sleep(5)  # the second worker is there by now, and what it gets leaves with its next answer
            for bot in telegram.bots.values():
                bot.wake("nothing")
            await until(is_shared, 40)
            await until(lambda: _all_wait(telegram), 20)
            first.terminate()
            await first.wait()
            await asyncio.sleep(3)
            assert telegram.conflicts <= BOTS, "polls that the first worker left behind, and no others"
            rows = await db.fetch("SELECT count(DISTINCT worker_id) AS workers, count(worker_id) AS held FROM channel_standing")
            assert (rows[0]["workers"], rows[0]["held"]) == (1, BOTS)
        finally:
            await site.stop()
            await db.close()
