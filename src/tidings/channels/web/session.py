"""The part of a channel's page that links a device: the code to scan, live."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.channels.session_events import Streams
from tidings.channels.sessions import ShownSession, get_session, qr_picture
from tidings.channels.web.shown import ChannelPath, ShownChannel
from tidings.ui.frame import Frame
from tidings.ui.pages import render_text
from tidings.workspaces.page_edge import PageScope, Visitor, require_visitor
from tidings.workspaces.rules import Permission

router = APIRouter()
_streams = Streams()


@router.get("/channels/{channel_id}/session/events")
async def session_events(
    channel_id: ChannelPath, request: Request, visitor: Annotated[Visitor, require_visitor(Permission.CHANNELS_READ, "channels")]
) -> Response:
    """The panel, again whenever the session has changed."""
    may_link = Permission.CHANNELS_WRITE in visitor.access.permissions
    draw = partial(_draw, visitor.frame)
    return await _streams.answer(request.app.state.database, visitor.access, channel_id, draw, with_codes=may_link)


async def session_context(scope: PageScope, one: ShownChannel) -> dict[str, Any]:
    """What the page shows of the session; nothing for a provider that keeps none."""
    description = one.description
    if description is None or not description.capabilities.sessions:
        return {"session": None}
    return await linking_context(scope, one.channel.id)


async def linking_context(scope: PageScope, channel_id: UUID) -> dict[str, Any]:
    """The same of a channel that is known to keep one, be it the workspace's or one's own."""
    may_link = Permission.CHANNELS_WRITE in scope.access.permissions
    return _context(await get_session(scope.session, scope.access, channel_id, with_codes=may_link))


def _context(shown: ShownSession) -> dict[str, Any]:
    return {"session": shown, "qr_image": qr_picture(shown.qr) if shown.qr else ""}


def _draw(frame: Frame, shown: ShownSession) -> str:
    return render_text("channels/parts/session_state.html", frame=frame, **_context(shown))
