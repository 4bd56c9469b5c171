"""Puts background jobs on PGQueuer's queue, in the transaction of the rows they serve."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from tidings.db.database import raw_connection

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession


async def enqueue(session: AsyncSession, job: str, payload: Any, *, dedupe_key: str | None = None, delay: timedelta | None = None) -> None:
    """Have `job` run after this transaction commits, and never when it does not.

    `payload` is anything msgspec can write as JSON. With a `dedupe_key`, a job that waits or runs under the same key makes
    this call do nothing.
    """
    await enqueue_on(await raw_connection(session), job, payload, dedupe_key=dedupe_key, delay=delay)


async def enqueue_on(
    connection: asyncpg.Connection, job: str, payload: Any, *, dedupe_key: str | None = None, delay: timedelta | None = None
) -> None:
    """The same on a bare connection."""
    await Queries(AsyncpgDriver(connection)).enqueue(
        job, msgspec.json.encode(payload), execute_after=delay, dedupe_key=dedupe_key, on_conflict="skip"
    )
