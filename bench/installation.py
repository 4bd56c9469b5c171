"""A whole Tidings in a temporary folder: an embedded PostgreSQL with the durable settings of `tidings up`, and its processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.processes import Process
from bench.traffic import PUBLIC_URL
from tidings.db.database import Database
from tidings.db.embedded import EmbeddedServer, start_embedded
from tidings.db.migrate import migrate


@dataclass(frozen=True, slots=True)
class Installation:
    """What a benchmark works on."""

    home: Path
    server: EmbeddedServer
    url: str

    @property
    def postgres_pid(self) -> int:
        pid = self.server.pid
        assert pid is not None
        return pid

    def environment(self, stub_url: str = "", **settings: str) -> dict[str, str]:
        """What its processes are told."""
        return {
            "TIDINGS_HOME": str(self.home),
            "DATABASE_URL": self.url,
            "TIDINGS_PUBLIC_URL": PUBLIC_URL,
            "TIDINGS_ALLOWED_API_BASE_URLS": stub_url,
            "TIDINGS_LOG_LEVEL": "WARNING",
            "TIDINGS_LOG_FORMAT": "json",
            **settings,
        }

    def worker(self, stub_url: str = "", **settings: str) -> Process:
        """A worker, as `tidings worker` starts it."""
        return Process.python("worker", "tidings.cli", ["worker"], self.home, self.environment(stub_url, **settings))

    def stub(self, *arguments: str) -> Process:
        """A provider that takes everything at once."""
        return Process.python("stub", "bench.stub", arguments, self.home)


@asynccontextmanager
async def installation() -> AsyncIterator[Installation]:
    """Made fresh, gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    server = start_embedded(home)
    try:
        url = await server.ensure_database()
        await assert_durable(url)
        await migrate(url)
        yield Installation(home, server, url)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


async def assert_durable(url: str) -> None:
    """Speed that a power cut takes back would be no speed."""
    connection = await asyncpg.connect(url)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            value = await connection.fetchval(f"SHOW {setting}")
            if value != "on":
                raise RuntimeError(f"{setting} is {value}: these figures would not be those of a durable database.")
    finally:
        await connection.close()


def open_database(url: str, pool_size: int = 4) -> Database:
    """The pools that the benchmark itself uses."""
    return Database(url, pool_size=pool_size)
