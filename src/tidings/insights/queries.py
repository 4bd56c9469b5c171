"""All SQL of insights. Numbers are sums of counters (docs/decisions/0004-counters-as-increments.md); no message is ever counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from tidings.db.sql import NamedSql

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

SQL = NamedSql("tidings.insights", "insights.sql")


@dataclass(frozen=True, slots=True)
class Count:
    """So many messages of a day, by a channel, in a state."""

    day: date
    channel_id: UUID
    status: str
    n: int


@dataclass(frozen=True, slots=True)
class Total:
    """So many messages in a state: of all times, and of those taken on today, this week, this month."""

    n: int
    today: int
    this_week: int
    this_month: int


async def daily(session: AsyncSession, workspace_id: UUID, *, timezone: str, since: date, until: date) -> list[Count]:
    """The messages of these days, both ends included."""
    values = {"workspace_id": workspace_id, "timezone": timezone, "since": since, "until": until}
    return [Count(row.day, row.channel_id, row.status, row.n) for row in await session.execute(text(SQL.daily), values)]


async def totals(session: AsyncSession, workspace_id: UUID, *, timezone: str) -> dict[str, Total]:
    """By state."""
    rows = await session.execute(text(SQL.totals), {"workspace_id": workspace_id, "timezone": timezone})
    return {row.status: Total(row.n, row.today, row.this_week, row.this_month) for row in rows}


async def count_groups(session: AsyncSession, workspace_id: UUID) -> int:
    found = await session.execute(text(SQL.count_groups), {"workspace_id": workspace_id})
    return int(found.scalar_one())
