"""Puts a worker together: jobs from PGQueuer, and the loops that keep the engine honest.

Shutdown, in order: stop claiming, finish what is in the air, settle, close the pools.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec
import structlog
from asyncpg.exceptions import (
    AdminShutdownError,
    CannotConnectNowError,
    CrashShutdownError,
    InterfaceError,
    PostgresConnectionError,
    PostgresError,
)
from pgqueuer.core.applications import PgQueuer
from pgqueuer.domain.errors import FailingListenerError, PgqException
from pgqueuer.domain.models import HealthCheckEvent, Job

from tidings.campaigns import jobs as campaign_jobs
from tidings.channels.vault import open_vault
from tidings.contacts.imports import jobs as import_jobs
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.db.urls import asyncpg_url
from tidings.delivery.contents import Contents
from tidings.delivery.desks import Desks
from tidings.delivery.drain import Engine, Places, drain
from tidings.delivery.files import Files
from tidings.delivery.kept_bytes import KeptBytes
from tidings.delivery.queries import channels_to_sweep
from tidings.delivery.senders import call_next_senders
from tidings.delivery.wake import DRAIN, drain_at, wake
from tidings.files.links import links_of
from tidings.files.pruning import prune_files
from tidings.files.storage import open_storage
from tidings.insights import housekeeping
from tidings.messages.apply_receipts import rematch_old_receipts, rematch_receipts
from tidings.messages.fallbacks import follow_routes
from tidings.providers.http import Http
from tidings.receipts.writer import open_writer
from tidings.supervision.files import capacity
from tidings.supervision.leases import Worker
from tidings.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tidings.files.storage import Storage
    from tidings.settings import Settings

log = structlog.get_logger(__name__)

HEARTBEAT_TIMEOUT = timedelta(seconds=6)
"""A job whose worker was silent for so long is another's: with the poll below, takeover comes within 10 seconds."""
POLL = timedelta(seconds=2)
LISTENER_TIMEOUT = timedelta(seconds=10)
"""How long a probe of the queue's listening connection may take."""
_DRAIN_FINISH_SECONDS = 40.0
_SPARE_POLLS = 64
"""Connections beyond two for each channel (a poll that was broken off keeps its own until its time is over): telling a service how a channel receives, answering a pressed button."""


@dataclass(frozen=True, slots=True)
class _Loop:
    """Something to do again and again, by every worker."""

    name: str
    seconds: float
    act: Callable[[], Awaitable[Any]]


