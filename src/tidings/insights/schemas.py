"""Numbers as JSON shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from tidings.campaigns.schemas import CampaignOutput
from tidings.channels.models import Alert, Channel
from tidings.insights.service import Dashboard, Numbers, Stats
from tidings.workspaces.wire import Id, Money

ChannelId = Annotated[UUID, Id("chn")]


class CountOutput(BaseModel):
    """So many messages of a day, by a channel, in a state."""

    day: date
    channel: ChannelId
    status: str = Field(examples=["delivered"])
    count: int


class StatsOutput(BaseModel):
    """Where the messages of some days stand. Each message counts once, on the day it was taken on, in the state it is in now."""

    timezone: str = Field(description="The workspace's, whose days these are.", examples=["Africa/Nairobi"])
    since: date
    until: date
    totals: dict[str, int] = Field(description="By status.", examples=[{"delivered": 980, "failed": 20}])
    items: list[CountOutput]

    @classmethod
    def of(cls, stats: Stats) -> StatsOutput:
        items = [CountOutput(day=one.day, channel=one.channel_id, status=one.status, count=one.n) for one in stats.counts]
        return cls(timezone=stats.timezone, since=stats.since, until=stats.until, totals=stats.by_status, items=items)


class NumbersOutput(BaseModel):
    """How many messages."""

    total_sent: int = Field(description="Those a provider took, whatever it said of them later.")
    delivered: int
    failed: int
    unknown: int
    waiting: int
    received: int
    today: int = Field(description="Taken on today, in any state; days are the workspace's own.")
    this_week: int = Field(description="From Monday on.")
    this_month: int

    @classmethod
    def of(cls, numbers: Numbers) -> NumbersOutput:
        return cls(
            total_sent=numbers.total_sent, delivered=numbers.delivered, failed=numbers.failed, unknown=numbers.unknown,
            waiting=numbers.waiting, received=numbers.received, today=numbers.today, this_week=numbers.this_week,
            this_month=numbers.this_month,
        )  # fmt: skip


class DefaultChannelOutput(BaseModel):
    """The channel that messages go by when none is named."""

    id: ChannelId
    name: str
    balance: Money | None = Field(description="As last told; `GET /channels/{id}/balance` asks for a fresh one.")
    balance_at: datetime | None

    @classmethod
    def of(cls, channel: Channel) -> DefaultChannelOutput:
        balance = Money.of(channel.balance_micros, channel.balance_currency)
        return cls(id=channel.id, name=channel.name, balance=balance, balance_at=channel.balance_at)


class OpenAlertOutput(BaseModel):
    """Something to mend."""

    id: Annotated[UUID, Id("alr")]
    channel: ChannelId | None
    kind: str
    message: str
    created_at: datetime

    @classmethod
    def of(cls, alert: Alert) -> OpenAlertOutput:
        return cls(id=alert.id, channel=alert.channel_id, kind=alert.kind, message=alert.message, created_at=alert.created_at)


class DashboardOutput(BaseModel):
    """A workspace at a glance."""

    messages: NumbersOutput
    contacts: int
    groups: int
    default_channel: DefaultChannelOutput | None
    recent_campaigns: list[CampaignOutput]
    open_alerts: list[OpenAlertOutput]
    updated_at: datetime

    @classmethod
    def of(cls, found: Dashboard) -> DashboardOutput:
        return cls(
            messages=NumbersOutput.of(found.numbers),
            contacts=found.contacts,
            groups=found.groups,
            default_channel=DefaultChannelOutput.of(found.default_channel) if found.default_channel else None,
            recent_campaigns=[CampaignOutput.of(one, found.ledgers[one.id], found.progresses[one.id]) for one in found.recent_campaigns],
            open_alerts=[OpenAlertOutput.of(one) for one in found.open_alerts],
            updated_at=found.updated_at,
        )
