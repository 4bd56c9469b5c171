"""Workers killed with SIGKILL while limits are being used up: none is ever broken, and what was reserved is not reserved anew."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import msgspec
import pytest

from tests.chaos.site import Site, until
from tests.delivery.builders import Place
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.channels.vault import Vault, load_keys
from tidings.core.ids import new_id
from tidings.settings import Settings

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

CAP = 200
KILLS = 3


async def test_no_limit_is_broken_by_workers_that_die(database_url, tmp_path):
    async with TelegramSimulator() as telegram:
        site = Site(database_url, tmp_path, telegram.url)
        db = await asyncpg.connect(database_url)
        try:
            at = await _bot(db, site, telegram)
            await _write(db, at, 400)
            for _ in range(KILLS):
                workers = [await site.start("worker"), await site.start("worker")]
                before = telegram.taken.total()
                await until(lambda before=before: _went_on(db, telegram, before + 5), 40)
                await asyncio.sleep(random.random())
                for worker in workers:
                    await site.kill(worker)
            await site.start("worker")
            await until(lambda: _is_full(db), 60)
            await asyncio.sleep(3)
            assert telegram.violations == []
            assert 0 < telegram.taken.total() <= CAP
            used = await db.fetchval("SELECT sum(n) FROM channel_day")
            assert telegram.taken.total() <= used <= CAP
            waiting = await db.fetchval("SELECT count(*) FROM messages WHERE status = 'queued'")
            assert waiting >= 400 - CAP - 100
        finally:
            await site.stop()
            await db.close()


async def _went_on(db: asyncpg.Connection, telegram: TelegramSimulator, count: int) -> bool:
    """Whether more has left, or nothing more may: what a dead worker reserved and did not send is not given back."""
    return telegram.taken.total() >= count or await _is_full(db)


async def _is_full(db: asyncpg.Connection) -> bool:
    return await db.fetchval("SELECT coalesce(sum(n), 0) FROM channel_day") >= CAP - 1


async def _bot(db: asyncpg.Connection, site: Site, telegram: TelegramSimulator) -> Place:
    at = Place(new_id(), new_id())
    vault = Vault(load_keys(Settings(home=site.home)))
    await db.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", at.workspace_id)
    await db.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, api_base_url, limits, hook_token) "
        "VALUES ($1, $2, 'Bot', 'telegram', 'telegram', $3, $4, $5, $6)",
        at.workspace_id, at.channel_id, vault.seal({"bot_token": BOT_TOKEN}), telegram.url,
        msgspec.json.encode({"per_day": CAP}).decode(), str(at.channel_id),
    )  # fmt: skip
    return at


async def _write(db: asyncpg.Connection, at: Place, count: int) -> None:
    """Some to people once, some again and again to the same few."""
    await db.execute(
        "INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, priority, due_at, delivery) "
        "SELECT $1, new_id(), $2, 'telegram', CASE WHEN n % 4 = 0 THEN (n % 5 + 1)::text ELSE (1000 + n)::text END, 'Hello', 'queued', 2, "
        "now() - interval '1 minute' + n * interval '1 ms', 'at_least_once' FROM generate_series(1, $3::int) n",
        at.workspace_id, at.channel_id, count,
    )  # fmt: skip
