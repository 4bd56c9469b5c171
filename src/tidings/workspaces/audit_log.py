"""Reading the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Select, select

from tidings.core.ids import id_floor
from tidings.workspaces.models import AuditEntry

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to show; None does not narrow."""

    object_id: UUID | None = None
    object_kind: str | None = None
    actor_id: UUID | None = None
    actor_label: str | None = None
    """Part of an e-mail address or of a key's name."""
    action: str | None = None
    """`campaign.paused`, or the noun alone for all of its verbs: `campaign`."""
    since: datetime | None = None


async def list_audit_log(
    session: AsyncSession, access: Access, only: AuditFilter, *, before: UUID | None = None, limit: int = 50
) -> Sequence[AuditEntry]:
    """The workspace's changes, the newest first."""
    query = select(AuditEntry).where(AuditEntry.workspace_id == access.workspace_id)
    query = _narrowed(query, only)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return (await session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit))).all()


def _narrowed(query: Select[AuditEntry], only: AuditFilter) -> Select[AuditEntry]:
    if only.object_id is not None:
        query = query.where(AuditEntry.object_id == only.object_id)
    if only.object_kind is not None:
        query = query.where(AuditEntry.object_kind == only.object_kind)
    if only.actor_id is not None:
        query = query.where(AuditEntry.actor_id == only.actor_id)
    if only.actor_label:
        query = query.where(AuditEntry.actor_label.icontains(only.actor_label, autoescape=True))
    if only.action:
        exact = "." in only.action
        query = query.where(AuditEntry.action == only.action if exact else AuditEntry.action.startswith(only.action + ".", autoescape=True))
    if only.since is not None:
        query = query.where(AuditEntry.id >= id_floor(only.since))  # ids are in the order of time, so the key's index serves
    return query
