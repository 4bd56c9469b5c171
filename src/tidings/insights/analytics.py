"""How channels and providers do over time: volume, success, answer times, arrival times, errors and cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import text

from tidings.channels.service import list_channels
from tidings.core.ids import id_floor
from tidings.db.sql import NamedSql
from tidings.errors import FieldError, Invalid
from tidings.workspaces.service import get_workspace

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.workspaces.access import Access

_SQL = NamedSql("tidings.insights", "analytics.sql")
LONGEST = timedelta(days=90)
USUAL = timedelta(days=7)
MOST_ROWS = 200_000
"""Attempts and messages that are looked at, the latest first: the times, errors and costs of a busier time are theirs."""
_LEFT = ("sent", "delivered", "read")
_ENDED_BADLY = ("failed", "unknown")

BucketWord = Literal["hour", "day", "week"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles; None where nothing was measured."""

    p50: float | None = None
    p90: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error, and how often."""

    code: str
    provider_code: str
    n: int


@dataclass(slots=True)
class ChannelNumbers:
    """One channel over the time."""

    channel: Channel
    buckets: dict[datetime, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """By the moment each begins: how many messages stand where."""
    attempts: int = 0
    accepted: int = 0
    failed: int = 0
    uncertain: int = 0
    answer_ms: Spread = field(default_factory=Spread)
    arrival_seconds: Spread = field(default_factory=Spread)
    errors: list[Refusal] = field(default_factory=list)
    cost_micros: dict[str, int] = field(default_factory=dict)
    """By currency."""

    @property
    def by_status(self) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for counts in self.buckets.values():
            for status, n in counts.items():
                sums[status] += n
        return dict(sums)

    @property
    def success_rate(self) -> float | None:
        """Of those that left or ended badly, the share that a provider took; None where there are none."""
        sums = self.by_status
        good, bad = sum(sums.get(one, 0) for one in _LEFT), sum(sums.get(one, 0) for one in _ENDED_BADLY)
        return good / (good + bad) if good + bad else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analytics:
    """What was asked, and what was found."""

    since: datetime
    until: datetime
    bucket: BucketWord
    timezone: str
    channels: Sequence[ChannelNumbers]
    complete: bool
    """False where the time has more messages than are looked at for times, errors and costs. Volumes are always whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to know."""

    since: datetime | None = None
    until: datetime | None = None
    bucket: BucketWord = "day"
    channel_id: UUID | None = None
    provider: str | None = None


async def read_analytics(session: AsyncSession, access: Access, asked: Asked, *, now: datetime) -> Analytics:
    """Raises Invalid for a time of more than 90 days."""
    until = asked.until or now
    since = asked.since or until - USUAL
    if not timedelta(0) < until - since <= LONGEST:
        raise Invalid(
            "The time must be of 90 days at most, and end after it begins.", errors=(FieldError("from", "at most 90 days before `to`"),)
        )
    timezone = (await get_workspace(session, access)).timezone
    chosen = [
        one
        for one in await list_channels(session, access)
        if (asked.channel_id is None or one.id == asked.channel_id) and (asked.provider is None or one.provider == asked.provider)
    ]
    numbers = {one.id: ChannelNumbers(one) for one in chosen}
    values = {
        "workspace_id": access.workspace_id, "channels": list(numbers), "since": since, "until": until, "bucket": asked.bucket,
        "timezone": timezone, "from_id": id_floor(since), "until_id": id_floor(until), "most": MOST_ROWS,
    }  # fmt: skip
    for row in await _run(session, _SQL.volume, values):
        numbers[row.channel_id].buckets[row.bucket][row.status] = row.n
    await _add_answers(session, numbers, values)
    looked_at = (await _run(session, _SQL.looked_at, values))[0]
    return Analytics(
        since=since,
        until=until,
        bucket=asked.bucket,
        timezone=timezone,
        channels=list(numbers.values()),
        complete=max(looked_at.attempts, looked_at.messages) <= MOST_ROWS,
    )


async def _add_answers(session: AsyncSession, numbers: dict[UUID, ChannelNumbers], values: dict[str, Any]) -> None:
    for row in await _run(session, _SQL.answers, values):
        one = numbers[row.channel_id]
        one.attempts, one.accepted, one.failed, one.uncertain = row.n, row.accepted, row.failed, row.uncertain
        one.answer_ms = _spread(row.percentiles)
    for row in await _run(session, _SQL.errors, values):
        numbers[row.channel_id].errors.append(Refusal(row.code, row.provider_code, row.n))
    most: dict[UUID, int] = {}
    for row in await _run(session, _SQL.arrivals, values):
        one = numbers[row.channel_id]
        if row.currency:
            one.cost_micros[row.currency] = row.micros
        # A channel with several currencies has several rows: the times are those of most of its messages.
        if row.arrived > most.get(row.channel_id, 0):
            most[row.channel_id] = row.arrived
            one.arrival_seconds = _spread(row.percentiles)


async def _run(session: AsyncSession, statement: str, values: dict[str, Any]) -> Sequence[Any]:
    names = {name: value for name, value in values.items() if f":{name}" in statement}
    return (await session.execute(text(statement), names)).all()


def _spread(found: Sequence[Any] | None) -> Spread:
    return Spread(*(None if one is None else float(one) for one in found)) if found else Spread()
