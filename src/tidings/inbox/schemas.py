"""Conversations as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.messages.schemas import ChannelId, ContactId, MessageId, MessageOutput, MessagePage
from tidings.workspaces.wire import Id

if TYPE_CHECKING:
    from tidings.inbox.service import Standing

ConversationId = Annotated[UUID, Id("cnv")]
UserId = Annotated[UUID, Id("usr")]
State = Literal["open", "closed"]


class ConversationOutput(BaseModel):
    """What one address and one of our channels wrote to each other. It begins with the person's first message."""

    id: ConversationId
    state: State
    channel: ChannelId
    channel_name: str = Field(description="Empty where the channel was deleted since.")
    medium: str
    address: str = Field(examples=["+254712345678"], description="The person's end.")
    contact: ContactId | None
    contact_name: str
    assigned_to: UserId | None = Field(description="The member whose it is to answer.")
    unread: int = Field(description="Messages from the person that nobody has looked at.")
    last_message_at: datetime = Field(description="Of either side; campaigns do not count.")
    last_inbound_at: datetime | None
    window_until: datetime | None = Field(
        description="Until when the service takes free text (WhatsApp: 24 hours after the person's last message). Null where the channel "
        "has no such window, or the person never wrote."
    )
    window_open: bool = Field(description="Whether free text may be sent now; always, where there is no such window.")
    created_at: datetime

    @classmethod
    def of(cls, standing: Standing, now: datetime) -> ConversationOutput:
        one, until = standing.conversation, standing.window_until
        return cls.model_validate({
            "id": one.id, "state": one.state, "channel": one.channel_id, "channel_name": standing.channel_name, "medium": one.medium,
            "address": one.address, "contact": one.contact_id, "contact_name": standing.contact_name, "assigned_to": one.assigned_to,
            "unread": one.unread, "last_message_at": one.last_message_at, "last_inbound_at": one.last_inbound_at, "window_until": until,
            "window_open": not standing.has_window or (until is not None and now < until), "created_at": one.created_at,
        })  # fmt: skip


class ConversationDetail(BaseModel):
    """A conversation with its messages."""

    conversation: ConversationOutput
    messages: MessagePage = Field(description="Of both sides, campaigns included, the newest first.")

    @classmethod
    def with_messages(cls, conversation: ConversationOutput, messages: list[MessageOutput], cursor: str | None) -> ConversationDetail:
        return cls(conversation=conversation, messages=MessagePage(items=messages, next_cursor=cursor))


class ReadInput(BaseModel):
    """How far somebody has read."""

    model_config = ConfigDict(extra="forbid")

    up_to: MessageId | None = Field(None, description="The last message they saw: what came later stays unread. Left out: all of it.")


class AssigneeInput(BaseModel):
    """Whose it is to answer."""

    model_config = ConfigDict(extra="forbid")

    user: UserId
