"""The rows of a ledger and the look ahead, as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tidings.campaigns.ledger import Recipient
from tidings.campaigns.preview import Parts, Preview, Rendered, Way
from tidings.campaigns.schemas import AudienceInput, CampaignText, ChannelId, ContactId
from tidings.messages.content_schemas import ContentFields
from tidings.messages.service import Price
from tidings.routes.schemas import RouteId
from tidings.ui.words import find_reason, find_word
from tidings.workspaces.wire import Id, Moment, Money, Page

MessageId = Annotated[UUID, Id("msg")]
LedgerWord = Literal["delivered", "read", "sent", "failed", "unknown", "suppressed", "cancelled", "expired", "waiting"]


class RecipientOutput(BaseModel):
    """What became of one recipient."""

    message: MessageId
    contact: ContactId | None
    name: str
    address: str
    status: str
    meaning: str
    reason: str | None = Field(description="Why it failed or was not sent.", examples=["opted_out", "unreachable"])
    reason_meaning: str | None
    detail: str | None = Field(description="What the provider said.")
    attempt_count: int
    possible_duplicate: bool
    segments: int | None
    cost: Money | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    settled_at: datetime | None

    @classmethod
    def of(cls, one: Recipient) -> RecipientOutput:
        reason = one.suppression or one.error_code
        return cls(
            message=one.id, contact=one.contact_id, name=one.name, address=one.address, status=one.status,
            meaning=find_word("message", one.status).meaning, reason=reason, reason_meaning=find_reason(reason).meaning if reason else None,
            detail=one.error_detail, attempt_count=one.attempt, possible_duplicate=one.possible_duplicate, segments=one.segments,
            cost=Money.of(one.cost_micros, one.cost_currency), sent_at=one.sent_at, delivered_at=one.delivered_at, read_at=one.read_at,
            settled_at=one.settled_at,
        )  # fmt: skip


class RecipientPage(Page[RecipientOutput]):
    """Recipients in the order in which they were taken on."""


class PreviewInput(ContentFields):
    """A campaign that is not one yet. What goes with the text decides, by a route, which steps can take it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Hello {{ first_name }}, our sale begins today.", "audience": {"all": True}}]},
    )

    text: Annotated[CampaignText, Field(min_length=1)]
    audience: AudienceInput
    channel: ChannelId | None = None
    route: RouteId | None = Field(None, description="Instead of a channel; `ways` then says by which channel how many begin.")
    scheduled_at: Moment | None = None

    @model_validator(mode="after")
    def _one_way(self) -> PreviewInput:
        if self.channel is not None and self.route is not None:
            raise ValueError("Name a channel or a route, not both")
        return self


class SampleOutput(BaseModel):
    """The text of one recipient, or why it cannot be made."""

    contact: ContactId
    name: str
    address: str
    text: str | None
    segments: int | None
    problem: str | None

    @classmethod
    def of(cls, one: Rendered) -> SampleOutput:
        return cls(contact=one.contact_id, name=one.name, address=one.address, text=one.text, segments=one.segments, problem=one.problem)


class SegmentsOutput(BaseModel):
    """What the text costs in SMS parts."""

    smallest: int = Field(description="Parts of the shortest text.")
    largest: int
    total: int = Field(description="Over the whole audience.")
    is_exact: bool = Field(description="False where `total` is carried over from a sample.")
    encoding: Literal["GSM-7", "UCS-2"] = Field(description="Of the dearest text: a part holds 160 characters of GSM-7 but 70 of UCS-2.")
    ucs2_characters: list[str] = Field(description="The characters that force UCS-2.", examples=[["’", "😀"]])

    @classmethod
    def of(cls, parts: Parts) -> SegmentsOutput:
        return cls(
            smallest=parts.smallest, largest=parts.largest, total=parts.total, is_exact=parts.is_exact, encoding=parts.encoding,
            ucs2_characters=list(parts.unsupported),
        )  # fmt: skip


class CostOutput(BaseModel):
    """What it should cost, by what this channel's latest messages cost."""

    estimate: Money
    per_segment: Money
    messages: int = Field(description="How many messages the price was taken from.")

    @classmethod
    def of(cls, price: Price | None, units: int) -> CostOutput | None:
        if price is None:
            return None
        estimate = Money.of(round(price.micros * units), price.currency)
        each = Money.of(round(price.micros), price.currency)
        return None if estimate is None or each is None else cls(estimate=estimate, per_segment=each, messages=price.messages)


class WayOutput(BaseModel):
    """Those whom one channel of a route would write to first."""

    channel: ChannelId
    medium: str
    recipients: int = Field(description="The opted-out ones among them.")
    opted_out: int
    to_send: int

    @classmethod
    def of(cls, one: Way) -> WayOutput:
        return cls(channel=one.channel_id, medium=one.medium, recipients=one.recipients, opted_out=one.opted_out, to_send=one.to_send)


class PreviewOutput(BaseModel):
    """What a campaign would come to."""

    channel: ChannelId = Field(description="Of a route, the first that somebody begins at.")
    ways: list[WayOutput] = Field(description="Of a route: by which channel how many begin. Empty without one.")
    recipients: int = Field(description="Addresses in the audience, the opted-out ones among them.")
    opted_out: int = Field(description="Of these, who will be suppressed.")
    without_address: int = Field(description="Contacts who have no address on this channel's medium: not reached, not counted above.")
    to_send: int
    variables: list[str] = Field(description="What the text asks of each contact.")
    segments: SegmentsOutput | None
    samples: list[SampleOutput]
    sampled: int = Field(description="How many recipients' texts were made for this look ahead.")
    unrenderable_count: int = Field(description="Of those, for how many the text cannot be made: they would end as failed.")
    unrenderable: list[SampleOutput] = Field(description="The first of them, with what they lack.")
    per_second: float | None = Field(description="The channel's pace; null where it has none.")
    finish_at: datetime | None = Field(description="When the last one would leave; null on a channel without a pace.")
    cost: CostOutput | None = Field(description="null until this channel's provider has told what a message costs.")

    @classmethod
    def of(cls, preview: Preview) -> PreviewOutput:
        return cls(
            channel=preview.channel_id,
            ways=[WayOutput.of(one) for one in preview.ways],
            recipients=preview.audience.recipients,
            opted_out=preview.audience.opted_out,
            without_address=preview.audience.without_address,
            to_send=preview.to_send,
            variables=list(preview.variables),
            segments=SegmentsOutput.of(preview.parts) if preview.parts else None,
            samples=[SampleOutput.of(one) for one in preview.samples],
            sampled=preview.sampled,
            unrenderable_count=preview.unrenderable_count,
            unrenderable=[SampleOutput.of(one) for one in preview.unrenderable],
            per_second=preview.per_second,
            finish_at=preview.finish_at,
            cost=CostOutput.of(preview.price, preview.parts.total if preview.parts else preview.to_send),
        )
