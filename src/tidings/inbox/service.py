"""What may be done with conversations. Their messages are found by channel and address; nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels.service import get_channel, list_channels, list_own_channels
from tidings.contacts.service import Filters, get_contacts, list_contacts
from tidings.core.ids import show_id
from tidings.errors import NotFound
from tidings.inbox import queries
from tidings.inbox.models import Conversation
from tidings.inbox.queries import ConversationFilter
from tidings.messages.service import MessageFilter, Shown, list_messages, show_messages
from tidings.messages.windows import window_of, window_until
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

__all__ = [
    "ConversationFilter", "Standing", "assign", "close", "get_conversation", "list_conversations", "mark_read", "messages_of", "reopen",
    "show_conversations",
]  # fmt: skip

FOUND_CONTACTS = 200
"""Contacts whose conversations a search looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A conversation with what does not stand on its row."""

    conversation: Conversation
    contact_name: str
    channel_name: str
    """Empty where the channel was deleted since."""
    has_window: bool
    """Its channel takes free text only for some hours after the person's last message."""
    window_until: datetime | None
    """Until when; None where there is no such window, or it never opened."""


async def list_conversations(
    session: AsyncSession, access: Access, wanted: ConversationFilter, *, search: str = "", before: tuple[datetime, UUID] | None, limit: int
) -> list[Conversation]:  # fmt: skip
    """Those with the latest message first. A search looks at names, numbers and addresses."""
    wanted = replace(wanted, viewer=access.user_id)
    if search.strip():
        contacts, _ = await list_contacts(session, access, Filters(search=search.strip()), limit=FOUND_CONTACTS)
        wanted = replace(wanted, contact_ids=[one.id for one in contacts], address_part=search.strip())
    return await queries.list_conversations(session, access.workspace_id, wanted, before=before, limit=limit)


async def get_conversation(session: AsyncSession, access: Access, conversation_id: UUID) -> Conversation:
    """One conversation. Raises NotFound."""
    return await _get(session, access, conversation_id)


async def show_conversations(session: AsyncSession, access: Access, conversations: Sequence[Conversation]) -> list[Standing]:
    """The same with names and windows."""
    contacts = await get_contacts(session, access, list({one.contact_id for one in conversations if one.contact_id}))
    names = {one.id: one.name for one in contacts}
    channels = await _channels(session, access, {one.channel_id for one in conversations})
    return [
        Standing(
            conversation=one,
            contact_name=names.get(one.contact_id, "") if one.contact_id else "",
            channel_name=channels.get(one.channel_id, ("", ""))[0],
            has_window=window_of(channels.get(one.channel_id, ("", ""))[1]) is not None,
            window_until=window_until(channels.get(one.channel_id, ("", ""))[1], one.last_inbound_at),
        )
        for one in conversations
    ]


async def _channels(session: AsyncSession, access: Access, wanted: set[UUID]) -> dict[UUID, tuple[str, str]]:
    """Name and provider of each."""
    if len(wanted) == 1:
        try:
            channel = await get_channel(session, access, next(iter(wanted)))
        except NotFound:
            return {}
        return {channel.id: (channel.name, channel.provider)}
    known = [*await list_channels(session, access, limit=1_000), *await list_own_channels(session, access)] if wanted else []
    return {one.id: (one.name, one.provider) for one in known}


async def messages_of(
    session: AsyncSession, access: Access, conversation: Conversation, *, before: UUID | None = None, limit: int
) -> list[Shown]:
    """What was written either way, campaigns included, the newest first."""
    wanted = MessageFilter(
        channel_id=conversation.channel_id, address=conversation.address, owners=_owners(conversation), viewer=access.user_id
    )
    found = await list_messages(session, access.workspace_id, wanted, before=before, limit=limit)
    return await show_messages(session, access.workspace_id, found)


def _owners(conversation: Conversation) -> list[UUID]:
    return [*([conversation.contact_id] if conversation.contact_id else []), *conversation.former_contacts]


async def mark_read(session: AsyncSession, access: Access, conversation_id: UUID, *, up_to: UUID | None = None) -> Conversation:
    """Note that somebody looked: at all of it, or at the messages up to one, so that what came meanwhile stays unread."""
    one = await _get(session, access, conversation_id, lock=True)
    if up_to is None:
        one.unread = 0
    else:
        one.unread = min(one.unread, await queries.count_newer_inbound(session, one, _owners(one), up_to))
    await session.flush()
    return one


async def close(session: AsyncSession, access: Access, conversation_id: UUID) -> Conversation:
    """Nothing is left to do in it. The person's next message opens it again."""
    return await _set_state(session, access, conversation_id, "closed")


async def reopen(session: AsyncSession, access: Access, conversation_id: UUID) -> Conversation:
    """Something is left to do after all."""
    return await _set_state(session, access, conversation_id, "open")


async def _set_state(session: AsyncSession, access: Access, conversation_id: UUID, state: str) -> Conversation:
    one = await _get(session, access, conversation_id, lock=True)
    if one.state != state:
        one.state = state
        await session.flush()
        await record(session, access, "conversation.closed" if state == "closed" else "conversation.reopened", "conversation", one.id)
    return one


async def assign(session: AsyncSession, access: Access, conversation_id: UUID, user_id: UUID | None) -> Conversation:
    """Say whose it is to answer; None for nobody's. Raises NotFound for somebody who is not in the workspace."""
    one = await _get(session, access, conversation_id, lock=True)
    if user_id is not None and not await queries.is_member(session, access.workspace_id, user_id):
        raise NotFound("There is no such user in this workspace.")
    if one.assigned_to != user_id:
        before = {"assigned_to": show_id("usr", one.assigned_to) if one.assigned_to else None}
        one.assigned_to = user_id
        await session.flush()
        after = {"assigned_to": show_id("usr", user_id) if user_id else None}
        await record(session, access, "conversation.assigned", "conversation", one.id, before=before, after=after)
    return one


async def _get(session: AsyncSession, access: Access, conversation_id: UUID, *, lock: bool = False) -> Conversation:
    found = await queries.get_conversation(session, access.workspace_id, conversation_id, access.user_id, lock=lock)
    if found is None:
        raise NotFound("There is no such conversation in this workspace.")
    return found
