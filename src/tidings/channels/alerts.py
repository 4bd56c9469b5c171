"""What needs a person to mend it. Alerts are raised by the engine (runtime.py) and close by themselves once the channel works."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import queries
from tidings.channels.rules import may_see
from tidings.core.clock import utc_now
from tidings.errors import NotFound
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Alert
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
    """The workspace's alerts, or one channel's, the newest first. Those of personal channels are told only where the channel is named."""
    return await queries.list_alerts(session, access.workspace_id, only_open=only_open, channel_id=channel_id, before=before, limit=limit)


async def resolve_alert(session: AsyncSession, access: Access, alert_id: UUID) -> Alert:
    """Close an alert by hand: the next trouble of its kind is told again. Raises NotFound."""
    alert = await queries.get_alert(session, access.workspace_id, alert_id)
    if alert is not None and alert.channel_id is not None:
        channel = await queries.get_channel(session, access.workspace_id, alert.channel_id)
        alert = alert if channel is None or may_see(access, channel.owner_id) else None
    if alert is None:
        raise NotFound("There is no such alert in this workspace.")
    if alert.resolved_at is None:
        alert.resolved_at = utc_now()
        await session.flush()
        await record(session, access, "alert.resolved", "alert", alert.id, before={"kind": alert.kind, "message": alert.message})
    return alert
