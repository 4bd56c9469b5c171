"""(f) Claiming, settling, metrics and lists at 10,000,000 messages, each by the function that Tidings itself calls.

Three states of the ledger, because statistics and dead index entries are what makes a plan go wrong:

loaded   a tenth of the messages has just been written as one campaign; nothing has been analysed since
steady   autovacuum has been there
drained  half of that campaign was sent, and autovacuum has not been there since

Times are of a warm cache, over the socket, transactions apart. Statements that write are rolled back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from bench import measured_queries as measured
from bench.channel_seed import add_channel
from bench.explain import explain_call
from bench.installation import installation, open_database
from bench.ledger_seed import add_history, add_people, add_waiting, set_autovacuum, vacuum
from bench.measured_queries import BATCH, ENGINE, PAGES, Place
from bench.options import Options
from bench.report import Report, percentile
from bench.seed import add_workspace
from tidings.db.database import Database, raw_connection
from tidings.delivery import queries as engine
from tidings.insights import housekeeping

DEFAULT_N = 1_000_000
FULL_N = 10_000_000
RUNS = 15
LISTS = ("messages", "recipients")
"""What the names of pages of a list begin with; the rest are the engine's statements and the numbers that pages show."""
_SLOW_MS = 25.0
"""From here on the plan is written down."""


@dataclass
class Timings:
    """All of one state."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)

    def medians(self) -> dict[str, float]:
        return {name: median(times) for name, times in self.ms.items()}


async def run(options: Options) -> Report:
    """Fill, look, tidy, look, drain, look."""
    count = options.n or (FULL_N if options.full else DEFAULT_N)
    report = Report("queries", details={"n": count, "runs": RUNS})
    async with installation() as inst, open_database(inst.url) as database:
        workspace_id = await add_workspace(database)
        channels = [await add_channel(inst, database, workspace_id, "", name=f"Channel {number}") for number in range(21)]
        begun = time.monotonic()
        await add_people(inst.url, workspace_id, count)
        campaigns = await add_history(inst.url, workspace_id, channels[:5], count - count // 10)
        await housekeeping.fold_counts(database.pool)
        await housekeeping.prune(database.pool)
        await vacuum(inst.url)
        await set_autovacuum(inst.url, enabled=False)
        waiting = await add_waiting(inst.url, workspace_id, channels[0], channels[1:20], count // 10)
        report.details["seed_seconds"] = time.monotonic() - begun
        place = Place(
            workspace_id=workspace_id,
            bulk=channels[0],
            quick=channels[1],
            unused=channels[20],
            old_campaign=campaigns[len(campaigns) // 2],
            waiting_campaign=waiting,
            contact_id=await _contact(database),
        )
        states = {"loaded": await _measure(database, place)}
        await vacuum(inst.url)
        states["steady"] = await _measure(database, place)
        await _drain_half(database, place, count // 20)
        await housekeeping.fold_counts(database.pool)  # as the worker does every five seconds
        states["drained"] = await _measure(database, place)
    _tell(report, states, options.out)
    return report


async def _contact(database: Database) -> UUID:
    found: UUID = await database.pool.fetchval("SELECT md5('contact4711')::uuid")
    return found


async def _measure(database: Database, place: Place) -> Timings:
    timings = Timings()
    async with database.pool.acquire() as connection:
        for name, call in ENGINE.items():
            await _time_engine(timings, name, connection, lambda call=call: call(connection, place))
        await _time_engine(
            timings, f"settle {BATCH}", connection, lambda: engine.settle_many(connection, place.workspace_id, place.bulk, measured.settle.ended),
            before=lambda: measured.settle(connection, place),
        )  # fmt: skip
    for name, look in PAGES.items():
        await _time_page(timings, name, database, place, look)
    return timings


Call = Callable[[], Awaitable[Any]]


async def _time_engine(timings: Timings, name: str, connection: asyncpg.Connection, call: Call, before: Call | None = None) -> None:
    times: list[float] = []
    for last in [False] * (RUNS + 2) + [True]:
        transaction = connection.transaction()
        await transaction.start()
        if before is not None:
            await before()
        if not last:
            begun = time.perf_counter()
            await call()
            times.append((time.perf_counter() - begun) * 1000)
        elif median(times) >= _SLOW_MS:
            timings.plans[name] = await explain_call(connection, call)
        await transaction.rollback()
    timings.ms[name] = times[2:]  # the first two fill caches and are planned


async def _time_page(timings: Timings, name: str, database: Database, place: Place, look: measured.OnSession) -> None:
    times: list[float] = []
    for _ in range(RUNS + 2):
        async with database.workspace(place.workspace_id) as session:
            begun = time.perf_counter()
            await look(session, place)
            times.append((time.perf_counter() - begun) * 1000)
    timings.ms[name] = times[2:]
    if median(timings.ms[name]) >= _SLOW_MS:
        async with database.workspace(place.workspace_id) as session:
            timings.plans[name] = await explain_call(await raw_connection(session), lambda: look(session, place))


async def _drain_half(database: Database, place: Place, count: int) -> None:
    """Claim and settle as the engine does, without sending."""
    done = 0
    async with database.pool.acquire() as connection:
        while done < count:
            async with connection.transaction():
                await measured.settle(connection, place)
            async with connection.transaction():
                await engine.settle_many(connection, place.workspace_id, place.bulk, measured.settle.ended)
            done += BATCH
        claims = [row["id"] for row in await connection.fetch("SELECT id FROM claims")]
        await engine.end_claims(connection, place.bulk, place.workspace_id, claims)  # as every turn does at its end


def _tell(report: Report, states: dict[str, Timings], out: Path) -> None:
    for figure, is_list in (("slowest_query_ms", False), ("slowest_list_ms", True)):
        worst = {
            (state, name): ms
            for state, timings in states.items()
            for name, ms in timings.medians().items()
            if name.startswith(LISTS) == is_list
        }
        slowest = max(worst, key=lambda key: worst[key])
        report.figures[figure] = worst[slowest]
        report.details[figure.removesuffix("_ms")] = " / ".join(slowest)
    report.details["median_ms"] = {state: timings.medians() for state, timings in states.items()}
    report.details["p95_ms"] = {state: {name: percentile(ms, 0.95) for name, ms in timings.ms.items()} for state, timings in states.items()}
    plans = [f"=== {state} / {name}\n{plan}\n" for state, timings in states.items() for name, plan in timings.plans.items()]
    if plans:
        out.mkdir(exist_ok=True)
        (out / "queries-plans.txt").write_text("\n".join(plans))
        print(f"The plans of what took {_SLOW_MS:g} ms or more are in {out / 'queries-plans.txt'}.", file=sys.stderr)
