"""Brings a database to the schema this version needs, and says whether it is there."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from asyncpg.exceptions import InsufficientPrivilegeError
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from tidings.db.urls import sqlalchemy_url
from tidings.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = 7_304_615  # any constant: two processes that start together must not migrate together


async def migrate(url: str) -> str:
    """Run what is missing, in one transaction, and return the revision reached. Safe to call from several processes.

    Raises Conflict where a newer version made the database, or the role in the address may not do it: with what an administrator has to allow.
    """
    engine = create_async_engine(sqlalchemy_url(url))
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
            await _install_queue(connection)
            return await connection.run_sync(_current) or ""
    except CommandError as error:
        raise Conflict(
            f"The database was made by a newer Tidings than this one; nothing was changed ({error}). Install that one."
        ) from error
    except (DBAPIError, InsufficientPrivilegeError) as error:
        cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
        if not isinstance(cause, InsufficientPrivilegeError):
            raise
        raise Conflict(f"The database does not allow it, and nothing was changed: {cause}") from error
    finally:
        await engine.dispose()


def known_revisions() -> set[str]:
    """Every revision this version carries: a database at another was made by a newer one."""
    return {script.revision for script in ScriptDirectory.from_config(_config(None)).walk_revisions()}


def _config(connection: Connection | None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(files("tidings.db").joinpath("migrations")))
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def _install_queue(connection: AsyncConnection) -> None:
    """PGQueuer keeps its own tables: made once, then brought up to the installed version."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    queries = Queries(AsyncpgDriver(raw))
    if not await queries.schema_is_installed():
        await queries.install()
    for grantee in ("tidings_app", "tidings_engine"):
        await raw.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON pgqueuer, pgqueuer_log, pgqueuer_statistics, pgqueuer_schedules TO {grantee}"
        )
        await raw.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {grantee}")
