"""The pages of messages: the list, and the story of one."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from tidings.channels.models import Channel
from tidings.channels.service import get_channel, list_channels, list_own_channels
from tidings.contacts.reading import read_contacts
from tidings.core.clock import utc_now
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import read_id, show_id
from tidings.core.phone import BadPhone, parse_phone
from tidings.db.database import raw_connection
from tidings.delivery.rules import Status
from tidings.errors import Conflict, NotFound
from tidings.messages import service
from tidings.messages.models import Message
from tidings.messages.timeline import Step, Story
from tidings.routes.rules import is_double
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render, wants_fragment
from tidings.ui.words import MESSAGE
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import get_workspace
from tidings.workspaces.wire import Cursor, PathId, PlainText

router = APIRouter(include_in_schema=False)
MessageId = Annotated[UUID, PathId("msg")]
PAGE = 30
STATUSES = [(status.value, MESSAGE[status].label) for status in Status]
DIRECTIONS = [("out", "Sent by us"), ("in", "Received")]
TONES = {
    "accepted": "secondary", "received": "indigo", "attempt": "blue", "under_way": "blue", "receipt": "cyan", "waiting": "secondary"
}  # fmt: skip
TITLES = {
    "accepted": "Taken on", "received": "Received", "under_way": "Under way", "receipt": "Report of the provider", "ended": "End",
    "waiting": "Now", "other_try": "Route",
}  # fmt: skip


@router.get("/messages")
async def messages_page(  # noqa: PLR0917
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.MESSAGES_READ, "messages")],
    search: PlainText = "",
    status: str = "",
    direction: str = "",
    channel: str = "",
    contact: str = "",
    cursor: Cursor = None,
) -> Response:
    """All messages, the newest first."""
    asked = {
        "search": search.strip()[:300],
        "status": status if status in MESSAGE else "",
        "direction": direction if direction in {"in", "out"} else "",
        "channel": channel if read_id("chn", channel) else "",
        "contact": contact if read_id("con", contact) else "",
    }
    context = await messages_context(scope, asked, cursor)
    if not wants_fragment(request):
        context["channels"] = [(show_id("chn", one.id), one.name) for one in await _channels(scope)]
    return render(request, "messages/list.html", frame=scope.frame, fragment="rows" if cursor else "list", **context)


async def messages_context(scope: PageScope, asked: dict[str, str], cursor: str | None) -> dict[str, Any]:
    """What the list shows."""
    workspace_id = scope.access.workspace_id
    wanted = await _filter(scope, asked)
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_messages(scope.session, workspace_id, wanted, before=before, limit=PAGE + 1)
    shown = await service.show_messages(scope.session, workspace_id, found[:PAGE])
    names = await _names(scope, found[:PAGE])
    following = ""
    if len(found) > PAGE:
        following = "/messages?" + urlencode({**asked, "cursor": write_cursor(found[PAGE - 1].id)})
    return {
        "rows": [(show_id("msg", one.message.id), one, names.get(one.message.contact_id, "")) for one in shown],
        "next": following,
        "asked": asked,
        "statuses": STATUSES,
        "directions": DIRECTIONS,
        "is_filtered": any(asked.values()),
    }


async def _filter(scope: PageScope, asked: dict[str, str]) -> service.MessageFilter:
    """A search is a number where it reads as one, otherwise the reference that the caller gave."""
    address = reference = None
    if asked["search"]:
        try:
            address = parse_phone(asked["search"], (await get_workspace(scope.session, scope.access)).default_region)
        except BadPhone:
            reference = asked["search"]
    return service.MessageFilter(
        statuses=[asked["status"]] if asked["status"] else [],
        direction=asked["direction"] or None,
        channel_id=read_id("chn", asked["channel"]),
        contact_id=read_id("con", asked["contact"]),
        reference=reference,
        address=address,
        viewer=scope.access.user_id,
    )


async def _channels(scope: PageScope) -> list[Channel]:
    return [*await list_channels(scope.session, scope.access), *await list_own_channels(scope.session, scope.access)]


async def _names(scope: PageScope, messages: list[Message]) -> dict[UUID | None, str]:
    ids = list({one.contact_id for one in messages if one.contact_id is not None})
    contacts = await read_contacts(await raw_connection(scope.session), scope.access.workspace_id, ids)
    return {one.id: one.name for one in contacts}


@router.get("/messages/{message_id}")
async def message_page(
    message_id: MessageId, request: Request, scope: Annotated[PageScope, require_page(Permission.MESSAGES_READ, "messages")]
) -> Response:
    """One message: why it was sent and how it went, or why not."""
    context = await message_context(scope, message_id)
    return render(request, "messages/message.html", frame=scope.frame, fragment="story", **context)


async def message_context(scope: PageScope, message_id: UUID) -> dict[str, Any]:
    """What the page of one message shows."""
    message = await service.get_message(scope.session, scope.access.workspace_id, message_id, viewer=scope.access.user_id)
    (shown,) = await service.show_messages(scope.session, scope.access.workspace_id, [message])
    story = await service.explain_message(scope.session, scope.access, message_id, now=utc_now(), clock=ZoneInfo(scope.frame.timezone))
    try:
        channel_name = (await get_channel(scope.session, scope.access, message.channel_id)).name
    except NotFound:
        channel_name = ""
    tries = await service.list_tries(scope.session, scope.access.workspace_id, message)
    names = {one.id: one.name for one in await list_channels(scope.session, scope.access)} if tries else {}
    return {
        "message": message,
        "shown": shown,
        "tries": [(show_id("msg", one.id), names.get(one.channel_id, ""), one) for one in tries],
        "is_double": is_double([one.status for one in tries]),
        "story": story,
        "file": await service.file_of(scope.session, scope.access.workspace_id, message),
        "steps": steps_of(message, story),
        "contact_name": (await _names(scope, [message])).get(message.contact_id, ""),
        "channel_name": channel_name,
        "ids": {
            "message": show_id("msg", message.id),
            "channel": show_id("chn", message.channel_id),
            "contact": show_id("con", message.contact_id) if message.contact_id else "",
            "route": show_id("rte", message.route_id) if message.route_id else "",
            "campaign": show_id("cmp", message.campaign_id) if message.campaign_id else "",
            "resend_of": show_id("msg", message.resend_of) if message.resend_of else "",
        },
        "can_cancel": message.status in {Status.SCHEDULED, Status.QUEUED} and scope.frame.may(Permission.MESSAGES_SEND),
        "is_moving": message.status in {Status.SCHEDULED, Status.QUEUED, Status.SENDING, Status.SENT},
    }


def steps_of(message: Message, story: Story) -> list[dict[str, Any]]:
    """The story for the timeline: each step with a heading and a colour."""
    ended = MESSAGE[message.status].colour
    return [
        {
            "at": step.at,
            "title": f"Attempt {step.attempt}" if step.kind == "attempt" else TITLES.get(step.kind, step.kind.capitalize()),
            "detail": _sentence(step),
            "tone": ended if step.kind == "ended" else TONES.get(step.kind, "secondary"),
        }
        for step in story.steps
    ]


def _sentence(step: Step) -> str:
    """Without the beginning that the heading says already."""
    rest = step.sentence.removeprefix(f"Attempt {step.attempt}: ")
    return rest[:1].upper() + rest[1:]


@router.post("/messages/{message_id}/cancel")
async def cancel_message(
    message_id: MessageId, request: Request, scope: Annotated[PageScope, require_page(Permission.MESSAGES_SEND, "messages")]
) -> Response:
    """Take it back if it has not left."""
    response = go_to(request, f"/messages/{show_id('msg', message_id)}")
    try:
        await service.cancel_message(scope.session, scope.access, message_id)
    except Conflict as error:
        flash(response, error.detail, "warning")
    else:
        flash(response, "Cancelled before it left.")
    return response
