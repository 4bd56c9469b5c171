"""`tidings up`: everything in one command."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from rich.markup import escape

from tidings.commands.api import Host, Port, Workers, held_port, require_free_port
from tidings.commands.health import answers
from tidings.commands.installation import check_reachable, read_settings, require_startable, run, sealed_without_keys
from tidings.commands.processes import PARENT, stop_on_signals
from tidings.commands.supervise import Child, keep_running
from tidings.commands.terminal import err
from tidings.commands.worker import FINISH_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tidings.db.embedded import EmbeddedServer
    from tidings.settings import Settings

log = structlog.get_logger(__name__)

_READY_SECONDS = 60.0


def up(
    host: Host = None,
    port: Port = None,
    workers: Workers = 1,
    senders: Annotated[int, typer.Option(min=1, max=64, help="Worker processes that send messages.")] = 1,
) -> None:
    """Start everything: database, API, dashboard and worker.

    Without DATABASE_URL it brings its own PostgreSQL, kept under TIDINGS_HOME. What dies is started again. Ctrl-C stops it in
    order: no new requests, then what is in the air ends and is written down, then the database. Nothing is lost by a harder end.

    [bold]Examples[/bold]

      tidings up

      tidings up --port 9000

      DATABASE_URL=postgresql://tidings:…@localhost/tidings tidings up --senders 2
    """
    given = read_settings()
    given = given.model_copy(update={"host": host or given.host, "port": port or given.port})
    require_free_port(given.host, given.port)
    with held_port(given.host, given.port):
        run(_up(given, workers, senders))


async def _up(given: Settings, workers: int, senders: int) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with running(given, stop, workers=workers, senders=senders) as url:
        if not stop.is_set():
            await _announce(given, url)
        await stop.wait()
        err.print("Stopping …")
    err.print("Stopped. Everything is on disk; `tidings up` goes on where this ended.")


@asynccontextmanager
async def running(given: Settings, stop: asyncio.Event, *, workers: int = 1, senders: int = 1) -> AsyncIterator[str]:
    """The whole of Tidings, for as long as the block runs; gives the database's address. Its caller holds the port."""
    from tidings.db.migrate import migrate

    server, url = await _database(given)
    try:
        err.print("Bringing the database up to date …")
        await migrate(url)
        if missing := await sealed_without_keys(given, url):
            err.print(
                f"[bold red]{escape(missing)}[/] A new one is made now. Stop Tidings and bring the old one back (it is in each backup), or "
                "enter these credentials again.",
                soft_wrap=True,
            )
        require_startable(given)
        async with _children(given, url, stop, workers, senders):
            watch = asyncio.create_task(_keep_database(server)) if server else None
            try:
                if not await _comes_up(given, stop) and not stop.is_set():
                    err.print("The API does not answer yet; the lines above should say why. Trying on; `tidings doctor` may help.")
                yield url
            finally:
                if watch:
                    watch.cancel()
    finally:
        if server:
            await asyncio.to_thread(server.release)


async def _database(given: Settings) -> tuple[EmbeddedServer | None, str]:
    from tidings.db.embedded import start_embedded

    if given.database_url:
        await check_reachable(given.database_url)
        return None, given.database_url
    err.print(f"Starting PostgreSQL under {given.home} …", markup=False)
    server = await asyncio.to_thread(start_embedded, given.home)
    return server, await server.ensure_database()


@asynccontextmanager
async def _children(given: Settings, url: str, closing: asyncio.Event, workers: int, senders: int) -> AsyncIterator[None]:
    """On the way out the API ends first and the workers after it, so that nobody is told yes and then not served."""
    environment = {
        "DATABASE_URL": url,
        "TIDINGS_HOME": str(given.home),
        "TIDINGS_HOST": given.host,
        "TIDINGS_PORT": str(given.port),
        "TIDINGS_PUBLIC_URL": given.public_url,
        "TIDINGS_ALLOWED_API_BASE_URLS": given.allowed_api_base_urls,
        PARENT: str(os.getpid()),
    }
    api = Child(name="api", arguments=("api", "--workers", str(workers)), environment=environment, finish_seconds=15)
    stop_api, stop_workers = asyncio.Event(), asyncio.Event()
    keep_api = asyncio.create_task(keep_running(api, closing=closing, stop=stop_api))
    keep_workers = []
    for number in range(senders):
        worker = Child(name=f"worker-{number + 1}", arguments=("worker",), environment=environment, finish_seconds=FINISH_SECONDS)
        keep_workers.append(asyncio.create_task(keep_running(worker, closing=closing, stop=stop_workers)))
    try:
        yield
    finally:
        closing.set()
        stop_api.set()
        await keep_api
        stop_workers.set()
        await asyncio.gather(*keep_workers)


async def _keep_database(server: EmbeddedServer) -> None:
    """Start the embedded database again when it dies; it recovers by itself what was committed."""
    while True:
        await asyncio.sleep(1.0)
        if not server.is_running():
            log.error("database_died", what="starting it again")
            try:
                await asyncio.to_thread(server.start)
            except Exception:
                log.exception("database_did_not_start", what="trying again")
                await asyncio.sleep(5.0)


async def _announce(given: Settings, url: str) -> None:
    from asyncpg.exceptions import PostgresError

    base = address(given)
    try:
        link = await _first_link(given, url)
    except (OSError, PostgresError) as error:
        # A database that is just being started again must not end everything; the sign-in page leads there as well.
        log.warning("first_start_unknown", error=str(error))
        link = None
    err.print(f"[bold green]Tidings is up.[/] Dashboard: [bold]{base}[/]  API: {base}/docs  (Ctrl-C stops it)", soft_wrap=True)
    if link:
        err.print(f"Nobody has an account yet. Make the owner's here: [bold]{link}[/]", soft_wrap=True)


async def _first_link(given: Settings, url: str) -> str | None:
    """Where the owner's account is made, while nobody has one."""
    from tidings.channels.vault import open_vault
    from tidings.db.database import Database
    from tidings.workspaces.first_start import PURPOSE, is_fresh, setup_code

    async with Database(url, pool_size=2) as database:
        fresh = await is_fresh(database)
    return f"{address(given)}/setup?code={setup_code(open_vault(given).derive(PURPOSE))}" if fresh else None


async def _comes_up(given: Settings, stop: asyncio.Event) -> bool:
    """Wait until the API answers; that it listens would not tell whether it could start."""
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while not stop.is_set() and asyncio.get_running_loop().time() < deadline:
        if await asyncio.to_thread(answers, address(given)):
            return True
        await asyncio.sleep(0.2)
    return False


def address(given: Settings) -> str:
    """Where a browser on this machine finds the dashboard."""
    host = _reachable(given.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{given.port}"


def _reachable(host: str) -> str:
    """A server that listens everywhere is reached at this machine itself."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
