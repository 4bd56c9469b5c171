"""A small installation whose processes can be killed: one database, workers as real processes, a Twilio simulator in this one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from tests.delivery.builders import Place
from tests.simulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from tidings.channels.vault import Vault, load_keys
from tidings.core.ids import new_id
from tidings.settings import Settings


class Site:
    """Everything that one kill test needs."""

    def __init__(self, database_url: str, home: Path, provider_url: str) -> None:
        self.database_url = database_url
        self.home = home
        self.provider_url = provider_url
        self.processes: list[asyncio.subprocess.Process] = []

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "TIDINGS_HOME": str(self.home),
            "TIDINGS_ALLOWED_API_BASE_URLS": self.provider_url,
            "TIDINGS_LOG_LEVEL": "WARNING",
            "TIDINGS_WORKER_POOL_SIZE": "6",
        }

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start `tidings …` as a process of its own."""
        log = (self.home / "processes.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tidings", *arguments, env=self.environment(), stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        self.processes.append(process)
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def stop(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                await self.kill(process)

    async def channel(self, connection: asyncpg.Connection, *, limits: dict[str, object], workspace_id: UUID | None = None) -> Place:
        """A Twilio channel that speaks to the simulator, in a workspace of its own unless one is given."""
        at = Place(workspace_id or new_id(), new_id())
        vault = Vault(load_keys(Settings(home=self.home)))
        if workspace_id is None:
            await connection.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", at.workspace_id)
        await connection.execute(
            "INSERT INTO channels (workspace_id, id, name, provider, medium, sender, settings, credentials, api_base_url, limits, hook_token) "
            "VALUES ($1, $2, 'Main', 'twilio', 'sms', '+15005550006', $3, $4, $5, $6, $7)",
            at.workspace_id, at.channel_id, msgspec.json.encode({"account_sid": ACCOUNT_SID}).decode(),
            vault.seal({"auth_token": AUTH_TOKEN}), self.provider_url, msgspec.json.encode(limits).decode(), str(new_id()),
        )  # fmt: skip
        return at


async def outcome(connection: asyncpg.Connection, campaign_id: UUID) -> list[asyncpg.Record]:
    """Every message of a campaign as the ledger tells it."""
    return await connection.fetch(
        "SELECT m.id, m.address, m.status, m.possible_duplicate, m.attempt, "
        "(SELECT count(*) FROM attempts a WHERE a.workspace_id = m.workspace_id AND a.message_id = m.id)::int AS attempts "
        "FROM messages m WHERE campaign_id = $1",
        campaign_id,
    )


async def waiting(connection: asyncpg.Connection, campaign_id: UUID) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM messages WHERE campaign_id = $1 AND status IN ('scheduled', 'queued', 'sending')", campaign_id
    )
    return count


async def until(condition, seconds: float, every: float = 0.1) -> None:
    """Wait for an awaitable condition; fails the test with its last value when it does not come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (value := await condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"still {value!r} after {seconds} s")
        await asyncio.sleep(every)
