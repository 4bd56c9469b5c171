"""The home page: how things stand, what needs somebody, and where to begin."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from tidings.campaigns.web.shown import ShownCampaign
from tidings.channels.service import channels_of_alerts
from tidings.channels.web.alerts import show_alerts
from tidings.core.clock import utc_now
from tidings.core.ids import show_id
from tidings.insights.service import Dashboard, Numbers, Stats, read_dashboard, read_stats
from tidings.ui.pages import render, wants_fragment
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter(include_in_schema=False)
ALERTS_SHOWN = 5
SERIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Delivered", "green", ("delivered", "read")),
    ("Sent", "cyan", ("sent",)),
    ("Failed", "red", ("failed",)),
    ("Unknown", "orange", ("unknown",)),
    ("Not sent", "purple", ("suppressed", "cancelled", "expired")),
    ("Waiting", "secondary", ("scheduled", "queued", "sending")),
)
"""What the chart tells apart: name, colour, the states that belong to it. What came in is not in it."""


@router.get("/")
async def home_page(request: Request, scope: Annotated[PageScope, require_page(Permission.WORKSPACE_READ, "home")]) -> Response:
    """The workspace at a glance; its numbers alone where htmx asks again."""
    return render(request, "insights/home.html", frame=scope.frame, fragment="now", **await home_context(scope, request))


async def home_context(scope: PageScope, request: Request) -> dict[str, Any]:
    """What the page shows."""
    now = utc_now()
    found = await read_dashboard(scope.session, scope.access, now=now)
    campaigns = [ShownCampaign(one, found.ledgers[one.id], found.progresses[one.id]) for one in found.recent_campaigns]
    context: dict[str, Any] = {
        "found": found,
        "numbers": found.numbers,
        "tried": tried(found.numbers),
        "campaigns": campaigns,
        "steps": first_steps(found),
        "channel_id": show_id("chn", found.default_channel.id) if found.default_channel else "",
        "is_moving": found.numbers.waiting > 0 or any(one.is_live for one in campaigns),
    }
    if not wants_fragment(request):
        alerts = found.open_alerts[:ALERTS_SHOWN]
        context["alerts"] = show_alerts(alerts, await channels_of_alerts(scope.session, scope.access, alerts))
        context["chart"] = chart_of(await read_stats(scope.session, scope.access, now=now))
    return context


def tried(numbers: Numbers) -> int:
    """Messages that were handed to a provider or failed before: what the delivered ones are a share of."""
    return numbers.total_sent + numbers.failed + numbers.unknown


def first_steps(found: Dashboard) -> list[dict[str, Any]]:
    """Where a new workspace begins; empty once it has its first campaign."""
    if any(one.launched_at or one.scheduled_at for one in found.recent_campaigns):
        return []
    return [
        {
            "title": "Add a channel",
            "text": "An account at a provider that takes your messages to people. The sandbox reaches nobody and costs nothing: good for a first look.",
            "done": found.default_channel is not None,
            "acts": [("Use the sandbox", "/channels/new/sandbox"), ("Choose a provider", "/channels/new")],
            "permission": "channels:write",
        },
        {
            "title": "Import your contacts",
            "text": "From a spreadsheet: names and numbers as you have them. You see a verdict for each row before anything is saved.",
            "done": found.contacts > 0,
            "acts": [("Import a spreadsheet", "/imports/new"), ("Add one by hand", "/contacts/new")],
            "permission": "contacts:write",
        },
        {
            "title": "Send the first campaign",
            "text": "Write a text, see it as your contacts will, and send it now or later. Then watch it go out, and know what became of each.",
            "done": False,
            "acts": [("Write a campaign", "/campaigns/new")],
            "permission": "campaigns:write",
        },
    ]


def chart_of(stats: Stats) -> dict[str, Any] | None:
    """The days as a stacked chart; None when there was nothing."""
    days = [stats.since + timedelta(days=n) for n in range((stats.until - stats.since).days + 1)]
    place = {state: name for name, _, states in SERIES for state in states}
    counted: dict[str, dict[Any, int]] = {name: {} for name, _, _ in SERIES}
    for one in stats.counts:
        if one.status in place:
            of_day = counted[place[one.status]]
            of_day[one.day] = of_day.get(one.day, 0) + one.n
    series = [
        {"name": name, "state": colour, "data": [counted[name].get(day, 0) for day in days]} for name, colour, _ in SERIES if counted[name]
    ]
    if not series:
        return None
    return {"labels": [f"{day.day} {day:%b}" for day in days], "series": series}
