"""A person opened a channel through a one-time link: their chat becomes the address of whoever the link was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from tidings.contacts.links import LinkFor, give_address, look_up_code, spend_code
from tidings.contacts.service import opt_in
from tidings.core.ids import show_id
from tidings.messages.conversations import SQL
from tidings.workspaces.access import system_access
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

log = structlog.get_logger(__name__)


async def follow_link(
    session: AsyncSession, connection: asyncpg.Connection, *, workspace_id: UUID, channel_id: UUID, medium: str, address: str, code: str
) -> bool:  # fmt: skip
    """Do what the code was made for, and say whether it held. An unknown, used or expired one does nothing.

    An address that is another contact's stays there, and the code still holds for the chat that it was meant for.
    """
    link = await look_up_code(connection, workspace_id, channel_id, code)
    if link is None:
        log.info("link_not_known", channel_id=str(channel_id))
        return False
    access = system_access(workspace_id, "one-time link")
    told = {"channel": show_id("chn", channel_id), "medium": medium, "address": address}
    if link.user_id is not None:
        if await connection.fetchval(SQL.link_owner, workspace_id, channel_id, link.user_id, address) is None:
            return False
        await record(session, access, "channel.linked", "channel", channel_id, after={"medium": medium})
    elif not await _give(session, connection, link, workspace_id=workspace_id, medium=medium, address=address, told=told):
        return False
    await spend_code(connection, workspace_id, code, address)
    await opt_in(connection, workspace_id, medium, address)
    return True


async def _give(
    session: AsyncSession, connection: asyncpg.Connection, link: LinkFor, *, workspace_id: UUID, medium: str, address: str, told: dict[str, str]
) -> bool:  # fmt: skip
    assert link.contact_id is not None
    given = await give_address(connection, workspace_id, link.contact_id, medium, address)
    access = system_access(workspace_id, "one-time link")
    holder = {"holder": show_id("con", given.holder_id)} if given.holder_id else {}
    if given.how == "refused":
        log.warning("link_refused", contact_id=str(link.contact_id), medium=medium, reason="the address is another contact's")
        await record(session, access, "contact.link_refused", "contact", link.contact_id, after=told | holder)
        return False
    if given.how == "moved":
        await connection.execute(SQL.move_contact, workspace_id, given.holder_id, link.contact_id)
    await record(session, access, "contact.linked", "contact", link.contact_id, after=told | {"how": given.how} | holder)
    return True
