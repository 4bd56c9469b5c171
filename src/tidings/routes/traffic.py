"""What went by each channel of a route lately: of so many messages at most that the question stays cheap whatever a workspace sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from tidings.core.clock import utc_now
from tidings.core.ids import id_floor

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

LATELY = timedelta(days=7)
MOST = 10_000


@dataclass(frozen=True, slots=True)
class StepTraffic:
    """Messages of a route that one channel was given."""

    tried: int = 0
    reached: int = 0
    """Recipients who have it by this channel: sent, delivered or read."""
    went_on: int = 0
    """Where another channel took over."""
    waiting: int = 0
    ended: int = 0
    """Recipients whom neither this nor any other channel reached."""


@dataclass(frozen=True, slots=True)
class RouteTraffic:
    """By channel."""

    steps: Mapping[UUID, StepTraffic]

    @property
    def tried(self) -> int:
        return sum(one.tried for one in self.steps.values())

    @property
    def is_cut(self) -> bool:
        """Whether there were more messages than were looked at."""
        return self.tried >= MOST


_LATELY = text("""
    SELECT channel_id, count(*) AS tried,
           count(*) FILTER (WHERE NOT superseded AND status IN ('sent', 'delivered', 'read')) AS reached,
           count(*) FILTER (WHERE superseded) AS went_on,
           count(*) FILTER (WHERE NOT superseded AND status IN ('scheduled', 'queued', 'sending')) AS waiting,
           count(*) FILTER (WHERE NOT superseded AND status IN ('failed', 'unknown', 'suppressed', 'expired', 'cancelled')) AS ended
    FROM (
        SELECT channel_id, status, superseded FROM messages
        WHERE workspace_id = :workspace_id AND route_id = :route_id AND id >= :since ORDER BY id DESC LIMIT :most
    ) latest
    GROUP BY channel_id
""")


async def recent_traffic(session: AsyncSession, workspace_id: UUID, route_id: UUID) -> RouteTraffic:
    """Of the last seven days, the latest messages."""
    values = {"workspace_id": workspace_id, "route_id": route_id, "since": id_floor(utc_now() - LATELY), "most": MOST}
    rows = await session.execute(_LATELY, values)
    return RouteTraffic({row.channel_id: StepTraffic(row.tried, row.reached, row.went_on, row.waiting, row.ended) for row in rows})
