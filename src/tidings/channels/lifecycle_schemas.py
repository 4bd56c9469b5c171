"""The life of channels as JSON shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tidings.channels.activity import Activity
from tidings.channels.control import MOST_AT_ONCE, Action, Controlled
from tidings.channels.lifecycle import ActualState, Desired, Totals, desired_of
from tidings.channels.schemas import ChannelId
from tidings.workspaces.wire import Id, PlainText


class ControlInput(BaseModel):
    """What is to be done with a channel."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"action": "restart"}]})

    action: Action = Field(
        description="`start` switches it on, `stop` off, `restart` has it begin anew. One that failed must pass its check."
    )


class ManyInput(BaseModel):
    """What is to be done with many channels: those named, or all of a provider and a state."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"action": "start", "provider": "telegram", "state": "stopped"}]}
    )

    action: Action
    channels: list[ChannelId] = Field([], max_length=MOST_AT_ONCE, description="By id. Left out: by provider and state.")
    provider: PlainText | None = Field(None, max_length=50, examples=["telegram"])
    state: ActualState | None = Field(None, description="How they fare now (`actual.state`).")

    @model_validator(mode="after")
    def _says_which(self) -> ManyInput:
        if bool(self.channels) == (self.provider is not None or self.state is not None):
            raise ValueError("Name the channels, or say of which provider or state they are: one of the two")
        return self


class OneControlled(BaseModel):
    """What became of one of them."""

    channel: ChannelId
    ok: bool
    desired: Desired | None
    code: str | None = Field(description="Why it could not be done, for programs.", examples=["not_found"])
    detail: str

    @classmethod
    def of(cls, one: Controlled) -> OneControlled:
        if one.error is not None:
            return cls(channel=one.channel_id, ok=False, desired=None, code=one.error.code, detail=one.error.detail)
        return cls(
            channel=one.channel_id, ok=True, desired=desired_of(enabled=bool(one.channel and one.channel.enabled)), code=None, detail=""
        )


class ManyOutput(BaseModel):
    """What became of each."""

    done: int
    failed: int
    items: list[OneControlled]


class ActivityOutput(BaseModel):
    """One thing that happened to a channel."""

    id: Annotated[UUID, Id("act")]
    at: datetime
    kind: str = Field(
        examples=["run_failed"], description="started, stopped, restarted, changed, failed, run_failed, run_works, probe_failed, …"
    )
    detail: str

    @classmethod
    def of(cls, one: Activity) -> ActivityOutput:
        return cls(id=one.id, at=one.at, kind=one.kind, detail=one.detail)


class TotalsOutput(BaseModel):
    """How many channels there are, by what they are. What nobody has is left out of `provider` and `medium`."""

    total: int
    unhealthy: int
    provider: dict[str, int]
    medium: dict[str, int]
    desired: dict[str, int]
    actual: dict[str, int]

    @classmethod
    def of(cls, sums: Totals) -> TotalsOutput:
        return cls(
            total=sums.total, unhealthy=sums.unhealthy, provider=dict(sums.provider), medium=dict(sums.medium), desired=dict(sums.desired),
            actual=dict(sums.actual),
        )  # fmt: skip
