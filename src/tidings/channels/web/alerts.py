"""Alerts: what needs somebody to mend it, and what did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.channels import service
from tidings.channels.models import Alert, Channel
from tidings.channels.web.shown import ShownChannel, logo_address, own_address, what_owner_does
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import show_id
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render, safe_next
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, PathId

router = APIRouter()
PAGE = 30


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """One alert with its channel; None when that was deleted."""

    alert: Alert
    channel: ShownChannel | None

    @property
    def id(self) -> str:
        return show_id("alr", self.alert.id)

    @property
    def is_open(self) -> bool:
        return self.alert.resolved_at is None

    @property
    def is_own(self) -> bool:
        """Of a personal channel: only its owner is shown such an alert."""
        return self.channel is not None and self.channel.channel.owner_id is not None

    @property
    def address(self) -> str:
        """Where it is mended; empty where there is nothing left."""
        if self.channel is None:
            return ""
        return own_address(self.channel.channel.id) if self.is_own else self.channel.address

    @property
    def logo(self) -> str:
        return self.channel.logo if self.channel else logo_address("")

    @property
    def what_to_do(self) -> str:
        """The next step, for one who does not know the provider."""
        if self.channel is None:
            return "Its channel was deleted, so there is nothing to mend."
        if self.is_own:
            return what_owner_does(self.channel.channel, self.alert.kind, "on the channel's page")
        return self.channel.mending(self.alert.kind)


def show_alerts(alerts: Sequence[Alert], channels: Sequence[Channel]) -> list[ShownAlert]:
    """The alerts with their channels."""
    known = {one.id: one for one in channels}
    return [ShownAlert(alert, _channel(known.get(alert.channel_id)) if alert.channel_id else None) for alert in alerts]


def _channel(channel: Channel | None) -> ShownChannel | None:
    return (
        ShownChannel(channel=channel, traffic=service.Traffic(sent=0, delivered=0, failed=0, received=0, waiting=0), resting=None)
        if channel
        else None
    )


@router.get("/alerts")
async def alerts_page(
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CHANNELS_READ, "alerts")],
    show: str = "open",
    cursor: Cursor = None,
) -> Response:
    """Open ones, or all."""
    context = await alerts_context(scope, cursor, only_open=show != "all")
    return render(request, "channels/alerts.html", frame=scope.frame, fragment="rows", **context)


async def alerts_context(scope: PageScope, cursor: str | None, *, only_open: bool) -> dict[str, Any]:
    """What the page shows."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_alerts(scope.session, scope.access, only_open=only_open, before=before, limit=PAGE + 1)
    page = found[:PAGE]
    channels = await service.channels_of_alerts(scope.session, scope.access, page)
    return {
        "alerts": show_alerts(page, channels),
        "show": "open" if only_open else "all",
        "next": f"/alerts?show={'open' if only_open else 'all'}&cursor={write_cursor(page[-1].id)}" if len(found) > PAGE else "",
    }


@router.post("/alerts/{alert_id}/resolve")
async def resolve_alert(
    alert_id: Annotated[UUID, PathId("alr")],
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CHANNELS_READ, "alerts")],
) -> Response:
    """Close an alert by hand: who may change channels, and a member that of their own."""
    await service.resolve_alert(scope.session, scope.access, alert_id)
    back = (await request.form()).get("next")
    response = go_to(request, safe_next(back if isinstance(back, str) and back else "/alerts"))
    flash(response, "The alert is closed. Should the trouble come back, you are told again.")
    return response
