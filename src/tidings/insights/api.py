"""The JSON edge of a workspace's numbers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from tidings.core.clock import utc_now
from tidings.insights import analytics, service
from tidings.insights.analytics import Asked
from tidings.insights.analytics_schemas import AnalyticsOutput, ChannelId
from tidings.insights.schemas import DashboardOutput, StatsOutput
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Moment, PlainText, problems

router = APIRouter(tags=["Insights"])
Reader = Annotated[Scope, require(Permission.MESSAGES_READ)]


@router.get("/stats", responses=problems())
async def read_stats(
    scope: Reader,
    since: Annotated[date | None, Query(description="The first day; without it, 30 days up to the last.", examples=["2026-11-01"])] = None,
    until: Annotated[date | None, Query(description="The last day; without it, today.")] = None,
) -> StatsOutput:
    """Messages by day, channel and status."""
    return StatsOutput.of(await service.read_stats(scope.session, scope.access, since=since, until=until, now=utc_now()))


@router.get("/dashboard", responses=problems())
async def read_dashboard(scope: Reader) -> DashboardOutput:
    """The workspace at a glance: its numbers, its latest campaigns, and what needs mending."""
    return DashboardOutput.of(await service.read_dashboard(scope.session, scope.access, now=utc_now()))


@router.get("/analytics/channels", responses=problems())
async def read_analytics(  # noqa: PLR0917 - each is named in the query
    scope: Reader,
    since: Annotated[Moment | None, Query(alias="from", description="Messages made at this moment or later; without it, 7 days.")] = None,
    until: Annotated[
        Moment | None, Query(alias="to", description="Made before this moment; without it, now. At most 90 days after `from`.")
    ] = None,
    bucket: Literal["hour", "day", "week"] = "day",
    channel: Annotated[ChannelId | None, Query(description="Only this channel.")] = None,
    provider: Annotated[PlainText | None, Query(max_length=50, description="Only channels of this provider.")] = None,
) -> AnalyticsOutput:
    """How each channel did: volume, success, answer times, arrival times, errors and cost."""
    asked = Asked(since=since, until=until, bucket=bucket, channel_id=channel, provider=provider)
    return AnalyticsOutput.of(await analytics.read_analytics(scope.session, scope.access, asked, now=utc_now()))
