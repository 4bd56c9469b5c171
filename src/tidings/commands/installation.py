"""Reaching the installation a command works on: its settings, its database, its schema."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from tidings.errors import Conflict, Invalid, Unavailable
from tidings.logs import clean_text, configure_logging
from tidings.settings import Settings, settings

if TYPE_CHECKING:
    from tidings.db.database import Database

T = TypeVar("T")


def read_settings() -> Settings:
    """The settings, with logs set up by them. Raises Invalid with one line for each setting that is wrong."""
    try:
        read = settings()
    except ValidationError as error:
        lines = [f"{_variable(str(one['loc'][0]))}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()]
        raise Invalid("Some settings cannot be used:\n  " + "\n  ".join(lines)) from None
    configure_logging(format=read.log_format, level=read.log_level)
    return read


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run an asynchronous command on the fastest loop there is."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


@contextmanager
def database_address(given: Settings) -> Iterator[str]:
    """Where the database is. An embedded one runs while the block does, and on if another process uses it."""
    if given.database_url:
        run(check_reachable(given.database_url))
        yield given.database_url
    else:
        from tidings.db.embedded import start_embedded

        server = start_embedded(given.home)
        try:
            yield run(server.ensure_database())
        finally:
            server.release()


@asynccontextmanager
async def open_database(given: Settings) -> AsyncIterator[Database]:
    """The pools of a command that runs once. An embedded database is migrated on the way; another's schema must be up to date."""
    from tidings.db.database import Database
    from tidings.db.embedded import start_embedded
    from tidings.db.migrate import migrate

    server = None
    if given.database_url:
        url = given.database_url
        await check_reachable(url)
        await require_migrated(url)
    else:
        server = await asyncio.to_thread(start_embedded, given.home)
        url = await server.ensure_database()
        await migrate(url)
    try:
        async with Database(url, pool_size=4) as database:
            yield database
    finally:
        if server is not None:
            await asyncio.to_thread(server.release)


def require_startable(given: Settings) -> None:
    """Raises what would end each process at its start, so that it is told once: keys or a file storage that cannot be used."""
    from tidings.channels.vault import load_keys
    from tidings.files.storage import open_storage

    load_keys(given)
    open_storage(given)


async def sealed_without_keys(given: Settings, url: str) -> str | None:
    """What is wrong where channels' credentials are sealed and the key file that they were sealed with is missing."""
    import asyncpg

    from tidings.channels.vault import KEY_FILE
    from tidings.db.urls import asyncpg_url

    path = given.home / KEY_FILE
    if given.secret_keys is not None or path.exists():
        return None
    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        count = await connection.fetchval("SELECT count(*) FROM channels WHERE deleted_at IS NULL")
    finally:
        await connection.close()
    if not count:
        return None
    return f"The key file {path} is missing, and only its keys open the credentials of {count} channel{'' if count == 1 else 's'}."


async def check_reachable(url: str) -> None:
    """Raises Unavailable with a sentence on what is wrong: the address, the password, the database's name."""
    import asyncpg

    from tidings.db.urls import asyncpg_url

    try:
        connection = await asyncpg.connect(asyncpg_url(url), timeout=10)
    except (OSError, asyncpg.exceptions.PostgresError, asyncpg.exceptions.InterfaceError, ValueError) as error:
        reason = str(error) or "no answer within 10 seconds"
        raise Unavailable(f"The database at {clean_text(url)} cannot be used: {reason}. Is DATABASE_URL right, and does it run?") from error
    await connection.close()


async def require_migrated(url: str) -> None:
    """Raises Conflict when the database lacks what this version needs."""
    from tidings.db.revision import pending_revision

    if missing := await pending_revision(url):
        raise Conflict(
            f"The database is not at the schema this version needs ({missing}). Run `tidings migrate` first; nothing was changed."
        )


def _variable(field: str) -> str:
    return field if field.isupper() else f"TIDINGS_{field.upper()}"
