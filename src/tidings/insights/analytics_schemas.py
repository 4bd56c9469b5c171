"""How channels do, as JSON shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.insights.analytics import Analytics, ChannelNumbers, Spread
from tidings.workspaces.wire import Id, Money

ChannelId = Annotated[UUID, Id("chn")]


class SpreadOutput(BaseModel):
    """Percentiles; null where nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None

    @classmethod
    def of(cls, spread: Spread) -> SpreadOutput:
        return cls(p50=spread.p50, p90=spread.p90, p99=spread.p99)


class BucketOutput(BaseModel):
    """The messages made in one hour, day or week, where they stand now."""

    begins_at: datetime
    by_status: dict[str, int]


class ErrorCountOutput(BaseModel):
    """An error and how many requests ended with it."""

    code: str
    provider_code: str | None
    count: int


class ChannelAnalyticsOutput(BaseModel):
    """One channel over the time."""

    channel: ChannelId
    name: str
    provider: str
    medium: str
    by_status: dict[str, int]
    success_rate: float | None = Field(
        description="Of the messages that left or ended as `failed` or `unknown`, the share that the provider took."
    )
    buckets: list[BucketOutput]
    attempts: int
    accepted: int
    failed: int
    uncertain: int
    answer_ms: SpreadOutput = Field(description="How long the provider took to answer a request.")
    arrival_seconds: SpreadOutput = Field(description="From when the provider took a message to when it arrived.")
    errors: list[ErrorCountOutput]
    cost: list[Money]

    @classmethod
    def of(cls, one: ChannelNumbers) -> ChannelAnalyticsOutput:
        rate = one.success_rate
        money = [Money.of(micros, currency) for currency, micros in sorted(one.cost_micros.items())]
        return cls(
            channel=one.channel.id, name=one.channel.name, provider=one.channel.provider, medium=one.channel.medium,
            by_status=one.by_status, success_rate=None if rate is None else round(rate, 4),
            buckets=[BucketOutput(begins_at=at, by_status=counts) for at, counts in sorted(one.buckets.items())],
            attempts=one.attempts, accepted=one.accepted, failed=one.failed, uncertain=one.uncertain,
            answer_ms=SpreadOutput.of(one.answer_ms), arrival_seconds=SpreadOutput.of(one.arrival_seconds),
            errors=[ErrorCountOutput(code=each.code, provider_code=each.provider_code or None, count=each.n) for each in one.errors],
            cost=[each for each in money if each is not None],
        )  # fmt: skip


class AnalyticsOutput(BaseModel):
    """What was asked, and how the channels did."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: datetime = Field(alias="from")
    to: datetime
    bucket: Literal["hour", "day", "week"]
    timezone: str = Field(description="On whose clock days and weeks begin: the workspace's.")
    complete: bool = Field(
        description="Whether times, errors and costs are of all messages of the time. Where it has more than 200,000, they are of the latest."
    )
    channels: list[ChannelAnalyticsOutput]

    @classmethod
    def of(cls, found: Analytics) -> AnalyticsOutput:
        return cls(
            from_=found.since, to=found.until, bucket=found.bucket, timezone=found.timezone, complete=found.complete,
            channels=[ChannelAnalyticsOutput.of(one) for one in found.channels],
        )  # fmt: skip
