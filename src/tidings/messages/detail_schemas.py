"""One message with all that happened to it, as JSON shows it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from tidings.messages.models import Attempt, Message
from tidings.messages.schemas import ChannelId, MessageId, MessageOutput, StatusWord, message_fields
from tidings.messages.service import Shown
from tidings.routes.rules import is_double

if TYPE_CHECKING:
    from tidings.messages.timeline import Story


class AttemptOutput(BaseModel):
    """One request to the provider."""

    number: int
    channel: ChannelId
    outcome: Literal["accepted", "failed", "uncertain", "not_sent"]
    code: str | None
    provider_code: str | None
    detail: str | None
    provider_message_id: str | None
    latency_ms: int | None
    at: datetime

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptOutput:
        return cls(
            number=attempt.number, channel=attempt.channel_id, outcome=attempt.outcome, code=attempt.code,
            provider_code=attempt.provider_code, detail=attempt.detail, provider_message_id=attempt.provider_message_id,
            latency_ms=attempt.latency_ms, at=attempt.at,
        )  # fmt: skip


class SkippedOutput(BaseModel):
    """A channel of the route that was passed over."""

    channel: ChannelId
    reason: Literal["no_address", "unsupported", "template_required", "channel_off", "channel_stopped", "channel_resting"]


class TryOutput(BaseModel):
    """One try for a recipient, by one channel of the route."""

    message: MessageId
    channel: ChannelId
    medium: str
    to: str
    status: StatusWord
    counted: bool = Field(description="Whether it is the one that speaks for the recipient: in the campaign's sums, only it is counted.")
    error_code: str | None
    skipped: list[SkippedOutput] = Field(description="The channels that were passed over when this one was chosen.")
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    settled_at: datetime | None

    @classmethod
    def of(cls, one: Message) -> TryOutput:
        skipped = [{"channel": UUID(each["channel"]), "reason": each["reason"]} for each in one.skipped or []]
        return cls.model_validate(
            {
                "message": one.id, "channel": one.channel_id, "medium": one.medium, "to": one.address, "status": one.status,
                "counted": not one.superseded, "error_code": one.error_code, "skipped": skipped, "created_at": one.created_at,
                "sent_at": one.sent_at, "delivered_at": one.delivered_at, "read_at": one.read_at, "settled_at": one.settled_at,
            }
        )  # fmt: skip


class MessageDetail(MessageOutput):
    """A message with every request that was made for it, and every try for its recipient."""

    attempts: list[AttemptOutput]
    tries: list[TryOutput] = Field(description="Of a message that goes by a route: the tries for its recipient, the first one first.")
    double_delivery: bool = Field(description="More than one of the tries arrived.")

    @classmethod
    def with_attempts(cls, shown: Shown, attempts: list[Attempt], tries: list[Message]) -> MessageDetail:
        return cls.model_validate(
            {
                **message_fields(shown),
                "attempts": [AttemptOutput.of(one) for one in attempts],
                "tries": [TryOutput.of(one) for one in tries],
                "double_delivery": is_double([one.status for one in tries]),
            }
        )


class StepOutput(BaseModel):
    """One thing that happened, or that is awaited."""

    at: datetime
    kind: Literal["accepted", "received", "scheduled", "attempt", "under_way", "receipt", "ended", "waiting", "other_try"]
    sentence: str = Field(examples=["Attempt 1: the provider took it as SM9c… after 132 ms."])
    attempt: int | None


class TimelineOutput(BaseModel):
    """The story of a message."""

    message: MessageId
    status: StatusWord
    summary: str = Field(examples=["It arrived, as the provider says."])
    steps: list[StepOutput]

    @classmethod
    def of(cls, message: Message, story: Story) -> TimelineOutput:
        steps = [StepOutput(at=one.at, kind=one.kind, sentence=one.sentence, attempt=one.attempt) for one in story.steps]
        return cls.model_validate({"message": message.id, "status": message.status, "summary": story.summary, "steps": steps})
