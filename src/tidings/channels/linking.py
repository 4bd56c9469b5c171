"""One-time links by which a person joins their chat to a contact, or a member theirs to a personal channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import asking
from tidings.channels.service import get_channel
from tidings.contacts.links import LinkFor, keep_code, new_code
from tidings.contacts.service import get_contact
from tidings.core.clock import utc_now
from tidings.core.ids import show_id
from tidings.db.database import raw_connection
from tidings.errors import NotFound
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from tidings.channels.asking import Asking
    from tidings.workspaces.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An address that works once."""

    url: str = field(repr=False)
    expires_at: datetime


async def link_contact(how: Asking, access: Access, contact_id: UUID, channel_id: UUID) -> Link:
    """A link that makes the chat it is opened in an address of this contact. Raises NotFound, or Conflict where there are no links."""
    async with how.database.workspace(access.workspace_id) as session:
        await get_contact(session, access, contact_id)
    return await _make(how, access, channel_id, LinkFor(contact_id=contact_id))


async def link_owner(how: Asking, access: Access, channel_id: UUID) -> Link:
    """A link by which the owner of a personal channel joins their own chat to it. Raises NotFound, or Conflict where there are no links."""
    async with how.database.workspace(access.workspace_id) as session:
        channel = await get_channel(session, access, channel_id)
    if channel.owner_id is None or channel.owner_id != access.user_id:
        raise NotFound("There is no such channel in this workspace.")
    return await _make(how, access, channel_id, LinkFor(user_id=access.user_id))


async def _make(how: Asking, access: Access, channel_id: UUID, link: LinkFor) -> Link:
    code = new_code()
    url = await asking.ask_link(how, access, channel_id, code)
    expires_at = utc_now() + timedelta(days=how.settings.link_days)
    async with how.database.workspace(access.workspace_id) as session:
        # Both may be gone by now: what stays is held until the code is written.
        await get_channel(session, access, channel_id)
        if link.contact_id is not None:
            await get_contact(session, access, link.contact_id)
        connection = await raw_connection(session)
        await keep_code(connection, access.workspace_id, channel_id, code, link, expires_at=expires_at)
        after = {"channel": show_id("chn", channel_id), "expires_at": expires_at.isoformat()}
        if link.contact_id is not None:
            await record(session, access, "contact.link_made", "contact", link.contact_id, after=after)
        else:
            await record(session, access, "channel.link_made", "channel", channel_id, after=after)
    return Link(url=url, expires_at=expires_at)
