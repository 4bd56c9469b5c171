"""The virtual phone: what arrived on it by sandbox channels, and answers in its owner's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import service as channels
from tidings.contacts.service import get_contacts
from tidings.core.clock import utc_now
from tidings.core.phone import BadPhone, parse_phone
from tidings.errors import FieldError, Invalid, NotFound
from tidings.messages.service import MessageFilter, Shown, list_messages, show_messages
from tidings.receipts.service import receive_inbound
from tidings.workspaces.workspace import get_workspace

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.db.database import Database
    from tidings.messages.models import Message
    from tidings.workspaces.access import Access

PROVIDER = "sandbox"
LOOKED_AT = 500
"""The newest messages of a channel among which numbers are looked for."""
NUMBERS = 50
CONVERSATION = 100
REMEMBERED = timedelta(days=30)
LONGEST_ANSWER = 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One number that messages went to or came from."""

    address: str
    name: str
    """The contact's; empty where the number is nobody's."""
    last: Shown
    at: datetime


async def sandbox_channels(session: AsyncSession, access: Access) -> list[Channel]:
    """The workspace's channels that reach the virtual phone."""
    return [one for one in await channels.list_channels(session, access) if one.provider == PROVIDER]


async def list_phones(session: AsyncSession, access: Access, sandboxes: list[Channel]) -> list[Phone]:
    """The numbers that were last in touch, the newest first."""
    since = utc_now() - REMEMBERED
    found: list[Message] = []
    for one in sandboxes:
        found += await list_messages(session, access.workspace_id, MessageFilter(channel_id=one.id, since=since), limit=LOOKED_AT)
    last: dict[str, Message] = {}
    for message in sorted(found, key=lambda message: message.id, reverse=True):
        last.setdefault(message.address, message)
    newest = list(last.values())[:NUMBERS]
    names = {one.id: one.name for one in await get_contacts(session, access, [one.contact_id for one in newest if one.contact_id])}
    return [
        Phone(
            address=one.message.address,
            name=names.get(one.message.contact_id, "") if one.message.contact_id else "",
            last=one,
            at=one.message.created_at,
        )
        for one in await show_messages(session, access.workspace_id, newest)
    ]


async def read_conversation(session: AsyncSession, access: Access, sandboxes: list[Channel], address: str) -> list[Shown]:
    """What passed between the sandbox channels and one number, the oldest first."""
    wanted = MessageFilter(address=address, since=utc_now() - REMEMBERED)
    found = await list_messages(session, access.workspace_id, wanted, limit=CONVERSATION)
    ours = {one.id for one in sandboxes}
    return list(reversed(await show_messages(session, access.workspace_id, [one for one in found if one.channel_id in ours])))


async def read_number(session: AsyncSession, access: Access, text: str) -> str:
    """A number as somebody types it, in its final form. Raises Invalid."""
    try:
        return parse_phone(text, (await get_workspace(session, access)).default_region)
    except BadPhone as error:
        raise Invalid(f"The number {error.reason}.", errors=(FieldError("number", error.reason),)) from error


async def answer(session: AsyncSession, database: Database, access: Access, address: str, text: str) -> UUID:
    """Write to the workspace as the person with this number. Raises NotFound where no sandbox channel can take it."""
    if not text.strip():
        raise Invalid("An answer needs a text.", errors=(FieldError("text", "is empty"),))
    if len(text) > LONGEST_ANSWER or "\0" in text:
        raise Invalid(f"An answer is plain text of {LONGEST_ANSWER} characters at most.", errors=(FieldError("text", "is too long"),))
    sandboxes = await sandbox_channels(session, access)
    if not sandboxes:
        raise NotFound("There is no sandbox channel in this workspace. Set one up under Channels.")
    said = await read_conversation(session, access, sandboxes, address)
    channel_id = said[-1].message.channel_id if said else next((one for one in sandboxes if one.is_default), sandboxes[0]).id
    return await receive_inbound(session, database, access, channel_id, address, text.strip())
