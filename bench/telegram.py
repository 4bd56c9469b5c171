"""(g) The pace of many bots: one worker sends for 100 Telegram channels at once, each as fast as Telegram lets a bot, none of them faster.

Every channel has more waiting than it can send: to people once, to some of them again at once, and to a few groups. A second of a channel
counts from the stub's side. The first seconds, while the worker finds the channels, are left out. Where the channels do not hold their
pace, `limited_by` says what held them: a machine whose cores were all busy, and with what, or not.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from uuid import UUID

import psutil

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
            busy, taken, begun = _Busy(pids), await _count(url), int(time.time()) + 1
            await asyncio.sleep(SECONDS + 1)
            busy.stop()
            taken = await _count(url) - taken
            worker.check()
        counted = await get_json(f"{url}/_sim/count")
        ledger = dict(await database.pool.fetch("SELECT status, count(*)::int FROM messages GROUP BY 1"))
    rates = sorted(_rate(counted["bots"].get(token, {}), begun) for token in tokens)
    report.figures = {
        "channels_at_pace": sum(rate >= AT_PACE * PER_SECOND for rate in rates),
        "messages_per_second": sum(rates),
        "violations": sum(counted["violations"].values()),
        "cpu_us_per_message": sum(busy.cores.values()) * busy.seconds / max(1, taken) * 1e6,
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
        "cores": busy.cores,
        "cpu_us_per_message": {name: used * busy.seconds / max(1, taken) * 1e6 for name, used in busy.cores.items()},
        "limited_by": busy.limit(all_at_pace=report.figures["channels_at_pace"] == channels),
    }
    return report


class _Busy:
    """How busy the machine was, and with what."""

    ENOUGH = 0.9
    """Of the cores: from here on more work makes everything later."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._before, self._idle, self._begun = cpu_now(pids), _idle_seconds(), time.monotonic()

    def stop(self) -> None:
        """The time that counts is over."""
        self.seconds = time.monotonic() - self._begun
        after, self.count = cpu_now(self._pids), psutil.cpu_count() or 1
        self.cores = {name: (after[name] - self._before[name]) / self.seconds for name in self._pids}
        self.busy = self.count - (_idle_seconds() - self._idle) / self.seconds

    def limit(self, *, all_at_pace: bool) -> str:
        """In words."""
        ours, others = sum(self.cores.values()), self.busy - sum(self.cores.values())
        state = (
            f"{self.busy:.2f} of {self.count} cores were busy: {ours:.2f} with worker, PostgreSQL and stub, {others:.2f} with other work"
        )
        if all_at_pace:
            return f"the pace of the channels ({state})"
        if self.busy >= self.ENOUGH * self.count:
            return f"the machine ({state})"
        return f"neither the pace nor the machine's cores ({state})"


def _idle_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0))


async def _count(url: str) -> int:
    counted = await get_json(f"{url}/_sim/count")
    return int(counted["count"])


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
