"""The JSON edge of conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query

from tidings.core.clock import utc_now
from tidings.core.cursor import read_cursor, write_cursor
from tidings.inbox import service
from tidings.inbox.models import Conversation
from tidings.inbox.schemas import AssigneeInput, ConversationDetail, ConversationOutput, ReadInput, State, UserId
from tidings.messages.schemas import ChannelId, ContactId, MessageOutput
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, Page, PathId, PlainText, problems

router = APIRouter(prefix="/conversations", tags=["Conversations"])
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
ConversationPath = Annotated[UUID, PathId("cnv")]
Reader = Annotated[Scope, require(Permission.MESSAGES_READ)]
Writer = Annotated[Scope, require(Permission.MESSAGES_SEND)]


@router.get("", responses=problems())
async def list_conversations(  # noqa: PLR0917 - each is named in the query
    scope: Reader,
    state: State | None = None,
    channel: ChannelId | None = None,
    contact: ContactId | None = None,
    assigned_to: UserId | None = None,
    unread: Annotated[bool | None, Query(description="Only those with something unread, or only the others.")] = None,
    search: Annotated[PlainText, Query(max_length=200, description="A fragment of a name, a number or an address.")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ConversationOutput]:
    """The conversations of the workspace, those with the latest message first."""
    wanted = service.ConversationFilter(state=state, channel_id=channel, contact_id=contact, assigned_to=assigned_to, unread=unread)
    before = read_cursor(cursor, tuple[_Moment, UUID]) if cursor else None
    found = await service.list_conversations(scope.session, scope.access, wanted, search=search, before=before, limit=limit + 1)
    shown = await service.show_conversations(scope.session, scope.access, found[:limit])
    now = utc_now()
    following = write_cursor(found[limit - 1].last_message_at, found[limit - 1].id) if len(found) > limit else None
    return Page(items=[ConversationOutput.of(one, now) for one in shown], next_cursor=following)


@router.get("/{conversation_id}", responses=problems(404))
async def get_conversation(
    conversation_id: ConversationPath, scope: Reader, limit: Limit = 50, cursor: Cursor = None
) -> ConversationDetail:
    """One conversation with its messages, the newest first; `cursor` goes back in time. Looking does not mark it as read."""
    one = await service.get_conversation(scope.session, scope.access, conversation_id)
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.messages_of(scope.session, scope.access, one, before=before, limit=limit + 1)
    following = write_cursor(found[limit - 1].message.id) if len(found) > limit else None
    return ConversationDetail.with_messages(await _output(scope, one), [MessageOutput.of(each) for each in found[:limit]], following)


@router.put("/{conversation_id}/read", responses=problems(404))
async def mark_read(conversation_id: ConversationPath, scope: Writer, body: ReadInput | None = None) -> ConversationOutput:
    """Mark it as read, or the messages up to one. Twice is the same as once."""
    up_to = body.up_to if body else None
    return await _output(scope, await service.mark_read(scope.session, scope.access, conversation_id, up_to=up_to))


@router.put("/{conversation_id}/closure", responses=problems(404))
async def close_conversation(conversation_id: ConversationPath, scope: Writer) -> ConversationOutput:
    """Close it: nothing is left to do. The person's next message opens it again."""
    return await _output(scope, await service.close(scope.session, scope.access, conversation_id))


@router.delete("/{conversation_id}/closure", responses=problems(404))
async def reopen_conversation(conversation_id: ConversationPath, scope: Writer) -> ConversationOutput:
    """Open it again."""
    return await _output(scope, await service.reopen(scope.session, scope.access, conversation_id))


@router.put("/{conversation_id}/assignee", responses=problems(404))
async def assign_conversation(conversation_id: ConversationPath, body: AssigneeInput, scope: Writer) -> ConversationOutput:
    """Say which member is to answer."""
    return await _output(scope, await service.assign(scope.session, scope.access, conversation_id, body.user))


@router.delete("/{conversation_id}/assignee", responses=problems(404))
async def unassign_conversation(conversation_id: ConversationPath, scope: Writer) -> ConversationOutput:
    """Leave it to anybody."""
    return await _output(scope, await service.assign(scope.session, scope.access, conversation_id, None))


async def _output(scope: Scope, one: Conversation) -> ConversationOutput:
    (standing,) = await service.show_conversations(scope.session, scope.access, [one])
    return ConversationOutput.of(standing, utc_now())
