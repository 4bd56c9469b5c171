"""All SQL of routes but what the choice among channels reads (steps.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select, text

from tidings.routes.models import Route, RouteStep

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def list_routes(session: AsyncSession, workspace_id: UUID, *, after: UUID | None, limit: int) -> list[Route]:
    """The oldest first; `after` is the id of the last one shown."""
    query = select(Route).where(Route.workspace_id == workspace_id, Route.deleted_at.is_(None))
    if after is not None:
        query = query.where(Route.id > after)
    return list((await session.scalars(query.order_by(Route.id).limit(limit))).all())


async def get_route(session: AsyncSession, workspace_id: UUID, route_id: UUID, *, lock: bool = False) -> Route | None:
    """One route that is not deleted."""
    query = select(Route).where(Route.workspace_id == workspace_id, Route.id == route_id, Route.deleted_at.is_(None))
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def route_of_class(session: AsyncSession, workspace_id: UUID, message_class: str, medium: str | None) -> Route | None:
    """The route of a class of messages: the one of this very medium before the one of any."""
    query = select(Route).where(
        Route.workspace_id == workspace_id,
        Route.message_class == message_class,
        Route.deleted_at.is_(None),
        Route.medium.in_(["", medium or ""]),
    )
    return (await session.scalars(query.order_by(Route.medium.desc()).limit(1))).one_or_none()


async def steps_of(session: AsyncSession, workspace_id: UUID, route_ids: Sequence[UUID]) -> dict[UUID, list[RouteStep]]:
    """The steps of each of these routes in their order."""
    query = select(RouteStep).where(RouteStep.workspace_id == workspace_id, RouteStep.route_id.in_(route_ids))
    found: dict[UUID, list[RouteStep]] = {one: [] for one in route_ids}
    for step in await session.scalars(query.order_by(RouteStep.position)):
        found[step.route_id].append(step)
    return found


async def clear_steps(session: AsyncSession, workspace_id: UUID, route_id: UUID) -> None:
    await session.execute(delete(RouteStep).where(RouteStep.workspace_id == workspace_id, RouteStep.route_id == route_id))


async def count_campaigns(session: AsyncSession, workspace_id: UUID, route_id: UUID) -> int:
    """Campaigns that have still to be written out by this route."""
    return int((await session.execute(_CAMPAIGNS, {"workspace_id": workspace_id, "route_id": route_id})).scalar_one())


_CAMPAIGNS = text(
    "SELECT count(*) FROM campaigns WHERE workspace_id = :workspace_id AND route_id = :route_id "
    "AND status IN ('draft', 'scheduled', 'launching', 'paused') AND fanned_out_at IS NULL"
)
