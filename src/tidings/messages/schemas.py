"""Messages as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.messages.models import Attempt, Message
from tidings.messages.received_schemas import ContentOutput
from tidings.messages.service import PRIORITIES, SendMessage, Shown
from tidings.ui.words import find_reason, find_word
from tidings.workspaces.wire import Id, Moment, Money, Page, PlainText

if TYPE_CHECKING:
    from tidings.errors import TidingsError
    from tidings.messages.timeline import Story

MessageId = Annotated[UUID, Id("msg")]
CampaignId = Annotated[UUID, Id("cmp")]
ContactId = Annotated[UUID, Id("con")]
ChannelId = Annotated[UUID, Id("chn")]
Medium = Literal["sms", "whatsapp", "telegram", "email", "chat"]
Delivery = Literal["at_least_once", "at_most_once"]
UrgencyWord = Literal["transactional", "normal", "bulk"]
StatusWord = Literal[
    "scheduled", "queued", "sending", "sent", "delivered", "read", "failed", "unknown", "suppressed", "cancelled", "expired", "received"
]
_URGENCIES: dict[int, UrgencyWord] = {priority: word for word, priority in PRIORITIES.items()}
BULK_LIMIT = 1000


class _Way(BaseModel):
    """By what way and how soon."""

    channel: ChannelId | None = Field(None, description="The channel to send by; without it, the default channel of `medium`.")
    medium: Medium = "sms"
    send_at: Moment | None = Field(None, description="When to send; without it, now.", examples=["2026-12-01T09:00:00+03:00"])
    valid_for_seconds: int | None = Field(
        None, ge=1, le=30 * 86400, description="A message that could not leave so long after its time is not sent any more (`expired`)."
    )
    delivery: Delivery = Field(
        "at_least_once",
        description="When it is not known whether a send went through: `at_least_once` sends again and marks the message as a "
        "possible duplicate, `at_most_once` never does and lets it end as `unknown`.",
    )
    urgency: UrgencyWord = Field("transactional", description="What leaves first when a channel has more to do than it may send.")


class MessageInput(_Way):
    """One message to one address."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"to": "+254712345678", "text": "Your code is 4711."},
                {
                    "to": "0712 345 678",
                    "text": "Hello {{ first_name|default('there') }}, order {{ order }} is on its way.",
                    "variables": {"first_name": "Amina", "order": "A-17"},
                    "reference": "order-A-17",
                    "valid_for_seconds": 3600,
                },
            ]
        },
    )

    to: PlainText = Field(min_length=1, max_length=320, description="A phone number, national ones in the workspace's own region.")
    text: PlainText = Field(min_length=1, max_length=10_000)
    variables: dict[str, Any] | None = Field(
        None, max_length=100, description="Given, `text` is a template that is filled in with them; left out, it is sent as it stands."
    )
    reference: PlainText | None = Field(None, max_length=255, description="Your own name for it, to find it again.")

    def command(self) -> SendMessage:
        return _command(self, self.to, self.text, self.variables, self.reference)


class BulkItem(BaseModel):
    """One of many messages."""

    model_config = ConfigDict(extra="forbid")

    to: PlainText = Field(min_length=1, max_length=320)
    text: PlainText | None = Field(None, min_length=1, max_length=10_000, description="Left out: the `text` that all share.")
    variables: dict[str, Any] | None = Field(None, max_length=100)
    reference: PlainText | None = Field(None, max_length=255)


class BulkInput(_Way):
    """Up to 1000 messages, each accepted or refused on its own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "text": "Hello {{ name }}, your parcel is here.",
                    "messages": [
                        {"to": "+254712345678", "variables": {"name": "Amina"}},
                        {"to": "+254712345679", "text": "Come and get it."},
                    ],
                }
            ]
        },
    )

    text: PlainText = Field("", max_length=10_000, description="For the messages without a text of their own.")
    messages: list[BulkItem] = Field(min_length=1, max_length=BULK_LIMIT)

    def commands(self) -> list[SendMessage]:
        return [_command(self, one.to, one.text or self.text, one.variables, one.reference) for one in self.messages]


def _command(way: _Way, to: str, text: str, variables: dict[str, Any] | None, reference: str | None) -> SendMessage:
    return SendMessage(
        to=to,
        text=text,
        variables=variables,
        channel_id=way.channel,
        medium=way.medium,
        reference=reference,
        send_at=way.send_at,
        validity=timedelta(seconds=way.valid_for_seconds) if way.valid_for_seconds else None,
        delivery=way.delivery,
        urgency=way.urgency,
    )


class ErrorOutput(BaseModel):
    """Why the last attempt did not succeed."""

    code: str = Field(examples=["invalid_address"], description="The same vocabulary for all providers.")
    meaning: str = Field(examples=["The number or address does not exist or cannot receive this kind of message."])
    detail: str | None = Field(description="What the provider said.")
    provider_code: str | None = Field(examples=["21211"], description="The provider's own code, for its support.")


class SuppressionOutput(BaseModel):
    """Why it was not sent, on purpose."""

    reason: str = Field(examples=["opted_out"])
    meaning: str = Field(examples=["The recipient asked not to be written to."])


class MessageOutput(BaseModel):
    """A message and where it stands."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: MessageId
    direction: Literal["out", "in"]
    status: StatusWord
    meaning: str = Field(description="The status in a sentence.", examples=["The provider says it reached the phone."])
    to: str | None = Field(description="The recipient of an outbound message.", examples=["+254712345678"])
    from_: str | None = Field(alias="from", description="The sender of an inbound message.")
    medium: str
    text: str | None = Field(description="As its recipient reads it; null where it could not be filled in.")
    content: ContentOutput | None = Field(description="What a person sent; null on outbound messages.")
    channel: ChannelId
    campaign: CampaignId | None
    contact: ContactId | None
    reference: str | None
    delivery: Delivery
    urgency: UrgencyWord
    segments: int | None = Field(description="SMS parts, once known.")
    cost: Money | None = Field(description="What the provider says it took.")
    attempt_count: int = Field(description="Requests made to the provider for it.")
    possible_duplicate: bool = Field(description="It was sent again although an earlier copy may have gone through.")
    error: ErrorOutput | None
    suppression: SuppressionOutput | None
    resend_of: MessageId | None
    created_by: str | None
    created_at: datetime
    due_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    settled_at: datetime | None = Field(description="When it came to its end, or to the provider.")

    @classmethod
    def of(cls, shown: Shown) -> MessageOutput:
        return cls.model_validate(_fields(shown))


