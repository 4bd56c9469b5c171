"""(g) Bots that wait: one worker long-polls Telegram for thousands of channels, in which nothing happens.

Taken is what its memory grows by when they are switched on, what they ask of the database while nothing comes, and how long a message
takes that comes to one of them. The simulator (`tests/simulators/telegram.py`) holds every poll back, as Telegram does. Its connections
have no TLS, so those of a real bot take some more.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from bench.campaign_run import wait_for_worker
from bench.installation import Installation, installation, open_database
from bench.net import get_json
from bench.options import Options
from bench.processes import Process, cpu_seconds, rss_mb
from bench.report import Report
from bench.seed import add_workspace
from tidings.channels.vault import open_vault
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.settings import Settings
from tidings.supervision.files import capacity

DEFAULT_N = 2_000
IDLE_SECONDS = 35.0
"""Longer than one poll is held back, so that every bot asks again meanwhile."""
WRITTEN = 20
"""Messages that people write afterwards, each to another bot."""


async def run(options: Options) -> Report:
    """Switch them on, let them wait, write to some."""
    count = options.n or DEFAULT_N
    idle = IDLE_SECONDS if count >= DEFAULT_N else 3.0
    report = Report("polling", details={"n": count, "idle_seconds": idle})
    capacity(count)  # children have our limit of open files
    async with installation() as inst, _simulator(inst) as telegram, open_database(inst.url) as database:
        url = (await telegram.line())["url"]
        workspace_id = await add_workspace(database)
        tokens = await _add_bots(inst, database, workspace_id, count, url)
        async with inst.worker(url, TIDINGS_HEALTH_SECONDS="86400", TIDINGS_WORKER_RUNS=str(count)) as worker:
            await wait_for_worker(database, worker)
            await asyncio.sleep(3)
            without = await _transactions_per_second(database.pool, 3.0)
            before = rss_mb(worker.pid)
            begun = time.monotonic()
            await database.pool.execute("UPDATE channels SET enabled = true")
            polled = await _all_wait(url, count, worker)
            taken_up = time.monotonic() - begun
            await asyncio.sleep(3)
            cpu = cpu_seconds(worker.pid)
            with_bots = await _transactions_per_second(database.pool, idle)
            after = rss_mb(worker.pid)
            report.details |= {
                "transactions_per_second_without": without, "transactions_per_second_idle": with_bots,
                "cpu_share_idle": (cpu_seconds(worker.pid) - cpu) / idle,
            }  # fmt: skip
            asked = await get_json(f"{url}/_sim/polls")
            delays = [await _write(database.pool, url, token) for token in tokens[:WRITTEN]]
    report.figures = {"idle_channel_kb": (after - before) * 1000 / count, "polling_channels": float(polled), "message_ms": median(delays)}
    report.details |= {"worker_mb_before": before, "worker_mb_after": after, "seconds_until_all_wait": taken_up, "polls": asked["polls"]}
    report.checks = {
        "every bot waits": polled == count,
        "no two ask for one bot": asked["conflicts"] == 0,
        "every message has come": all(0 <= one < 10_000 for one in delays),
        # One for each empty poll would be `count / 25` more. Every bot is probed each three minutes, which is `count / 90` of them.
        "waiting asks nothing of the database": with_bots - without < max(20.0, count / 40),
    }
    return report


def _simulator(inst: Installation) -> Process:
    return Process.python("telegram", "tests.simulators.telegram", [], inst.home)


async def _add_bots(inst: Installation, database: Database, workspace_id: UUID, count: int, url: str) -> list[str]:
    """Channels that are off, each with a bot of its own, that need no probe while this runs."""
    vault = open_vault(Settings(home=inst.home))
    tokens = [f"{110_000_000 + number}:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8" for number in range(count)]
    ids = [new_id() for _ in tokens]
    await database.pool.execute(
        _BOTS, workspace_id, ids, [vault.seal({"bot_token": token}) for token in tokens], [one.hex for one in ids], url
    )
    await database.pool.execute("UPDATE channel_standing SET next_check_at = now() + interval '1 day'")
    return tokens


_BOTS = """
    INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, api_base_url, enabled, receive)
    SELECT $1, t.id, 'Bot ' || t.token, 'telegram', 'telegram', t.sealed, t.token, $5, false, 'polling'
    FROM unnest($2::uuid[], $3::bytea[], $4::text[]) AS t (id, sealed, token)
"""


async def _all_wait(url: str, count: int, worker: Process) -> int:
    """How many bots wait at once, in the end."""
    waiting = 0
    for _ in range(240):
        worker.check()
        waiting = (await get_json(f"{url}/_sim/polls"))["waiting"]
        if waiting >= count:
            break
        await asyncio.sleep(0.5)
    return waiting


async def _transactions_per_second(pool: asyncpg.Pool, seconds: float) -> float:
    """How many transactions the database ends, all that runs beside the bots included. What it counts comes a second late."""
    await asyncio.sleep(1.5)
    count, begun = await pool.fetchval(_TRANSACTIONS), time.monotonic()
    await asyncio.sleep(seconds)
    after: int = await pool.fetchval(_TRANSACTIONS)
    return (after - count) / (time.monotonic() - begun)


_TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


async def _write(pool: asyncpg.Pool, url: str, token: str) -> float:
    """A person writes to a bot; milliseconds until their message is in the ledger, -1 where it does not come."""
    before = await pool.fetchval("SELECT count(*) FROM messages WHERE direction = 'in'")
    begun = time.perf_counter()
    await asyncio.to_thread(_post, f"{url}/_sim/inbound", {"token": token, "chat": 711, "text": "Hello"})
    for _ in range(2_000):
        if await pool.fetchval("SELECT count(*) FROM messages WHERE direction = 'in'") > before:
            return (time.perf_counter() - begun) * 1000
        await asyncio.sleep(0.005)
    return -1.0


def _post(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
