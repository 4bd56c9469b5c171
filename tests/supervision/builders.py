"""A worker's supervisor without the process around it, and bots for it to run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from tidings.channels.vault import Vault, load_keys
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.providers.http import Http
from tidings.receipts.writer import open_writer
from tidings.settings import Settings
from tidings.supervision.leases import Worker
from tidings.supervision.supervisor import Supervisor


@dataclass(frozen=True)
class Bot:
    """A Telegram channel and the token of its bot."""

    workspace_id: UUID
    id: UUID
    token: str


@dataclass
class Running:
    """A supervisor that runs."""

    worker: Worker
    stop: asyncio.Event
    task: asyncio.Task[None]
    settings: Settings
    http: Http
    vault: Vault

    async def end(self) -> None:
        self.stop.set()
        await self.task


def settings_for(home: Path, url: str, **more: Any) -> Settings:
    return Settings(_env_file=None, home=home, allowed_api_base_urls=url, **more)


@asynccontextmanager
async def supervisor(database: Database, settings: Settings, capacity: int = 1_000) -> AsyncIterator[Running]:
    """One worker's supervisor, ended in good order at last."""
    vault = Vault(load_keys(settings))
    async with Http(max_connections=capacity + 10) as polls, Http() as http, open_writer(database) as writer:
        worker = Worker(id=new_id(), capacity=capacity, public_url=settings.public_url)
        stop = asyncio.Event()
        made = Supervisor(worker, database, vault, settings, polls, http, writer)
        running = Running(worker, stop, asyncio.create_task(made.run(stop)), settings, http, vault)
        try:
            yield running
        finally:
            await running.end()


async def workspace(connection: asyncpg.Connection) -> UUID:
    workspace_id = new_id()
    await connection.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", workspace_id)
    return workspace_id


async def bots(
    connection: asyncpg.Connection, workspace_id: UUID, settings: Settings, url: str, count: int, receive: str = "polling"
) -> list[Bot]:
    """Channels with a bot each. Nobody probes them unless a test asks for it."""
    vault = Vault(load_keys(settings))
    made = [Bot(workspace_id, new_id(), f"{110_201_000 + number}:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8") for number in range(count)]
    for one in made:
        await connection.execute(
            "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, api_base_url, receive) "
            "VALUES ($1, $2, $3, 'telegram', 'telegram', $4, $5, $6, $7)",
            workspace_id, one.id, f"Bot {one.token[:9]}", vault.seal({"bot_token": one.token}), one.id.hex, url, receive,
        )  # fmt: skip
    await connection.execute("UPDATE channel_standing SET next_check_at = now() + interval '1 day'")
    return made


async def received(connection: Any, channel_id: UUID) -> list[str]:
    """The texts that came in by a channel, in order."""
    rows = await connection.fetch("SELECT text FROM messages WHERE direction = 'in' AND channel_id = $1 ORDER BY id", channel_id)
    return [row["text"] for row in rows]


async def standing(connection: Any, channel_id: UUID) -> asyncpg.Record:
    row: asyncpg.Record = await connection.fetchrow("SELECT * FROM channel_standing WHERE channel_id = $1", channel_id)
    return row


async def activity(connection: Any, channel_id: UUID) -> list[str]:
    rows = await connection.fetch("SELECT kind FROM channel_activity WHERE channel_id = $1 ORDER BY id", channel_id)
    return [row["kind"] for row in rows]
