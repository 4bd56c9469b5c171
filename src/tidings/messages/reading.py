"""Reads messages as people see them: with their text, the provider's own code, and the story of what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, cast
from uuid import UUID

import msgspec

from tidings.channels import service as channels
from tidings.delivery.content import Content as Carried
from tidings.errors import NotFound
from tidings.files.shown import ShownFile, find_shown
from tidings.messages import queries
from tidings.messages.models import Attempt, Message
from tidings.messages.queries import MessageFilter
from tidings.messages.received import Content, unpack_content
from tidings.messages.timeline import PassedOver, Standing, Story, ToldTry, tell
from tidings.templates.rendering import CannotRender, render

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.routes.rules import SkipReason
    from tidings.workspaces.access import Access


@dataclass(frozen=True, slots=True)
class Shown:
    """A message with what does not stand on its row."""

    message: Message
    text: str | None
    """As its recipient reads it; None where it could not be filled in."""
    provider_code: str | None
    """The provider's own word for the last error."""
    content: Content | None = None
    """What a person sent beside the text; None of what we sent."""


async def get_message(session: AsyncSession, workspace_id: UUID, message_id: UUID, *, viewer: UUID | None = None) -> Message:
    """One message. Raises NotFound, also where it went by a personal channel that is not the viewer's."""
    message = await queries.get_message(session, workspace_id, message_id, viewer)
    if message is None:
        raise NotFound("There is no such message in this workspace.")
    return message


async def list_messages(
    session: AsyncSession, workspace_id: UUID, wanted: MessageFilter, *, before: UUID | None = None, limit: int
) -> list[Message]:
    """The newest first; `before` is the id of the last one shown."""
    return await queries.list_messages(session, workspace_id, wanted, before=before, limit=limit)


async def show_messages(session: AsyncSession, workspace_id: UUID, messages: Sequence[Message]) -> list[Shown]:
    """The same messages with their texts and the provider's codes, in three queries at most."""
    sources = {one.source_id for one in messages if one.text is None and one.campaign_id is not None}
    contents = await queries.contents_of_sources(session, workspace_id, sources) if sources else {}
    troubled = [one.id for one in messages if one.error_code is not None]
    codes = await queries.last_provider_codes(session, workspace_id, troubled) if troubled else {}
    received = await _contents(session, workspace_id, messages)
    return [Shown(one, _text(one, contents), codes.get(one.id), received.get(one.id)) for one in messages]


async def _contents(session: AsyncSession, workspace_id: UUID, messages: Sequence[Message]) -> dict[UUID, Content]:
    """What came in with each inbound message. What it answers is looked up here: our own message may learn its provider id later."""
    contents = {one.id: unpack_content(one.variables) for one in messages if one.direction == "in"}
    answered = {one.id: (one.channel_id, contents[one.id].provider_reply_to or "") for one in messages if one.id in contents}
    wanted = {key for key in answered.values() if key[1]}
    if not wanted:
        return contents
    found = await queries.messages_by_provider_ids(session, workspace_id, wanted)
    return {message_id: replace(one, reply_to=found.get(answered[message_id])) for message_id, one in contents.items()}


def _text(message: Message, contents: dict[UUID, tuple[str, str]]) -> str | None:
    if message.text is not None or message.source_id not in contents:
        return message.text
    try:
        return render(contents[message.source_id][1], message.variables or {})
    except CannotRender:
        return None


async def file_of(session: AsyncSession, workspace_id: UUID, message: Message) -> ShownFile | None:
    """The file that we sent with a message. One that is no longer kept, or was at an address, has its name only."""
    carried = message.content
    if carried is None and message.campaign_id is not None and message.text is None:
        carried = await queries.carried_by_source(session, workspace_id, message.source_id)
    content = msgspec.convert(carried, Carried) if carried else None
    header = content.template.header_media if content is not None and content.template is not None else None
    part = (content.media or header) if content is not None else None
    if part is None:
        return None
    known = await find_shown(session, workspace_id, part.id)
    gone = f"{part.file_name or part.kind} (no longer kept)" if part.id else part.file_name or part.url
    return known or ShownFile("", part.kind or "document", part.content_type, gone, part.size)


async def list_attempts(session: AsyncSession, workspace_id: UUID, message_id: UUID) -> list[Attempt]:
    """Every request made for a message, in order."""
    return await queries.attempts_of(session, workspace_id, message_id)


async def list_tries(session: AsyncSession, workspace_id: UUID, message: Message) -> list[Message]:
    """The tries for this message's recipient, the first one first; none where it goes by no route."""
    if message.route_id is None:
        return []
    return await queries.tries_of(session, workspace_id, message.try_of or message.id)


async def explain_message(session: AsyncSession, access: Access, message_id: UUID, *, now: datetime, clock: tzinfo = UTC) -> Story:
    """Why a message was sent, by which channel and with what end; or why not."""
    workspace_id = access.workspace_id
    message = await get_message(session, workspace_id, message_id, viewer=access.user_id)
    contents = {}
    if message.campaign_id is not None:
        contents = await queries.contents_of_sources(session, workspace_id, [message.campaign_id])
    tries = await list_tries(session, workspace_id, message)
    names = await _channel_names(session, access) if tries else {}
    return tell(
        message,
        attempts=await queries.attempts_of(session, workspace_id, message_id),
        receipts=await queries.receipts_of(session, workspace_id, message_id),
        source_name=contents[message.source_id][0] if message.source_id in contents else "",
        standing=await _standing(session, access, message),
        now=now,
        tries=[ToldTry(one, names[one.channel_id]) for one in tries if one.id != message.id],
        passed_over=[PassedOver(names[UUID(one["channel"])], cast("SkipReason", one["reason"])) for one in message.skipped or ()],
        clock=clock,
    )


async def _channel_names(session: AsyncSession, access: Access) -> defaultdict[UUID, str]:
    names = {one.id: one.name for one in await channels.list_channels(session, access)}
    return defaultdict(lambda: "a channel that was deleted since", names)


async def _standing(session: AsyncSession, access: Access, message: Message) -> Standing:
    held = await queries.is_held(session, access.workspace_id, message.source_id)
    try:
        channel = await channels.get_channel(session, access, message.channel_id)
    except NotFound:
        return Standing(channel_name="a channel that was deleted since", held=held)
    pause = await channels.pause_of(session, channel.id)
    return Standing(
        channel_name=f"the channel “{channel.name}”",
        held=held,
        disabled=not channel.enabled,
        stopped=channel.stopped_detail if channel.stopped_at is not None else None,
        paused_until=pause[0] if pause else None,
        pause_reason=pause[1] if pause else None,
    )