async def run_worker(settings: Settings, database_url: str, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then end in good order. Outlives a database that goes away and comes back."""
    # Messages come and go by the thousand and make no cycles: looking for garbage at every 700th object costs a twentieth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    # The HTTP client's own thread asks for the interpreter to hand over each answer. At Python's 5 ms it waits so long behind whatever
    # runs; at this a campaign goes a seventh faster (bench/RESULTS.md).
    sys.setswitchinterval(0.0005)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, pool_size=settings.worker_pool_size))
        http = await stack.enter_async_context(Http(may_reach=settings.may_override_base_url))
        vault = open_vault(settings)
        here = Worker(id=new_id(), capacity=capacity(settings.worker_runs), public_url=settings.public_url)
        polls = await stack.enter_async_context(
            Http(max_connections=2 * here.capacity + _SPARE_POLLS, may_reach=settings.may_override_base_url)
        )
        writer = await stack.enter_async_context(open_writer(database))
        supervisor = Supervisor(here, database, vault, settings, polls, http, writer)
        contents = Contents()
        storage = open_storage(settings)
        engine = Engine(
            pool=database.pool, http=http, vault=vault, settings=settings, contents=contents, desks=Desks.of(database.pool, contents),
            files=Files(database.pool, links_of(settings, vault), KeptBytes(storage)), here=here.id, stop=stop,
            places=Places(max(2, settings.worker_channels)),
        )  # fmt: skip
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run(stop))
            tasks.create_task(_run_queue(engine, database, settings))
            for loop in _loops(engine, database, storage, timedelta(days=settings.file_days)):
                tasks.create_task(_repeat(loop, stop))


async def _run_queue(engine: Engine, database: Database, settings: Settings) -> None:
    """Run PGQueuer; when the database breaks it, begin again."""
    while not engine.stop.is_set():
        try:
            await _run_queue_once(engine, database, settings)
        except (PostgresError, InterfaceError, OSError, RuntimeError, TimeoutError, PgqException) as error:
            log.warning("queue_interrupted", error=str(error) or type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(engine.stop.wait(), 1.0)


async def _run_queue_once(engine: Engine, database: Database, settings: Settings) -> None:
    # Its own connections: it listens on one of them for as long as it runs.
    async with asyncpg.create_pool(
        asyncpg_url(database.url),
        min_size=2,
        max_size=4,
        command_timeout=20,
        # What a job's row says of its standing may be lost with the database: then it is run again, which every job bears.
        server_settings={"application_name": "tidings-queue", "synchronous_commit": "off"},
    ) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)
        _be_patient_with_listener(queue)
        running: set[asyncio.Task[None]] = set()
        _register(queue, engine, database, running)
        relay = asyncio.create_task(_relay(engine.stop, queue.shutdown))
        try:
            await queue.run(
                dequeue_timeout=POLL,
                batch_size=max(1, min(10, settings.worker_channels // 2)),
                max_concurrent_tasks=engine.places.most,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                shutdown_on_listener_failure=True,
            )
        finally:
            relay.cancel()
            # PGQueuer cancels what runs when it ends; a drain in the air is let finish and settle instead.
            if running:
                await asyncio.wait(running, timeout=_DRAIN_FINISH_SECONDS)


def _be_patient_with_listener(queue: PgQueuer) -> None:
    """Ask twice before the listener is held for dead: PGQueuer sends its first probe before it listens, so that one may get lost."""
    ask = queue.qm.listener_healthy

    async def ask_twice(timeout: timedelta = LISTENER_TIMEOUT) -> HealthCheckEvent:  # noqa: ASYNC109  (its name is PGQueuer's)
        with suppress(FailingListenerError):
            return await ask(timeout)
        return await ask(timeout)

    queue.qm.listener_healthy = ask_twice  # type: ignore[method-assign]


def _register(queue: PgQueuer, engine: Engine, database: Database, running: set[asyncio.Task[None]]) -> None:
    async def run_drain(job: Job) -> None:
        task = asyncio.create_task(drain(engine, job.id, UUID(msgspec.json.decode(job.payload or b"", type=str))))
        running.add(task)
        task.add_done_callback(running.discard)
        with _place(engine):
            await asyncio.shield(task)

    queue.entrypoint(DRAIN)(run_drain)
    if engine.here is not None:
        queue.entrypoint(drain_at(engine.here))(run_drain)
    for name, payload_type, run in (*campaign_jobs.jobs_of(links=engine.files.links.reachable), *import_jobs.JOBS):
        queue.entrypoint(name)(_handler(engine, database, payload_type, run))


def _handler(
    engine: Engine, database: Database, payload_type: type[Any], run: Callable[[Database, Any], Awaitable[None]]
) -> Callable[[Job], Awaitable[None]]:
    async def handle(job: Job) -> None:
        with _place(engine):
            await run(database, msgspec.json.decode(job.payload or b"null", type=payload_type))

    return handle


@contextmanager
def _place(engine: Engine) -> Iterator[None]:
    engine.places.taken += 1
    try:
        yield
    finally:
        engine.places.taken -= 1


async def _relay(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()


def _loops(engine: Engine, database: Database, storage: Storage, files_unused_for: timedelta) -> list[_Loop]:
    worker_id = new_id()
    pool = database.pool

    async def beat() -> None:
        await pool.execute(_BEAT, worker_id, version("tidings"))

    async def sweep() -> None:
        async with pool.acquire() as connection:
            for channel_id in await channels_to_sweep(connection):
                await wake(connection, channel_id)
            await call_next_senders(connection)

    async def rematch() -> None:
        async with pool.acquire() as connection:
            await rematch_receipts(connection)

    async def rematch_old() -> None:
        async with pool.acquire() as connection:
            await rematch_old_receipts(connection)

    return [
        _Loop("heartbeat", 2.0, beat),
        _Loop("sweep", 1.0, sweep),
        _Loop("rematch_receipts", 1.0, rematch),
        _Loop("rematch_old_receipts", 60.0, rematch_old),
        _Loop("follow_routes", 1.0, lambda: follow_routes(pool, links=engine.files.links.reachable)),
        _Loop("due_campaigns", 1.0, lambda: campaign_jobs.launch_due(database)),
        _Loop("finished_campaigns", 1.0, lambda: campaign_jobs.finish_done(database)),
        _Loop("campaign_pace", 1.0, lambda: campaign_jobs.sample_pace(database)),
        _Loop("resume_imports", 10.0, lambda: import_jobs.resume_imports(database)),
        _Loop("fold_counts", 5.0, lambda: housekeeping.fold_counts(pool)),
        _Loop("housekeeping", 3600.0, lambda: housekeeping.prune(pool)),
        _Loop("prune_files", 1800.0, lambda: prune_files(pool, storage, files_unused_for)),
    ]


_BEAT = """
    INSERT INTO worker_heartbeats (worker_id, version) VALUES ($1, $2)
    ON CONFLICT (worker_id) DO UPDATE SET seen_at = now()
"""


_AWAY = (
    ConnectionError,
    TimeoutError,
    InterfaceError,
    PostgresConnectionError,
    CannotConnectNowError,
    AdminShutdownError,
    CrashShutdownError,
)


async def _repeat(loop: _Loop, stop: asyncio.Event) -> None:
    """A loop that fails is logged and tried again at its next turn: each does the whole of its work every time."""
    while not stop.is_set():
        try:
            await loop.act()
        except _AWAY as error:  # a database that is away for a minute would fill the log with traces that tell nothing
            log.warning("loop_interrupted", loop=loop.name, error=str(error) or type(error).__name__)
        except Exception:
            log.exception("loop_failed", loop=loop.name)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), loop.seconds)
