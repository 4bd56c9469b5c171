"""How a channel fares as JSON shows it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from tidings.channels.lifecycle import Actual, ActualState, Health
from tidings.channels.standing import Standing


class ActualOutput(BaseModel):
    """How the channel really fares."""

    state: ActualState = Field(
        description="`starting`: a worker takes it up. `degraded`: it should go, and something is wrong just now. `failed`: stopped by a "
        "fault that somebody must mend."
    )
    since: datetime
    detail: str

    @classmethod
    def of(cls, actual: Actual) -> ActualOutput:
        return cls(state=actual.state, since=actual.since, detail=actual.detail)


class HealthOutput(BaseModel):
    """What the last probe proved: a free round trip to the provider, every few minutes and at once after failures."""

    state: Health
    checked_at: datetime | None
    latency_ms: int | None
    detail: str

    @classmethod
    def of(cls, standing: Standing) -> HealthOutput:
        return cls(
            state=standing.health, checked_at=standing.checked_at, latency_ms=standing.latency_ms, detail=standing.health_detail
        )  # fmt: skip
