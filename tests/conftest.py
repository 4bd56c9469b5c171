"""A real PostgreSQL for every test: one server a run, one fresh database a test that asks for it (cloned from a migrated template)."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.browser import browser, chromium, page  # noqa: F401  (here, so that a run has one Chromium and not one a folder)
from tests.plain_logs import plain_logs
from tidings.db.database import Database
from tidings.db.embedded import EmbeddedServer, start_embedded
from tidings.db.migrate import migrate

plain_logs()
TEMPLATE = "tidings_template"
MEMORY_NEEDED = 3 * 1024**3


def pytest_collection_finish() -> None:
    """Libraries and tests stay for the whole run: the garbage collector need not go through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedServer]:
    """An embedded server of this test run, with a migrated template database. Durable writes are off: nobody pulls its plug."""
    home = Path(tempfile.mkdtemp(prefix="tidings-test-", dir=roomy_memory()))
    home.chmod(0o755)
    server = start_embedded(home)

    async def prepare() -> None:
        admin = await asyncpg.connect(server.superuser_url)
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '256MB'"):
            await admin.execute(f"ALTER SYSTEM SET {setting}")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()
        await migrate(await server.ensure_database(TEMPLATE))

    asyncio.run(prepare())
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


def roomy_memory() -> str | None:
    """A folder in memory, where the thousand files of a new database are copied ten times faster than on a disk; None where it is small."""
    folder = Path("/dev/shm")
    roomy = folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > MEMORY_NEEDED
    return str(folder) if roomy else None


@pytest.fixture
def database_url(postgres: EmbeddedServer) -> Iterator[str]:
    """The address of a fresh, migrated database. Whichever event loop its test runs in, this one needs none."""
    name = f"test_{secrets.token_hex(6)}"
    _as_admin(postgres, f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} OWNER tidings STRATEGY FILE_COPY')
    yield postgres.url(name)
    _as_admin(postgres, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _as_admin(postgres: EmbeddedServer, statement: str) -> None:
    async def act() -> None:
        admin = await asyncpg.connect(postgres.superuser_url)
        try:
            await admin.execute(statement)
        finally:
            await admin.close()

    asyncio.run(act())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open pools on a fresh database."""
    async with Database(database_url, pool_size=5) as opened:
        yield opened
