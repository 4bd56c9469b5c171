"""What happened to a channel, for people who look after it: starts, stops, failing polls, probes, refused calls.

Details come from providers' words with credentials blotted out already; nothing else is put here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from tidings.core.ids import id_time, new_id

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing that happened."""

    id: UUID
    kind: str
    detail: str

    @property
    def at(self) -> datetime:
        return id_time(self.id)


@dataclass(frozen=True, slots=True)
class Happened:
    """The same before it is written."""

    channel_id: UUID
    kind: str
    detail: str = ""
    id: UUID = field(default_factory=new_id)
    """Its time lies in it, and the order of what one process noted."""


async def note_activity(connection: asyncpg.Connection, happened: Iterable[Happened]) -> None:
    """Write down what happened to many channels, in one statement; those that are gone meanwhile are left out."""
    rows = [(one.id, one.channel_id, one.kind, one.detail.replace("\0", "")[:LONGEST_DETAIL]) for one in happened]
    if rows:
        await connection.execute(_NOTE, *map(list, zip(*rows, strict=True)))


_NOTE = """
    INSERT INTO channel_activity (workspace_id, id, channel_id, kind, detail)
    SELECT c.workspace_id, t.id, c.id, t.kind, t.detail
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS t (id, channel_id, kind, detail)
    JOIN channels c ON c.id = t.channel_id
    ON CONFLICT DO NOTHING
"""


async def list_activity(
    session: AsyncSession, workspace_id: UUID, channel_id: UUID, *, kind: str | None = None, before: UUID | None = None, limit: int = 50
) -> list[Activity]:
    """The newest first; `before` is the id of the last one shown."""
    conditions = ["workspace_id = :workspace_id", "channel_id = :channel_id"]
    conditions += ["kind = :kind"] if kind is not None else []
    conditions += ["id < :before"] if before is not None else []
    rows = await session.execute(
        text(f"SELECT id, kind, detail FROM channel_activity WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"),
        {"workspace_id": workspace_id, "channel_id": channel_id, "kind": kind, "before": before, "limit": limit},
    )
    return [Activity(id=row.id, kind=row.kind, detail=row.detail) for row in rows]
