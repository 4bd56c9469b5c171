"""The JSON edge of messages."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from tidings.channels.asking import Asking
from tidings.core.clock import utc_now
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.phone import BadPhone, parse_phone
from tidings.files.links import Links
from tidings.messages import service
from tidings.messages.detail_schemas import MessageDetail, TimelineOutput
from tidings.messages.media import FileResponse, Places, fetch_file
from tidings.messages.schemas import (
    BulkInput,
    BulkOutput,
    CampaignId,
    ChannelId,
    ContactId,
    MessageInput,
    MessageOutput,
    MessagePage,
    StatusWord,
)
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access, require_send
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import get_workspace
from tidings.workspaces.wire import Cursor, Limit, Moment, PathId, PlainText, problems

router = APIRouter(prefix="/messages", tags=["Messages"])
MessagePath = Annotated[UUID, PathId("msg")]


@router.post("", status_code=202, response_model=MessageOutput, responses=problems(404, 409, 429))
async def send_message(
    body: MessageInput,
    request: Request,
    once: Annotated[Once, idempotent()],
    scope: Annotated[Scope, require_send(Permission.MESSAGES_SEND)],
) -> Response:
    """Send one message, now or at its time.

    202 means that it is written down and will be sent, whatever happens to this server. What became of it is told by
    `GET /messages/{id}` and its timeline.
    """

    async def send() -> MessageOutput:
        message = await service.send_message(
            scope.session,
            scope.access,
            request.app.state.database,
            body.command(_links(request)),
            now=utc_now(),
            region=await _region(scope),
        )
        return await _output(scope, message.id)

    return await once.answer(scope, send, status_code=202)


@router.post("/bulk", status_code=202, response_model=BulkOutput, responses=problems(429))
async def send_messages(
    body: BulkInput, request: Request, once: Annotated[Once, idempotent()], scope: Annotated[Scope, require_send(Permission.MESSAGES_SEND)]
) -> Response:
    """Send up to 1000 messages in one call. Each is accepted or refused on its own, and counts as one request to the rate limit."""

    async def send() -> BulkOutput:
        made = await service.send_messages(
            scope.session,
            scope.access,
            request.app.state.database,
            body.commands(_links(request)),
            now=utc_now(),
            region=await _region(scope),
        )
        return BulkOutput.of(made)

    return await once.answer(scope, send, status_code=202)


@router.get("", responses=problems())
async def list_messages(  # noqa: PLR0917 - each is named in the query
    scope: Annotated[Scope, require(Permission.MESSAGES_READ)],
    status: Annotated[list[StatusWord], Query(description="Repeat it for several.")] = [],  # noqa: B006 - FastAPI copies it
    direction: Annotated[str | None, Query(pattern="^(out|in)$")] = None,
    campaign: CampaignId | None = None,
    contact: ContactId | None = None,
    channel: ChannelId | None = None,
    reference: Annotated[PlainText | None, Query(max_length=255)] = None,
    to: Annotated[PlainText | None, Query(max_length=320, description="The other end's address.", examples=["+254712345678"])] = None,
    since: Annotated[Moment | None, Query(description="Accepted at this moment or later.")] = None,
    until: Annotated[Moment | None, Query(description="Accepted before this moment.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> MessagePage:
    """The messages of the workspace, the newest first."""
    wanted = service.MessageFilter(
        statuses=status,
        direction=direction,
        campaign_id=campaign,
        contact_id=contact,
        channel_id=channel,
        reference=reference,
        address=await _address(scope, to),
        since=since,
        until=until,
        viewer=scope.access.user_id,
    )
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_messages(scope.session, scope.access.workspace_id, wanted, before=before, limit=limit + 1)
    shown = await service.show_messages(scope.session, scope.access.workspace_id, found[:limit])
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return MessagePage(items=[MessageOutput.of(one) for one in shown], next_cursor=following)


@router.get("/{message_id}", responses=problems(404))
async def get_message(message_id: MessagePath, scope: Annotated[Scope, require(Permission.MESSAGES_READ)]) -> MessageDetail:
    """One message with all its attempts; of one that goes by a route, with every try for its recipient."""
    message = await service.get_message(scope.session, scope.access.workspace_id, message_id, viewer=scope.access.user_id)
    (shown,) = await service.show_messages(scope.session, scope.access.workspace_id, [message])
    attempts = await service.list_attempts(scope.session, scope.access.workspace_id, message_id)
    return MessageDetail.with_attempts(shown, attempts, await service.list_tries(scope.session, scope.access.workspace_id, message))


@router.get("/{message_id}/timeline", responses=problems(404))
async def explain_message(message_id: MessagePath, scope: Annotated[Scope, require(Permission.MESSAGES_READ)]) -> TimelineOutput:
    """Why it was sent and by which channel, every attempt and receipt in order, or why it was not sent: in sentences."""
    message = await service.get_message(scope.session, scope.access.workspace_id, message_id, viewer=scope.access.user_id)
    story = await service.explain_message(scope.session, scope.access, message_id, now=utc_now())
    return TimelineOutput.of(message, story)


@router.get(
    "/{received_id}/media/{index}",
    response_class=Response,
    responses={**problems(404, 409, 503), 200: {"description": "The file, as a download.", "content": {"application/octet-stream": {}}}},
)
async def get_media(
    received_id: MessagePath,
    index: Annotated[int, Path(ge=0, le=99, description="Its place in `content.media`, from 0.")],
    request: Request,
    access: Annotated[Access, require_access(Permission.MESSAGES_READ)],
) -> Response:
    """Give a file that a person sent. It is fetched from the provider each time and not kept here; 409 tells why it did not come."""
    state = request.app.state
    how = Asking(database=state.database, vault=state.vault, settings=state.settings, http=state.http)
    places: Places = state.media_places
    await places.take()
    try:
        return FileResponse(await fetch_file(how, access, received_id, index), places)
    except BaseException:
        places.give_back()
        raise


@router.put("/{message_id}/cancellation", responses=problems(404, 409))
async def cancel_message(message_id: MessagePath, scope: Annotated[Scope, require(Permission.MESSAGES_SEND)]) -> MessageOutput:
    """Take back a message that has not left. 409 when it is too late."""
    await service.cancel_message(scope.session, scope.access, message_id)
    return await _output(scope, message_id)


async def _output(scope: Scope, message_id: UUID) -> MessageOutput:
    message = await service.get_message(scope.session, scope.access.workspace_id, message_id, viewer=scope.access.user_id)
    (shown,) = await service.show_messages(scope.session, scope.access.workspace_id, [message])
    return MessageOutput.of(shown)


def _links(request: Request) -> bool:
    links: Links = request.app.state.links
    return links.reachable


async def _region(scope: Scope) -> str:
    return (await get_workspace(scope.session, scope.access)).default_region


async def _address(scope: Scope, to: str | None) -> str | None:
    """A phone number as it is kept, however it was typed; anything else as it is."""
    if to is None:
        return None
    try:
        # A plus that was not encoded arrives as a space.
        return parse_phone(f"+{to[1:]}" if to.startswith(" ") else to, await _region(scope))
    except BadPhone:
        return to
