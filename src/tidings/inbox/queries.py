"""All SQL that reads and steers conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import or_, select, text, tuple_

from tidings.inbox.models import Conversation

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Which conversations a list is to show; what is not set does not matter."""

    state: str | None = None
    channel_id: UUID | None = None
    contact_id: UUID | None = None
    assigned_to: UUID | None = None
    unread: bool | None = None
    contact_ids: Sequence[UUID] | None = None
    """With `address_part`: of these contacts, or with an address that holds this."""
    address_part: str = ""
    viewer: UUID | None = None
    """The person who looks: their own personal channels' are shown, others' are not."""


_VISIBLE = text(
    "NOT EXISTS (SELECT FROM channels personal WHERE personal.workspace_id = conversations.workspace_id "
    "AND personal.id = conversations.channel_id AND personal.owner_id IS NOT NULL "
    "AND personal.owner_id IS DISTINCT FROM CAST(:viewer AS uuid))"
)


async def list_conversations(
    session: AsyncSession, workspace_id: UUID, wanted: ConversationFilter, *, before: tuple[datetime, UUID] | None = None, limit: int
) -> list[Conversation]:
    """Those with the latest message first; `before` is that time and the id of the last one shown."""
    query = select(Conversation).where(Conversation.workspace_id == workspace_id, _VISIBLE.bindparams(viewer=wanted.viewer))
    if wanted.state is not None:
        query = query.where(Conversation.state == wanted.state)
    if wanted.channel_id is not None:
        query = query.where(Conversation.channel_id == wanted.channel_id)
    if wanted.contact_id is not None:
        query = query.where(Conversation.contact_id == wanted.contact_id)
    if wanted.assigned_to is not None:
        query = query.where(Conversation.assigned_to == wanted.assigned_to)
    if wanted.unread is not None:
        query = query.where(Conversation.unread > 0 if wanted.unread else Conversation.unread == 0)
    if wanted.contact_ids is not None:
        of_address = Conversation.address.contains(wanted.address_part, autoescape=True)
        query = query.where(or_(Conversation.contact_id.in_(wanted.contact_ids), of_address))
    if before is not None:
        query = query.where(tuple_(Conversation.last_message_at, Conversation.id) < before)
    return list((await session.scalars(query.order_by(Conversation.last_message_at.desc(), Conversation.id.desc()).limit(limit))).all())


async def get_conversation(
    session: AsyncSession, workspace_id: UUID, conversation_id: UUID, viewer: UUID | None, *, lock: bool = False
) -> Conversation | None:
    query = select(Conversation).where(Conversation.workspace_id == workspace_id, Conversation.id == conversation_id)
    query = query.where(_VISIBLE.bindparams(viewer=viewer))
    return (await session.scalars(query.with_for_update(of=Conversation) if lock else query)).one_or_none()


async def count_newer_inbound(session: AsyncSession, one: Conversation, owners: Sequence[UUID], after: UUID) -> int:
    """How many messages the person wrote after that one."""
    found = await session.execute(
        _NEWER,
        {
            "workspace_id": one.workspace_id, "after": after, "channel_id": one.channel_id, "address": one.address, "owners": list(owners),
        },
    )  # fmt: skip
    return int(found.scalar_one())


_NEWER = text(
    """
    SELECT count(*) FROM messages m
    WHERE m.workspace_id = :workspace_id AND m.direction = 'in' AND m.id > :after AND m.channel_id = :channel_id
      AND m.address = :address AND m.contact_id = ANY(CAST(:owners AS uuid[]))
    """
)


async def is_member(session: AsyncSession, workspace_id: UUID, user_id: UUID) -> bool:
    query = text("SELECT true FROM members WHERE workspace_id = :workspace_id AND user_id = :user_id")
    return (await session.execute(query, {"workspace_id": workspace_id, "user_id": user_id})).scalar() is not None
