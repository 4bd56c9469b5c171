"""A channel's limits as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidings.channels.queries import DayUse
from tidings.providers.base import Limits

Counted = Literal["messages", "recipients"]


class RecipientPaceInput(BaseModel):
    """How fast one and the same recipient may be written to."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=1, le=1000, description="So many messages …", examples=[20])
    seconds: float = Field(ge=0.1, le=3600, description="… in any so many seconds.", examples=[60])
    groups: bool = Field(False, description="Holds for group chats alone.")


class LimitsInput(BaseModel):
    """How fast the channel may go. What is left out is the provider's own."""

    model_config = ConfigDict(extra="forbid")

    per_second: float | None = Field(None, ge=0.01, le=10_000, description="Messages a second; null for no pace at all.", examples=[10])
    burst: int = Field(1, ge=1, le=10_000, description="Messages that may leave at once after a rest. With jitter nothing does.")
    concurrency: int = Field(16, ge=1, le=512, description="Requests under way at once.")
    per_recipient: Annotated[list[RecipientPaceInput], Field(max_length=5)] | None = Field(
        None, description="How fast one recipient may be written to; all of them hold. Null for no such pace.",
        examples=[[{"count": 1, "seconds": 1}, {"count": 20, "seconds": 60, "groups": True}]],
    )  # fmt: skip
    per_day: int | None = Field(
        None, ge=1, le=10_000_000, description="At the most in any 24 hours; null for no cap. What leaves from now on is counted.",
        examples=[250],
    )  # fmt: skip
    per_day_counts: Counted = Field("messages", description="What `per_day` counts: every message, or each recipient once.")
    jitter_seconds: float = Field(
        0, ge=0, le=300, description="A random wait up to so long is added to each gap between two messages.", examples=[2]
    )

    def own(self) -> dict[str, Any]:
        """What is given, to be kept on the channel."""
        return self.model_dump(exclude_unset=True)


class LimitsOutput(BaseModel):
    """How fast it goes."""

    per_second: float | None = Field(description="Messages a second; null for no pace at all.")
    burst: int
    concurrency: int
    per_recipient: list[RecipientPaceInput] = Field(description="How fast one recipient may be written to; all of them hold.")
    per_day: int | None = Field(description="At the most in any 24 hours; null for no cap.")
    per_day_counts: Counted
    jitter_seconds: float

    @classmethod
    def of(cls, limits: Limits) -> LimitsOutput:
        return cls(**_values(limits))


class DayOutput(BaseModel):
    """Where the channel stands in its rolling 24 hours."""

    used: int = Field(description="Messages or recipients (`per_day_counts`) of the last 24 hours.")
    cap: int
    free_at: datetime | None = Field(description="Where the cap is reached: when the next place is free. What waits goes on then.")


class ChannelLimitsOutput(LimitsOutput):
    """How fast the channel goes."""

    day: DayOutput | None = Field(description="Null where there is no cap on the day.")

    @classmethod
    def of_channel(cls, limits: Limits, day: DayUse | None) -> ChannelLimitsOutput:
        told = None
        if limits.per_day is not None:
            used = day.used if day is not None else 0
            told = DayOutput(used=used, cap=limits.per_day, free_at=day.free_at(limits.per_day) if day is not None else None)
        return cls(**_values(limits), day=told)


def _values(limits: Limits) -> dict[str, Any]:
    return {
        "per_second": limits.per_second,
        "burst": limits.burst,
        "concurrency": limits.concurrency,
        "per_recipient": [
            RecipientPaceInput.model_construct(count=one.count, seconds=one.seconds, groups=one.groups) for one in limits.per_recipient
        ],
        "per_day": limits.per_day,
        "per_day_counts": limits.per_day_counts,
        "jitter_seconds": limits.jitter_seconds,
    }
