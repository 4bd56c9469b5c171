"""What happened, kept until whoever acts on it has read it: written in the transaction of the thing itself, so neither is without the other.

A reader keeps its own cursor, in the transaction of what it does with the events: then a crash repeats nothing and skips nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import msgspec

from tidings.core.ids import new_id
from tidings.db.sql import NamedSql

if TYPE_CHECKING:
    import asyncpg

_SQL = NamedSql("tidings.outbox", "outbox.sql")

Kind = Literal["message.received"]
KEPT = timedelta(days=7)
"""A reader that is away for longer misses events."""
PLACED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """Something that has just happened in a workspace."""

    workspace_id: UUID
    kind: Kind
    at: datetime
    data: dict[str, Any] = field(repr=False)
    """Plain JSON; ids in their outside form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, in its place in the order."""

    workspace_id: UUID
    id: UUID
    kind: str
    at: datetime
    data: dict[str, Any] = field(repr=False)
    position: int
    """The cursor of whoever has read so far."""


async def emit(connection: asyncpg.Connection, events: Sequence[NewEvent]) -> None:
    """Write down what happened, in the caller's transaction."""
    if events:
        await connection.execute(
            _SQL.emit, [one.workspace_id for one in events], [new_id() for _ in events], [one.kind for one in events],
            [one.at for one in events], [msgspec.json.encode(one.data).decode() for one in events],
        )  # fmt: skip


async def read_events(connection: asyncpg.Connection, after: int = 0, *, kinds: Sequence[Kind] = (), limit: int = 500) -> list[Event]:
    """What happened after a position, in order, of all workspaces. Takes a bare connection with the engine's role, outside a transaction.

    No event ever turns up later before one that was read.
    """
    async with connection.transaction():
        await connection.execute(_SQL.lock)
        await connection.execute(_SQL.place, PLACED_AT_ONCE)
    rows = await connection.fetch(_SQL.read, after, list(kinds), limit)
    return [
        Event(
            workspace_id=row["workspace_id"], id=row["id"], kind=row["kind"], at=row["at"], data=msgspec.json.decode(row["data"]),
            position=row["position"],
        )
        for row in rows
    ]  # fmt: skip


async def prune_events(connection: asyncpg.Connection) -> None:
    """Drop what is older than a week."""
    await connection.execute(_SQL.prune, KEPT)
