"""Routes as pages show them: each step with its channel as it stands now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels.service import list_channels
from tidings.channels.web.shown import ShownChannel, show_channels
from tidings.core.addresses import LABELS
from tidings.core.ids import show_id
from tidings.routes.models import Route, RouteStep
from tidings.routes.service import KnownRoute

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

WORKING = frozenset({"active", "starting", "degraded", "running", "healthy"})
_WISHES = {"sent": "left", "delivered": "reported as delivered", "read": "reported as read"}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step; its channel is None where that was deleted since."""

    step: RouteStep
    channel: ShownChannel | None

    @property
    def name(self) -> str:
        return self.channel.channel.name if self.channel else "a deleted channel"

    @property
    def works(self) -> bool:
        return self.channel is not None and self.channel.state in WORKING

    @property
    def wish(self) -> str:
        """What has to be heard of a message, in words; empty where only an error has it go on."""
        return _WISHES[self.step.wished] if self.step.wait_seconds is not None else ""

    @property
    def within(self) -> str:
        """How long that may take, as it was set: a round `90 s` and not `2 min`."""
        seconds = self.step.wait_seconds or 0
        unit, name = next((each for each in ((3600, "h"), (60, "min")) if seconds % each[0] == 0), (1, "s"))
        return f"{seconds // unit} {name}"


@dataclass(frozen=True, slots=True)
class ShownRoute:
    """One route."""

    route: Route
    steps: Sequence[ShownStep]

    @property
    def id(self) -> str:
        return show_id("rte", self.route.id)

    @property
    def address(self) -> str:
        return f"/routes/{self.id}"

    @property
    def takes(self) -> str:
        """Which messages go by it although they do not name it."""
        if not self.route.message_class:
            return ""
        narrowed = f", asked for by {LABELS[self.route.medium]}" if self.route.medium in LABELS else ""
        return f"class “{self.route.message_class}”{narrowed}"

    @property
    def state(self) -> str:
        """`works`: by its first step. `falls_back`: that one is down and another works. `down`: none works."""
        if not any(one.works for one in self.steps):
            return "down"
        return "works" if self.steps[0].works else "falls_back"


async def show_routes(session: AsyncSession, access: Access, routes: Sequence[KnownRoute]) -> list[ShownRoute]:
    """The same routes with their channels, however many there are in as many queries as for one."""
    channels = await shown_channels(session, access)
    return [ShownRoute(one.route, [ShownStep(step, channels.get(step.channel_id)) for step in one.steps]) for one in routes]


async def shown_channels(session: AsyncSession, access: Access) -> Mapping[UUID, ShownChannel]:
    """The workspace's channels by id, the oldest first."""
    return {one.channel.id: one for one in await show_channels(session, access, await list_channels(session, access))}
