"""One channel."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.channels import service
from tidings.channels.activity import list_activity
from tidings.channels.central import own_mediums
from tidings.channels.rules import hook_url
from tidings.channels.web.alerts import show_alerts
from tidings.channels.web.session import session_context
from tidings.channels.web.shown import ChannelPath, show_channel
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter()
ACTIVITIES = 8
ALERTS = 5
"""The channel's last alerts that its page shows."""


@router.get("/channels/{channel_id}")
async def channel_page(
    channel_id: ChannelPath, request: Request, scope: Annotated[PageScope, require_page(Permission.CHANNELS_READ, "channels")]
) -> Response:
    """What the channel is, how it fares, and what can be done with it."""
    context = await channel_context(scope, request, channel_id)
    return render(request, "channels/page.html", frame=scope.frame, fragment="live", **context)


async def channel_context(scope: PageScope, request: Request, channel_id: UUID) -> dict[str, Any]:
    """What the page shows."""
    shown = await show_channel(scope.session, scope.access, channel_id)
    settings = request.app.state.settings
    alerts = await service.list_alerts(scope.session, scope.access, only_open=False, channel_id=channel_id, limit=ALERTS)
    activity = await list_activity(scope.session, scope.access.workspace_id, channel_id, limit=ACTIVITIES)
    url = hook_url(settings.public_url, shown.channel.hook_token)
    return {
        "one": shown,
        "activity": activity,
        "alerts": show_alerts(alerts, [shown.channel]),
        # The path is the hook's secret: only who may change the channel sees it.
        "hook": url if Permission.CHANNELS_WRITE in scope.access.permissions else "",
        "own_mediums": own_mediums(),
        "has_public_url": bool(settings.public_url),
        **await session_context(scope, shown),
    }
