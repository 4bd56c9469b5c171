"""The list of one's own channels, one of them, and the link to one's own chat."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from tidings.channels import linking, personal
from tidings.channels.web.own.shown import Mine, MineVisitor, back, own_page, show_own
from tidings.channels.web.shown import ChannelPath, asking_of, logo_address
from tidings.errors import Conflict
from tidings.ui.later import put_off
from tidings.ui.pages import go_to, render, safe_next
from tidings.workspaces.page_edge import PageScope

router = APIRouter(prefix="/my-channels")


@router.get("")
async def my_channels(request: Request, scope: Mine) -> Response:
    """One's own channels, and what can be set up. Refreshes itself: states change while nobody clicks."""
    own = [show_own(one) for one in await personal.list_own(scope.session, scope.access)]
    providers = [(one, logo_address(one.kind)) for one in personal.personal_providers()]
    return render(request, "channels/own/list.html", frame=scope.frame, fragment="list", channels=own, providers=providers)


@router.post("/later")
async def later(request: Request, visitor: MineVisitor) -> Response:
    """Put off the banner that leads from a central channel to one's own, for this visit."""
    plain = go_to(request, safe_next(urlsplit(request.headers.get("referer", "")).path))
    response = Response(status_code=200) if "HX-Request" in request.headers else plain
    put_off(response, visitor.frame)
    return response


@router.get("/{own_channel_id}")
async def my_channel(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
    """One of them, with the steps that are done and the one to do next. Refreshes itself."""
    return await own_page(request, scope, own_channel_id)


@router.post("/{own_channel_id}/link")
async def make_link(own_channel_id: ChannelPath, request: Request, visitor: MineVisitor) -> Response:
    """Make a link to one's own chat and show it. It is shown once: only its hash is kept."""
    try:
        link = await linking.link_owner(asking_of(request), visitor.access, own_channel_id)
    except Conflict as error:
        return back(request, own_channel_id, error.detail, "danger")
    async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
        return await own_page(request, PageScope(visitor.access, session, visitor.frame, visitor.login), own_channel_id, link=link)
