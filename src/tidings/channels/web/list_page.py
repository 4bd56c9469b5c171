"""The list of channels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from tidings.channels import service
from tidings.channels.web.shown import show_channels
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter()


@router.get("/channels")
async def channels_page(request: Request, scope: Annotated[PageScope, require_page(Permission.CHANNELS_READ, "channels")]) -> Response:
    """All channels of the workspace, the oldest first. Refreshes itself: states change while nobody clicks."""
    return render(request, "channels/list.html", frame=scope.frame, fragment="list", **await channels_context(scope))


async def channels_context(scope: PageScope) -> dict[str, Any]:
    """What the list shows."""
    channels = await service.list_channels(scope.session, scope.access)
    return {"channels": await show_channels(scope.session, scope.access, channels)}
