"""(g) The pace of many bots: one worker sends for 100 Telegram channels at once, each as fast as Telegram lets a bot, none of them faster.

Every channel has more waiting than it can send: to people once, to some of them again at once, and to a few groups. A second of a channel
counts from the stub's side. The first seconds, while the worker finds the channels, are left out.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from uuid import UUID

from bench.campaign_run import cpu_now, wait_for_worker
from bench.installation import Installation, installation, open_database
from bench.net import get_json
from bench.options import Options
from bench.processes import Process
from bench.report import Report
from bench.seed import add_workspace, as_owner
from tidings.channels.vault import open_vault
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.settings import Settings

CHANNELS = 100
PER_SECOND = 30
WARM_SECONDS = 8
SECONDS = 20
_SPARE_SECONDS = 10
AT_PACE = 0.95
"""A channel that reaches this share of its pace holds it: a turn that ends and begins anew costs some hundredths."""


async def run(options: Options) -> Report:
    """Let it run for some seconds, then stop the worker and count."""
    channels = options.n or CHANNELS
    report = Report("telegram", details={"n": channels, "seconds": SECONDS, "per_second": PER_SECOND})
    async with installation() as inst, _stub(inst) as stub, open_database(inst.url) as database:
        url = f"http://127.0.0.1:{(await stub.line())['port']}"
        tokens = [await _add_bot(inst, database, url, number) for number in range(channels)]
        await as_owner(database.url, "VACUUM (ANALYZE) messages")
        async with inst.worker(url) as worker:
            await wait_for_worker(database, worker)
            await asyncio.sleep(WARM_SECONDS)
            pids = {"worker": worker.pid, "postgres": inst.postgres_pid, "stub": stub.pid}
            before, begun = cpu_now(pids), int(time.time()) + 1
            await asyncio.sleep(SECONDS + 1)
            after = cpu_now(pids)
            worker.check()
        counted = await get_json(f"{url}/_sim/count")
        ledger = dict(await database.pool.fetch("SELECT status, count(*)::int FROM messages GROUP BY 1"))
    rates = sorted(_rate(counted["bots"].get(token, {}), begun) for token in tokens)
    report.figures = {
        "channels_at_pace": sum(rate >= AT_PACE * PER_SECOND for rate in rates),
        "messages_per_second": sum(rates),
        "violations": sum(counted["violations"].values()),
    }
    report.checks = {
        "no limit of Telegram's was broken": not counted["violations"],
        "the ledger holds every message that the stub took": ledger.get("sent", 0) == counted["count"],
        "nobody is in doubt": not ledger.keys() - {"sent", "queued"},
    }
    report.details |= {
        "rates": {"slowest": rates[0], "median": rates[len(rates) // 2], "fastest": rates[-1]},
        "violations": counted["violations"],
        "earliest_by_seconds": counted["worst"],
        "ledger": ledger,
        "cores": {name: (after[name] - before[name]) / (SECONDS + 1) for name in pids},
    }
    return report


def _stub(inst: Installation) -> Process:
    return Process.python("stub", "bench.telegram_stub", [], inst.home)


def _rate(seconds: dict[str, Any], begun: int) -> float:
    return float(sum(seconds.get(str(at), 0) for at in range(begun, begun + SECONDS))) / SECONDS


async def _add_bot(inst: Installation, database: Database, url: str, number: int) -> str:
    """A workspace with a bot and what waits for it; its token."""
    workspace_id: UUID = await add_workspace(database)
    channel_id, token = new_id(), f"{10_000 + number}:{'A' * 35}"
    sealed = open_vault(Settings(home=inst.home)).seal({"bot_token": token})
    await database.pool.execute(_CHANNEL, workspace_id, channel_id, sealed, url, json.dumps({}), channel_id.hex)
    count = PER_SECOND * (WARM_SECONDS + SECONDS + _SPARE_SECONDS)
    await database.pool.execute(_MESSAGES, workspace_id, channel_id, count, timeout=300)
    return token


_CHANNEL = """
    INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, api_base_url, limits, hook_token)
    VALUES ($1, $2, 'Bot', 'telegram', 'telegram', $3, $4, $5, $6)
"""
# Every tenth message goes to the person before once more; every fiftieth to one of three groups.
_MESSAGES = """
    INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, priority, due_at)
    SELECT $1, new_id(), $2, 'telegram',
           CASE WHEN n % 50 = 0 THEN (-100 - n / 50 % 3)::text WHEN n % 10 = 0 THEN (1000000 + n - 1)::text ELSE (1000000 + n)::text END,
           'Your order is ready.', 'queued', 2, now() - interval '1 minute' + n * interval '1 ms'
    FROM generate_series(1, $3::int) n
"""
