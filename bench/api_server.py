"""The API as `tidings api` serves it, and a key for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from bench.installation import Installation
from bench.net import free_port
from bench.processes import Process
from bench.raw_client import Connection, request_bytes
from tidings.db.database import Database
from tidings.workspaces.access import system_access
from tidings.workspaces.api_keys import create_api_key
from tidings.workspaces.rules import Permission

_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ApiServer:
    """One that answers."""

    process: Process
    port: int


@asynccontextmanager
async def api_server(inst: Installation, stub_url: str = "", **settings: str) -> AsyncIterator[ApiServer]:
    """Started, answering, and ended with the block."""
    port = free_port()
    arguments = ["api", "--port", str(port)]
    async with Process.python("api", "tidings.cli", arguments, inst.home, inst.environment(stub_url, **settings)) as process:
        await _wait_until_answering(process, port)
        yield ApiServer(process, port)


async def _wait_until_answering(process: Process, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        process.check()
        try:
            async with Connection("127.0.0.1", port) as connection:
                status, _ = await connection.ask(request_bytes("GET", "/health", port, b"", {}))
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        if status == 200:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"The API does not answer. Its log ends:\n{process.words()}")
        await asyncio.sleep(0.1)


async def add_api_key(database: Database, workspace_id: UUID) -> str:
    """A key that may do everything."""
    access = system_access(workspace_id, "bench")
    async with database.workspace(workspace_id) as session:
        return (await create_api_key(session, access, name="Bench", scopes=list(Permission))).secret
