"""The JSON edge of routes."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from tidings.core.cursor import read_cursor, write_cursor
from tidings.routes import service
from tidings.routes.schemas import RouteOutput, RoutePage, RouteWanted
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, PathId, problems

router = APIRouter(prefix="/routes", tags=["Routes"])
RoutePath = Annotated[UUID, PathId("rte")]
Reader = Annotated[Scope, require(Permission.CHANNELS_READ)]
Writer = Annotated[Scope, require(Permission.CHANNELS_WRITE)]


@router.get("", responses=problems())
async def list_routes(scope: Reader, limit: Limit = 50, cursor: Cursor = None) -> RoutePage:
    """The routes of the workspace, the oldest first."""
    after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_routes(scope.session, scope.access, after=after, limit=limit + 1)
    following = write_cursor(found[limit - 1].route.id) if len(found) > limit else None
    return RoutePage(items=[RouteOutput.of(one) for one in found[:limit]], next_cursor=following)


@router.post("", status_code=201, response_model=RouteOutput, responses=problems(404, 409))
async def create_route(body: RouteWanted, once: Annotated[Once, idempotent()], scope: Writer) -> Response:
    """Make a route: its channels in the order in which a message tries them."""

    async def create() -> RouteOutput:
        return RouteOutput.of(await service.create_route(scope.session, scope.access, body.wanted()))

    return await once.answer(scope, create, status_code=201)


@router.get("/{route_id}", responses=problems(404))
async def get_route(route_id: RoutePath, scope: Reader) -> RouteOutput:
    """One route with its steps."""
    return RouteOutput.of(await service.get_route(scope.session, scope.access, route_id))


@router.put("/{route_id}", responses=problems(404, 409))
async def change_route(route_id: RoutePath, body: RouteWanted, scope: Writer) -> RouteOutput:
    """Replace what a route says. It holds at once, for messages under way too: they go on to whichever channel they have not tried."""
    return RouteOutput.of(await service.change_route(scope.session, scope.access, route_id, body.wanted()))


@router.delete("/{route_id}", status_code=204, responses=problems(404, 409))
async def delete_route(route_id: RoutePath, scope: Writer) -> None:
    """Delete a route. What is under way still follows it; refused while a campaign has still to go out by it."""
    await service.delete_route(scope.session, scope.access, route_id)
