"""The SQL of sources of many messages: campaigns and what is like them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def cancel_some(session: AsyncSession, workspace_id: UUID, source_id: UUID, limit: int) -> int:
    """Cancel up to `limit` waiting messages of a campaign; return how many."""
    done = await session.execute(_CANCEL_SOME, {"workspace_id": workspace_id, "source_id": source_id, "limit": limit})
    return len(done.all())


_CANCEL_SOME = text(
    """
    WITH waiting AS (
        SELECT id FROM messages
        WHERE workspace_id = :workspace_id AND campaign_id = :source_id AND status IN ('scheduled', 'queued')
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE messages m SET status = 'cancelled', settled_at = now()
    FROM waiting w WHERE m.workspace_id = :workspace_id AND m.id = w.id
    RETURNING 1
    """
)


async def cancel_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """Let none of a campaign's recipients be tried by another channel any more."""
    await session.execute(
        text("UPDATE message_contents SET cancelled_at = now() WHERE workspace_id = :workspace_id AND source_id = :source_id"),
        {"workspace_id": workspace_id, "source_id": source_id},
    )


async def hold(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    await session.execute(
        text("INSERT INTO delivery_holds (workspace_id, source_id) VALUES (:workspace_id, :source_id) ON CONFLICT DO NOTHING"),
        {"workspace_id": workspace_id, "source_id": source_id},
    )


async def release(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    await session.execute(
        text("DELETE FROM delivery_holds WHERE workspace_id = :workspace_id AND source_id = :source_id"),
        {"workspace_id": workspace_id, "source_id": source_id},
    )


async def count_statuses(session: AsyncSession, workspace_id: UUID, source_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    rows = await session.execute(
        text(
            "SELECT campaign_id, status, sum(n)::int AS n FROM campaign_counts "
            "WHERE workspace_id = :workspace_id AND campaign_id = ANY(:ids) GROUP BY 1, 2 HAVING sum(n) <> 0"
        ),
        {"workspace_id": workspace_id, "ids": list(source_ids)},
    )
    counts: dict[UUID, dict[str, int]] = {source_id: {} for source_id in source_ids}
    for row in rows:
        counts[row.campaign_id][row.status] = row.n
    return counts


async def count_followed(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> int:
    followed = text("SELECT count(DISTINCT message_id) FROM fallbacks WHERE workspace_id = :workspace_id AND source_id = :source_id")
    return int((await session.execute(followed, {"workspace_id": workspace_id, "source_id": source_id})).scalar_one())


async def freeze_content(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, *, name: str, content: str, carried: str | None = None
) -> None:
    """Write a source's text down for good, and what goes with it (JSON)."""
    await session.execute(
        _FREEZE, {"workspace_id": workspace_id, "source_id": source_id, "name": name, "text": content, "carried": carried}
    )


_FREEZE = text(
    "INSERT INTO message_contents (workspace_id, source_id, source_name, text, content) "
    "VALUES (:workspace_id, :source_id, :name, :text, CAST(:carried AS jsonb))"
)
