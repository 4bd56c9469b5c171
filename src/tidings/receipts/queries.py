"""Receipts as pages and the API list them. They are written by messages/."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    """One receipt."""

    id: UUID
    channel_id: UUID
    message_id: UUID | None
    provider_message_id: str
    status: str
    provider_status: str
    code: str | None
    detail: str | None
    reported_at: datetime | None
    received_at: datetime


async def list_receipts(session: AsyncSession, workspace_id: UUID, *, unmatched: bool, viewer: UUID | None, before: UUID | None, limit: int) -> list[ReceiptRow]:  # fmt: skip
    """The newest first, without those of others' personal channels; `before` is the id of the last one shown."""
    conditions = ["workspace_id = :workspace_id", _VISIBLE]
    if unmatched:
        conditions.append("message_id IS NULL")
    if before is not None:
        conditions.append("id < :before")
    rows = await session.execute(
        text(
            "SELECT id, channel_id, message_id, provider_message_id, status, provider_status, code, detail, reported_at, received_at "
            f"FROM receipts WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"
        ),
        {"workspace_id": workspace_id, "viewer": viewer, "before": before, "limit": limit},
    )
    return [ReceiptRow(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


_VISIBLE = (
    "NOT EXISTS (SELECT FROM channels personal WHERE personal.workspace_id = receipts.workspace_id AND personal.id = receipts.channel_id "
    "AND personal.owner_id IS NOT NULL AND personal.owner_id IS DISTINCT FROM CAST(:viewer AS uuid))"
)
