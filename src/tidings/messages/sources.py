"""Sources of many messages, as campaigns are: their frozen content, held, released and ended as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.delivery.content import Content, content_json
from tidings.delivery.wake import wake_after_commit
from tidings.messages import source_queries as queries

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database


async def freeze_content(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, *, name: str, content: str, carried: Content | None = None
) -> None:
    """Write a source's text down for good, and what goes with it, before its first message."""
    await queries.freeze_content(session, workspace_id, source_id, name=name, content=content, carried=content_json(carried))


async def hold_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """Let nothing more of this source leave. What is in the air still ends."""
    await queries.hold(session, workspace_id, source_id)


async def release_source(session: AsyncSession, database: Database, workspace_id: UUID, source_id: UUID, channel_id: UUID) -> None:
    """Let a held source go on."""
    await queries.release(session, workspace_id, source_id)
    wake_after_commit(session, database, channel_id)


async def count_statuses(session: AsyncSession, workspace_id: UUID, source_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many messages of each source stand where, exact at this moment."""
    return await queries.count_statuses(session, workspace_id, source_ids)


async def count_followed(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> int:
    """How many recipients of a source their route still watches: a further channel may be tried for them."""
    return await queries.count_followed(session, workspace_id, source_id)


async def end_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """Let none of this source's recipients be tried by another channel any more."""
    await queries.cancel_source(session, workspace_id, source_id)


async def cancel_source_page(session: AsyncSession, workspace_id: UUID, source_id: UUID, limit: int) -> int:
    """Cancel up to `limit` waiting messages of a source; return how many."""
    return await queries.cancel_some(session, workspace_id, source_id, limit)
