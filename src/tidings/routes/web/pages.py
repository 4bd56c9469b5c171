"""The list of routes, one route, and deleting it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.errors import Conflict
from tidings.routes import service
from tidings.routes.queries import count_campaigns
from tidings.routes.traffic import LATELY, MOST, StepTraffic, recent_traffic
from tidings.routes.web.shown import show_routes, shown_channels
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId

router = APIRouter()
RoutePath = Annotated[UUID, PathId("rte")]
Reader = Annotated[PageScope, require_page(Permission.CHANNELS_READ, "routes")]
Writer = Annotated[PageScope, require_page(Permission.CHANNELS_WRITE, "routes")]


@router.get("/routes")
async def routes_page(request: Request, scope: Reader) -> Response:
    """All routes of the workspace, the oldest first."""
    return render(request, "routes/list.html", frame=scope.frame, fragment="list", **await routes_context(scope))


async def routes_context(scope: PageScope) -> dict[str, Any]:
    """What the list shows."""
    routes = await show_routes(scope.session, scope.access, await service.list_routes(scope.session, scope.access))
    return {"routes": routes, "has_channels": bool(routes) or bool(await shown_channels(scope.session, scope.access))}


@router.get("/routes/{route_id}")
async def route_page(route_id: RoutePath, request: Request, scope: Reader) -> Response:
    """Its steps, how their channels fare, and how much went by each lately."""
    return render(request, "routes/page.html", frame=scope.frame, fragment="live", **await route_context(scope, route_id))


async def route_context(scope: PageScope, route_id: UUID) -> dict[str, Any]:
    """What the page shows."""
    known = await service.get_route(scope.session, scope.access, route_id)
    (shown,) = await show_routes(scope.session, scope.access, [known])
    traffic = await recent_traffic(scope.session, scope.access.workspace_id, route_id)
    return {
        "one": shown,
        "steps": [(step, traffic.steps.get(step.step.channel_id, StepTraffic())) for step in shown.steps],
        "traffic": traffic,
        "days": LATELY.days,
        "most": MOST,
        "campaigns": await count_campaigns(scope.session, scope.access.workspace_id, route_id),
    }


@router.post("/routes/{route_id}/delete")
async def delete_route(route_id: RoutePath, request: Request, scope: Writer) -> Response:
    """Delete it; refused while a campaign has still to go out by it."""
    try:
        async with scope.session.begin_nested():
            await service.delete_route(scope.session, scope.access, route_id)
    except Conflict as error:
        response = go_to(request, request.url.path.removesuffix("/delete"))
        flash(response, error.detail, "warning")
        return response
    response = go_to(request, "/routes")
    flash(response, "The route is deleted. What is under way still follows it; nothing new does.")
    return response
