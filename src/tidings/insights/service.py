"""The numbers of a workspace: by day, channel and status, and all that its home page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from tidings.campaigns import service as campaigns
from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import Ledger, Progress
from tidings.channels.models import Alert, Channel
from tidings.channels.service import list_alerts, list_channels
from tidings.contacts.service import count_contacts
from tidings.errors import FieldError, Invalid
from tidings.insights import queries
from tidings.insights.queries import Count, Total
from tidings.workspaces.service import get_workspace

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

__all__ = ["Count", "Dashboard", "Numbers", "Stats", "read_dashboard", "read_numbers", "read_stats"]

LONGEST = timedelta(days=366)
RECENT = 5
_LEFT = ("sent", "delivered", "read")
_WAITING = ("scheduled", "queued", "sending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Where the messages of some days stand."""

    timezone: str
    since: date
    until: date
    counts: Sequence[Count]

    @property
    def by_status(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.counts:
            found[one.status] = found.get(one.status, 0) + one.n
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How many messages: of all times by state; taken on today, this week, this month in any state."""

    total_sent: int
    """Those a provider took, whatever it said of them later."""
    delivered: int
    failed: int
    unknown: int
    waiting: int
    received: int
    today: int
    this_week: int
    this_month: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """All that the home page shows."""

    numbers: Numbers
    contacts: int
    groups: int
    default_channel: Channel | None
    """The SMS default (of another medium where there is none), with its balance as last told."""
    recent_campaigns: Sequence[Campaign]
    ledgers: Mapping[UUID, Ledger]
    progresses: Mapping[UUID, Progress]
    open_alerts: Sequence[Alert]
    updated_at: datetime


async def read_stats(
    session: AsyncSession, access: Access, *, since: date | None = None, until: date | None = None, now: datetime
) -> Stats:
    """The days from `since` to `until`, both included; without them the last 30. Raises Invalid for more than a year."""
    timezone = (await get_workspace(session, access)).timezone
    last = until or now.astimezone(ZoneInfo(timezone)).date()
    first = since or last - timedelta(days=29)
    if not timedelta(0) <= last - first <= LONGEST:
        raise Invalid("Choose up to 366 days, the first before the last.", errors=(FieldError("since", "out of range"),))
    counts = await queries.daily(session, access.workspace_id, timezone=timezone, since=first, until=last)
    return Stats(timezone=timezone, since=first, until=last, counts=counts)


async def read_numbers(session: AsyncSession, access: Access) -> Numbers:
    """The message metrics of the home page."""
    timezone = (await get_workspace(session, access)).timezone
    found = await queries.totals(session, access.workspace_id, timezone=timezone)
    outbound = [total for status, total in found.items() if status != "received"]
    return Numbers(
        total_sent=_sum(found, *_LEFT),
        delivered=_sum(found, "delivered", "read"),
        failed=_sum(found, "failed"),
        unknown=_sum(found, "unknown"),
        waiting=_sum(found, *_WAITING),
        received=_sum(found, "received"),
        today=sum(total.today for total in outbound),
        this_week=sum(total.this_week for total in outbound),
        this_month=sum(total.this_month for total in outbound),
    )


def _sum(found: Mapping[str, Total], *statuses: str) -> int:
    return sum(found[status].n for status in statuses if status in found)


async def read_dashboard(session: AsyncSession, access: Access, *, now: datetime) -> Dashboard:
    """Everything at once; a dozen short queries whose time does not grow with the ledger."""
    recent = await campaigns.list_campaigns(session, access.workspace_id, limit=RECENT)
    ledgers = await campaigns.ledgers(session, access.workspace_id, recent)
    return Dashboard(
        numbers=await read_numbers(session, access),
        contacts=await count_contacts(session, access.workspace_id),
        groups=await queries.count_groups(session, access.workspace_id),
        default_channel=await _default_channel(session, access),
        recent_campaigns=recent,
        ledgers=ledgers,
        progresses=await campaigns.progresses(session, access, recent, ledgers, now=now),
        open_alerts=await list_alerts(session, access),
        updated_at=now,
    )


async def _default_channel(session: AsyncSession, access: Access) -> Channel | None:
    defaults = [one for one in await list_channels(session, access) if one.is_default]
    return min(defaults, key=lambda one: one.medium != "sms", default=None)
