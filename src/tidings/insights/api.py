"""The JSON edge of a workspace's numbers."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from tidings.core.clock import utc_now
from tidings.insights import service
from tidings.insights.schemas import DashboardOutput, StatsOutput
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import problems

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
