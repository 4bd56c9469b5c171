"""A test message by a channel: it goes the way of every message, so it proves the whole way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.core.clock import utc_now
from tidings.messages.service import SendMessage, send_message
from tidings.workspaces.audit import record
from tidings.workspaces.models import Workspace

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.workspaces.access import Access

VALIDITY = timedelta(minutes=15)
"""A test that comes hours later, when the channel has been mended, would only puzzle."""


async def send_test(session: AsyncSession, access: Access, database: Database, channel_id: UUID, to: str, text: str) -> UUID:  # noqa: PLR0917
    """Send a test message and give its id. Raises what `send_message` raises."""
    workspace = await session.get_one(Workspace, access.workspace_id)
    command = SendMessage(to=to, text=text, channel_id=channel_id, validity=VALIDITY)
    message = await send_message(session, access, database, command, now=utc_now(), region=workspace.default_region)
    await record(session, access, "channel.tested", "channel", channel_id, after={"to": message.address})
    return message.id
