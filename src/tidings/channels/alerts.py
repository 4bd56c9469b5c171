"""What needs a person to mend it. Alerts are raised by the engine (runtime.py) and close by themselves once the channel works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import queries
from tidings.core.clock import utc_now
from tidings.errors import NotFound
from tidings.workspaces.audit import record
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Alert, Channel
    from tidings.workspaces.access import Access


async def list_alerts(
    session: AsyncSession,
    access: Access,
    *,
    only_open: bool = True,
    channel_id: UUID | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[Alert]:
    """The workspace's alerts and those of the caller's own channels, or one channel's, the newest first."""
    return await queries.list_alerts(
        session, access.workspace_id, access.user_id, only_open=only_open, channel_id=channel_id, before=before, limit=limit
    )


async def channels_of_alerts(session: AsyncSession, access: Access, alerts: Sequence[Alert]) -> list[Channel]:
    """The channels that these alerts are of, but for those that are deleted."""
    ids = {one.channel_id for one in alerts if one.channel_id is not None}
    return await queries.get_channels(session, access.workspace_id, list(ids)) if ids else []


async def resolve_alert(session: AsyncSession, access: Access, alert_id: UUID) -> Alert:
    """Close an alert by hand: the next trouble of its kind is told again. A member may close those of their own channels.

    Raises NotFound, or Forbidden.
    """
    alert = await queries.get_alert(session, access.workspace_id, access.user_id, alert_id)
    if alert is None:
        raise NotFound("There is no such alert in this workspace.")
    is_own = any(one.owner_id is not None for one in await channels_of_alerts(session, access, [alert]))
    access.demand(Permission.CHANNELS_OWN if is_own else Permission.CHANNELS_WRITE)
    if alert.resolved_at is None:
        alert.resolved_at = utc_now()
        await session.flush()
        before = {"kind": alert.kind, "personal": True} if is_own else {"kind": alert.kind, "message": alert.message}
        await record(session, access, "alert.resolved", "alert", alert.id, before=before)
    return alert
