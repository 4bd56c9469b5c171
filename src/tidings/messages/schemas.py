"""Messages as JSON shows and takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tidings.core.ids import read_id
from tidings.messages.content_schemas import ContentFields
from tidings.messages.models import Message
from tidings.messages.received_schemas import ContentOutput
from tidings.messages.service import PRIORITIES, SendMessage, Shown
from tidings.routes.schemas import MessageClass, RouteId
from tidings.ui.words import find_reason, find_word
from tidings.workspaces.wire import Id, Moment, Money, Page, PlainText

if TYPE_CHECKING:
    from tidings.errors import TidingsError

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
_LONGEST_ADDRESS = 320


def _recipient(to: str | dict[str, str]) -> str | dict[str, str]:
    given = to.values() if isinstance(to, dict) else (to,)
    if not given or not all(1 <= len(one) <= _LONGEST_ADDRESS for one in given):
        raise ValueError(f"An address has 1 to {_LONGEST_ADDRESS} characters")
    return to


Recipient = PlainText | dict[Medium, PlainText]


class _Way(ContentFields):
    """By what way and how soon."""

    route: RouteId | None = Field(
        None, description="The route that chooses the channel, and the next one where that does not reach anybody."
    )
    class_: MessageClass | None = Field(
        None, alias="class", description="What kind of message it is, such as `transactional`: it goes by the route of this class."
    )
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

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(one is not None for one in (self.route, self.class_, self.channel)) > 1:
            raise ValueError("Name a route, a class or a channel: only one of them")
        if self.route is None and self.class_ is None and any(isinstance(one, dict) for one in self.recipients()):
            raise ValueError("Addresses by medium need a route or a class; otherwise give one address")
        return self

    def recipients(self) -> list[str | dict[Any, str]]:
        """Each `to`."""
        return []


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

    to: Annotated[Recipient, AfterValidator(_recipient)] = Field(
        description="A phone number, national ones in the workspace's own region, or another address of `medium`. With a route or a class "
        "also a contact's id, or addresses by medium.",
        examples=["+254712345678", "con_01jefkwpvtfg8stfjabdp7v3mz", {"whatsapp": "+254712345678", "email": "amina@shop.example"}],
    )
    text: PlainText = Field("", max_length=10_000, description="May be left out where media or a template speaks; with media, its caption.")
    reply_to: Annotated[UUID, Id("msg")] | None = Field(None, description="The message of the same channel that this one answers.")
    variables: dict[str, Any] | None = Field(
        None, max_length=100, description="Given, `text` is a template that is filled in with them; left out, it is sent as it stands."
    )
    reference: PlainText | None = Field(None, max_length=255, description="Your own name for it, to find it again.")

    def recipients(self) -> list[str | dict[Any, str]]:
        return [self.to]

    def command(self, links: bool) -> SendMessage:  # noqa: FBT001
        """`links`: whether a provider could fetch an uploaded file from this installation."""
        made = _command(self, self.to, self.text, self.variables, self.reference)
        return replace(made, reply_to=self.reply_to, links=links)


class BulkItem(BaseModel):
    """One of many messages."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[Recipient, AfterValidator(_recipient)]
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

    def recipients(self) -> list[str | dict[Any, str]]:
        return [one.to for one in self.messages]

    def commands(self, links: bool) -> list[SendMessage]:  # noqa: FBT001
        content = self.content()
        return [
            replace(_command(self, one.to, one.text or self.text, one.variables, one.reference), content=content, links=links)
            for one in self.messages
        ]


def _command(way: _Way, to: str | dict[Any, str], text: str, variables: dict[str, Any] | None, reference: str | None) -> SendMessage:
    by_route = way.route is not None or way.class_ is not None
    contact = read_id("con", to) if by_route and isinstance(to, str) else None
    return SendMessage(
        to=to if isinstance(to, str) and contact is None else "",
        contact_id=contact,
        addresses=to if isinstance(to, dict) else {},
        route_id=way.route,
        message_class=way.class_ or "",
        medium_wanted="medium" in way.model_fields_set,
        text=text,
        content=way.content(),
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
    content: ContentOutput | dict[str, Any] | None = Field(
        description="Of an inbound message, what the person sent. Of an outbound one, what it carries besides its text: `media`, `buttons`, "
        "`template`, `subject`, `reply_to`."
    )
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
    route: RouteId | None = Field(description="The route it goes by.")
    try_of: MessageId | None = Field(description="The first try for its recipient, of which this is a later one.")
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
        return cls.model_validate(message_fields(shown))


def message_fields(shown: Shown) -> dict[str, Any]:
    one = shown.message
    outbound = one.direction == "out"
    return {
        "id": one.id, "direction": one.direction, "status": one.status, "meaning": find_word("message", one.status).meaning,
        "to": one.address if outbound else None, "from": None if outbound else one.address, "medium": one.medium, "text": shown.text,
        "content": ContentOutput.of(one, shown.content) if shown.content else one.content,
        "channel": one.channel_id, "campaign": one.campaign_id, "contact": one.contact_id, "reference": one.reference,
        "delivery": one.delivery, "urgency": _URGENCIES.get(one.priority, "bulk"), "segments": one.segments,
        "cost": Money.of(one.cost_micros, one.cost_currency), "attempt_count": one.attempt, "possible_duplicate": one.possible_duplicate,
        "error": _error(shown), "suppression": _suppression(one), "resend_of": one.resend_of,
        "route": one.route_id, "try_of": one.try_of, "created_by": one.created_by,
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


class MessagePage(Page[MessageOutput]):
    """Messages, the newest first."""


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
