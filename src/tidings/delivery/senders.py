"""At most so many channels of one workspace and provider send at the same moment, however many workers run.

A channel asks for a place when its turn begins and gives it back when it ends. Whoever finds none gets in line: its drain is put off, and
brought forward when a place is free (docs/limits.md). Channels without such a limit never come here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tidings.db.sql import NamedSql
from tidings.delivery.wake import wake

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from tidings.channels.runtime import RunningChannel

_SQL = NamedSql("tidings.delivery", "senders.sql")

ASK_AGAIN = timedelta(seconds=5)
"""Whoever waits is called when a place is free. This is for calls that get lost, and says that the channel still waits."""
FORGOTTEN = timedelta(seconds=15)
"""Whoever has not asked for so long waits no longer: nobody stands behind them."""


async def take_place(connection: asyncpg.Connection, channel: RunningChannel, job_id: int) -> bool:
    """A place for the drain that runs as this job. False when there is none: then the drain has been put off."""
    if channel.senders_at_once is None:
        return True
    async with connection.transaction():
        await connection.execute(_SQL.lock, channel.workspace_id, channel.kind)
        await connection.execute(_SQL.ask, channel.workspace_id, channel.id, channel.kind, channel.senders_at_once, FORGOTTEN)
        if await connection.fetchval(_SQL.take, channel.workspace_id, channel.id, job_id, FORGOTTEN):
            return True
        # In the same transaction, so that a place that comes free finds the drain to bring forward.
        await connection.execute(_SQL.drop_job, job_id)
        await wake(connection, channel.id, delay=ASK_AGAIN)
        return False


async def leave_place(connection: asyncpg.Connection, channel: RunningChannel, job_id: int) -> None:
    """Give it back, and call whoever is next. Call it when the drain's job is gone."""
    if channel.senders_at_once is None:
        return
    async with connection.transaction():
        await connection.execute(_SQL.lock, channel.workspace_id, channel.kind)
        await connection.execute(_SQL.leave, channel.workspace_id, channel.id, job_id)
        await _call_next(connection, channel.workspace_id, channel.kind)


async def call_next_senders(connection: asyncpg.Connection) -> None:
    """The safety net: places that came free because a worker died or a limit was raised."""
    await _call_next(connection, None, None)


async def _call_next(connection: asyncpg.Connection, workspace_id: UUID | None, kind: str | None) -> None:
    for row in await connection.fetch(_SQL.next, workspace_id, kind, FORGOTTEN):
        async with connection.transaction():
            await connection.execute(_SQL.drop_delayed_job, f"drain:{row['channel_id']}")
            await wake(connection, row["channel_id"])
