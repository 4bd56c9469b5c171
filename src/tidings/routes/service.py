"""What may be done with routes; the door of this room for all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from tidings.channels.service import get_channel
from tidings.core.clock import utc_now
from tidings.core.ids import new_id
from tidings.db.database import raw_connection
from tidings.errors import Conflict, FieldError, Invalid, NotFound
from tidings.routes import queries
from tidings.routes.models import Route, RouteStep
from tidings.routes.rules import Step, Wish
from tidings.routes.steps import read_steps
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

MOST_STEPS = 10
LEAST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 7 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """One channel of a route and when the next one follows."""

    channel_id: UUID
    wished: Wish = "sent"
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteInput:
    """What its owner decides of a route."""

    name: str
    steps: Sequence[StepInput]
    message_class: str = ""
    medium: str = ""


@dataclass(frozen=True, slots=True)
class KnownRoute:
    """A route with its steps in their order."""

    route: Route
    steps: Sequence[RouteStep]


async def list_routes(session: AsyncSession, access: Access, *, after: UUID | None = None, limit: int = 200) -> list[KnownRoute]:
    """The workspace's routes, the oldest first."""
    found = await queries.list_routes(session, access.workspace_id, after=after, limit=limit)
    steps = await queries.steps_of(session, access.workspace_id, [one.id for one in found])
    return [KnownRoute(one, steps[one.id]) for one in found]


async def get_route(session: AsyncSession, access: Access, route_id: UUID) -> KnownRoute:
    """Raises NotFound."""
    return await _known(session, await _get(session, access.workspace_id, route_id))


async def create_route(session: AsyncSession, access: Access, wanted: RouteInput) -> KnownRoute:
    """Make a route. Raises Invalid, NotFound for a channel, or Conflict for a name or a class that is taken."""
    await _check(session, access, wanted)
    route = Route(workspace_id=access.workspace_id, id=new_id(), name=wanted.name, message_class=wanted.message_class, medium=wanted.medium)
    session.add(route)
    await _flush(session, wanted)
    made = await _write_steps(session, route, wanted.steps)
    await record(session, access, "route.created", "route", route.id, after=_told(made))
    return made


async def change_route(session: AsyncSession, access: Access, route_id: UUID, wanted: RouteInput) -> KnownRoute:
    """Replace what a route says. It holds at once, for messages under way too: those go on to whichever of its channels they have not tried."""
    route = await _get(session, access.workspace_id, route_id, lock=True)
    before = _told(await _known(session, route))
    await _check(session, access, wanted)
    route.name, route.message_class, route.medium = wanted.name, wanted.message_class, wanted.medium
    route.updated_at = utc_now()
    await _flush(session, wanted)
    await queries.clear_steps(session, access.workspace_id, route_id)
    changed = await _write_steps(session, route, wanted.steps)
    await record(session, access, "route.changed", "route", route_id, before=before, after=_told(changed))
    return changed


async def delete_route(session: AsyncSession, access: Access, route_id: UUID) -> None:
    """Delete a route. What is under way still follows it. Raises Conflict while a campaign has still to go out by it."""
    route = await _get(session, access.workspace_id, route_id, lock=True)
    campaigns = await queries.count_campaigns(session, access.workspace_id, route_id)
    if campaigns:
        raise Conflict(
            f"{'1 campaign has' if campaigns == 1 else f'{campaigns} campaigns have'} still to go out by “{route.name}”. "
            "Give them a channel or another route, or delete them; then delete the route."
        )
    before = _told(await _known(session, route))
    route.deleted_at = utc_now()
    await session.flush()
    await record(session, access, "route.deleted", "route", route_id, before=before)


async def route_for_sending(session: AsyncSession, workspace_id: UUID, route_id: UUID) -> list[Step]:
    """The steps of a route with the state of their channels now. Raises NotFound, or Conflict when all its channels are off."""
    route = await _get(session, workspace_id, route_id)
    steps = (await read_steps(await raw_connection(session), [(workspace_id, route_id)]))[workspace_id, route_id]
    if all(one.health == "off" for one in steps):
        raise Conflict(
            f"All channels of the route “{route.name}” are disabled or deleted. Enable one, or name a channel.", code="no_channel"
        )
    return steps


async def find_route_of_class(session: AsyncSession, workspace_id: UUID, message_class: str, medium: str | None) -> UUID:
    """The route that messages of a class go by. Raises Conflict when there is none."""
    route = await queries.route_of_class(session, workspace_id, message_class, medium)
    if route is None:
        raise Conflict(
            f"No route takes messages of the class “{message_class}”. Make one under Routes, or name a route or a channel.", code="no_route"
        )
    return route.id


async def _get(session: AsyncSession, workspace_id: UUID, route_id: UUID, *, lock: bool = False) -> Route:
    route = await queries.get_route(session, workspace_id, route_id, lock=lock)
    if route is None:
        raise NotFound("There is no such route in this workspace.")
    return route


async def _known(session: AsyncSession, route: Route) -> KnownRoute:
    return KnownRoute(route, (await queries.steps_of(session, route.workspace_id, [route.id]))[route.id])


async def _check(session: AsyncSession, access: Access, wanted: RouteInput) -> None:
    if not 1 <= len(wanted.steps) <= MOST_STEPS:
        raise Invalid(f"A route has 1 to {MOST_STEPS} steps.", errors=(FieldError("steps", f"1 to {MOST_STEPS}"),))
    if len({one.channel_id for one in wanted.steps}) < len(wanted.steps):
        raise Invalid("A route uses each channel once.", errors=(FieldError("steps", "name a channel twice"),))
    if wanted.medium and not wanted.message_class:
        raise Invalid("A medium narrows a class; without one it says nothing.", errors=(FieldError("medium", "needs a class"),))
    for step in wanted.steps:
        channel = await get_channel(session, access, step.channel_id)
        if channel.owner_id is not None:
            raise Invalid(
                f"“{channel.name}” is a personal channel: its owner's alone, so a route of the workspace cannot send by it.",
                errors=(FieldError("steps", "name a personal channel"),),
            )


async def _flush(session: AsyncSession, wanted: RouteInput) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        if "routes_of_class" in str(error.orig):
            raise Conflict(f"Another route takes messages of the class “{wanted.message_class}” already.", code="class_taken") from error
        if "routes_name" in str(error.orig):
            raise Conflict(f"There is a route named “{wanted.name}” already. Choose another name.", code="name_taken") from error
        raise


async def _write_steps(session: AsyncSession, route: Route, steps: Sequence[StepInput]) -> KnownRoute:
    made = [
        RouteStep(
            workspace_id=route.workspace_id, route_id=route.id, position=position, channel_id=one.channel_id, wished=one.wished,
            wait_seconds=one.wait_seconds,
        )
        for position, one in enumerate(steps, 1)
    ]  # fmt: skip
    session.add_all(made)
    await session.flush()
    return KnownRoute(route, made)


def _told(known: KnownRoute) -> dict[str, Any]:
    route = known.route
    return {
        "name": route.name, "message_class": route.message_class, "medium": route.medium,
        "steps": [{"channel_id": str(one.channel_id), "wished": one.wished, "wait_seconds": one.wait_seconds} for one in known.steps],
    }  # fmt: skip