def _fields(shown: Shown) -> dict[str, Any]:
    one = shown.message
    outbound = one.direction == "out"
    return {
        "id": one.id, "direction": one.direction, "status": one.status, "meaning": find_word("message", one.status).meaning,
        "to": one.address if outbound else None, "from": None if outbound else one.address, "medium": one.medium, "text": shown.text,
        "content": ContentOutput.of(one, shown.content) if shown.content else None,
        "channel": one.channel_id, "campaign": one.campaign_id, "contact": one.contact_id, "reference": one.reference,
        "delivery": one.delivery, "urgency": _URGENCIES.get(one.priority, "bulk"), "segments": one.segments,
        "cost": Money.of(one.cost_micros, one.cost_currency), "attempt_count": one.attempt, "possible_duplicate": one.possible_duplicate,
        "error": _error(shown), "suppression": _suppression(one), "resend_of": one.resend_of, "created_by": one.created_by,
        "created_at": one.created_at, "due_at": one.due_at, "expires_at": one.expires_at, "sent_at": one.sent_at,
        "delivered_at": one.delivered_at, "read_at": one.read_at, "settled_at": one.settled_at,
    }  # fmt: skip


def _error(shown: Shown) -> ErrorOutput | None:
    one = shown.message
    if one.error_code is None:
        return None
    return ErrorOutput(
        code=one.error_code, meaning=find_reason(one.error_code).meaning, detail=one.error_detail, provider_code=shown.provider_code
    )


def _suppression(message: Message) -> SuppressionOutput | None:
    if message.suppression is None:
        return None
    return SuppressionOutput(reason=message.suppression, meaning=find_reason(message.suppression).meaning)


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


class MessageDetail(MessageOutput):
    """A message with every request that was made for it."""

    attempts: list[AttemptOutput]

    @classmethod
    def with_attempts(cls, shown: Shown, attempts: list[Attempt]) -> MessageDetail:
        return cls.model_validate({**_fields(shown), "attempts": [AttemptOutput.of(one) for one in attempts]})


class MessagePage(Page[MessageOutput]):
    """Messages, the newest first."""


class StepOutput(BaseModel):
    """One thing that happened, or that is awaited."""

    at: datetime
    kind: Literal["accepted", "received", "scheduled", "attempt", "under_way", "receipt", "ended", "waiting"]
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


class RefusalOutput(BaseModel):
    """Why one of many was not accepted."""

    code: str
    detail: str


class BulkVerdict(BaseModel):
    """What became of one of many: an id, or an error."""

    index: int = Field(description="Its place in `messages`, from 0.")
    id: MessageId | None
    status: StatusWord | None
    error: RefusalOutput | None


class BulkOutput(BaseModel):
    """The verdict on each."""

    accepted: int
    refused: int
    items: list[BulkVerdict]

    @classmethod
    def of(cls, made: list[Message | TidingsError]) -> BulkOutput:
        items = [_verdict(index, one) for index, one in enumerate(made)]
        accepted = sum(one.id is not None for one in items)
        return cls(accepted=accepted, refused=len(items) - accepted, items=items)


def _verdict(index: int, made: Message | TidingsError) -> BulkVerdict:
    if isinstance(made, Message):
        return BulkVerdict.model_validate({"index": index, "id": made.id, "status": made.status, "error": None})
    return BulkVerdict(index=index, id=None, status=None, error=RefusalOutput(code=made.code, detail=made.detail))
