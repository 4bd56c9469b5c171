"""How a channel with due work gets a drain, and how a drain ends without losing a wake-up (docs/decisions/0002-wake-ups.md).

A wake-up is a PGQueuer job under the key `drain:<channel>`; the key covers the waiting and the running job, so that one drain at
a time paces a channel. It is enqueued after the message's COMMIT: then the message is visible to any drain whose job the key
still meets. A drain ends by deleting its own job first and looking for due messages after: whoever woke the channel before the
delete has a message that the look finds, whoever wakes it later finds the key free.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.db.database import after_commit
from tidings.delivery import queries
from tidings.jobs.queue import enqueue_on

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database

DRAIN = "drain"
NO_HOLDER_DELAY = timedelta(seconds=3)
"""A session that nobody holds is taken up soon; until then its messages wait."""


def wake_after_commit(session: AsyncSession, database: Database, channel_id: UUID) -> None:
    """Have the channel drained as soon as this transaction has committed. If that is lost in a crash, the sweep finds the message."""

    async def act() -> None:
        async with database.wakes.acquire() as connection:
            await wake(connection, channel_id)

    after_commit(session, f"wake:{channel_id}", act)


def drain_at(worker_id: UUID) -> str:
    """The name of drain jobs that one worker alone takes: those of standing sessions that it holds."""
    return f"{DRAIN}@{worker_id}"


async def hand_over(connection: asyncpg.Connection, job_id: int, workspace_id: UUID, channel_id: UUID, holder: UUID | None) -> None:
    """Put this drain before the worker that holds the channel's session; where none does, try again some seconds later.

    In one transaction, so that the channel has a drain at every moment.
    """
    await connection.execute("DELETE FROM pgqueuer WHERE id = $1", job_id)
    if holder is not None:
        await enqueue_on(connection, drain_at(holder), str(channel_id), dedupe_key=f"drain:{channel_id}")
    elif await queries.has_due(connection, workspace_id, channel_id):
        await wake(connection, channel_id, delay=NO_HOLDER_DELAY)


async def wake(connection: asyncpg.Connection, channel_id: UUID, *, delay: timedelta | None = None) -> None:
    """Have the channel drained now. Call it only when the work is committed."""
    await enqueue_on(connection, DRAIN, str(channel_id), dedupe_key=f"drain:{channel_id}", delay=delay)


async def finish(
    connection: asyncpg.Connection, job_id: int, workspace_id: UUID, channel_id: UUID, *, again: bool, delay: timedelta | None = None
) -> None:
    """End the drain that runs as this job; have another follow, behind the other channels, where there is work left."""
    await connection.execute("DELETE FROM pgqueuer WHERE id = $1", job_id)
    if again or await queries.has_due(connection, workspace_id, channel_id):
        await wake(connection, channel_id, delay=delay)
