"""The audit log: who changed what, from what, to what. Written in the transaction of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from tidings.core.ids import new_id

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

_INSERT = text(
    "INSERT INTO audit_log (workspace_id, id, actor_kind, actor_id, actor_label, action, object_kind, object_id, before, after, ip) "
    "VALUES (:workspace_id, :id, :actor_kind, :actor_id, :actor_label, :action, :object_kind, :object_id, "
    "CAST(:before AS jsonb), CAST(:after AS jsonb), :ip)"
)


async def record(
    session: AsyncSession,
    access: Access,
    action: str,
    object_kind: str,
    object_id: UUID | None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Note one change. `action` is noun.verb (`campaign.paused`); never hand it a credential."""
    await session.execute(
        _INSERT,
        {
            "workspace_id": access.workspace_id,
            "id": new_id(),
            "actor_kind": access.actor_kind,
            "actor_id": access.actor_id,
            "actor_label": access.actor_label,
            "action": action,
            "object_kind": object_kind,
            "object_id": object_id,
            "before": _json(before),
            "after": _json(after),
            "ip": access.ip,
        },
    )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
