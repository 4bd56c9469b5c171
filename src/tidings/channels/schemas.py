"""Channels, providers and alerts as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.channels.asking import KnownBalance
from tidings.channels.lifecycle import Desired, Receive, desired_of
from tidings.channels.limit_schemas import ChannelLimitsOutput, LimitsInput, LimitsOutput
from tidings.channels.models import Alert, Channel
from tidings.channels.queries import DayUse, Traffic
from tidings.channels.rules import hook_url, merged_limits, state_of
from tidings.channels.service import ChangeChannel, CreateChannel
from tidings.channels.standing import Standing
from tidings.channels.standing_schemas import ActualOutput, HealthOutput
from tidings.providers import PROVIDERS
from tidings.providers.base import Description, Limits
from tidings.settings import Settings
from tidings.workspaces.wire import Id, Money, Name, PlainText

ChannelId = Annotated[UUID, Id("chn")]
AlertId = Annotated[UUID, Id("alr")]
State = Literal["active", "disabled", "stopped"]
FieldValue = Annotated[PlainText, Field(max_length=4096)]
FieldName = Annotated[str, Field(max_length=100)]
Sender = Annotated[PlainText, Field(max_length=100, description="The number, short code or name that messages come from.")]
BaseUrl = Annotated[
    PlainText,
    Field(max_length=500, description="Another address of the provider's API, where the operator allows it; else leave it empty."),
]


class ChannelInput(BaseModel):
    """A new channel. Which fields it needs is told by `GET /providers`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "Try-out", "provider": "sandbox"},
                {
                    "name": "Twilio Nairobi",
                    "provider": "twilio",
                    "sender": "+15005550006",
                    "fields": {"account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token": "…"},
                    "limits": {"per_second": 10, "per_day": 20000},
                },
            ]
        },
    )

    name: Name
    provider: str = Field(max_length=50, examples=["sandbox"])
    medium: str | None = Field(None, max_length=50, description="Where the provider has several; without it, its first.", examples=["sms"])
    sender: Sender = ""
    fields: dict[FieldName, FieldValue] = Field({}, max_length=50, description="The provider's fields by name, secret ones included.")
    limits: LimitsInput | None = None
    api_base_url: BaseUrl = ""
    receive: Receive | None = Field(
        None, description="How what comes in is taken. Left out: by the hook, or by polling where this installation has no public address."
    )
    is_default: bool | None = Field(
        None, description="Whether messages go by it when no channel is named. Left out: if its medium has no default yet."
    )

    def command(self) -> CreateChannel:
        return CreateChannel(
            name=self.name, provider=self.provider, fields=self.fields, medium=self.medium, sender=self.sender.strip(),
            limits=self.limits.own() if self.limits else {}, api_base_url=self.api_base_url.strip().rstrip("/"),
            receive=self.receive, is_default=self.is_default,
        )  # fmt: skip


class ChannelChange(BaseModel):
    """What is to change. What is left out stays, secrets too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Twilio main", "limits": {"per_second": 40}}]})

    name: Name | None = None
    sender: Sender | None = None
    fields: dict[FieldName, FieldValue | None] = Field(
        {}, max_length=50, description="An empty text clears a field; null leaves it as it is."
    )
    limits: LimitsInput | None = Field(None, description="Replaces all limits of its own; `{}` goes back to the provider's.")
    api_base_url: BaseUrl | None = None
    receive: Receive | None = Field(None, description="Takes effect within seconds; nothing that waits at the provider is lost.")

    def command(self) -> ChangeChannel:
        return ChangeChannel(
            name=self.name,
            sender=self.sender.strip() if self.sender is not None else None,
            fields=self.fields,
            limits=self.limits.own() if self.limits is not None else None,
            api_base_url=self.api_base_url.strip().rstrip("/") if self.api_base_url is not None else None,
            receive=self.receive,
        )


class Stop(BaseModel):
    """Why the engine stopped the channel. Its messages wait."""

    code: str = Field(examples=["invalid_credentials"])
    detail: str
    at: datetime


class TrafficOutput(BaseModel):
    """Where the messages of the last 24 hours stand, and how many of all times have still to leave."""

    sent: int
    delivered: int
    failed: int
    received: int
    waiting: int


class BalanceOutput(BaseModel):
    """What the account had left, and when the provider said so."""

    balance: Money
    at: datetime

    @classmethod
    def of(cls, known: KnownBalance) -> BalanceOutput:
        return cls(balance=Money.of(known.balance.micros, known.balance.currency) or Money(amount="0.00", currency="credits"), at=known.at)


class ChannelOutput(BaseModel):
    """A channel. Its secrets are never given back."""

    id: ChannelId
    name: str
    provider: str
    medium: str
    sender: str
    fields: dict[str, str] = Field(description="The fields that are not secret.")
    secrets: dict[str, str] = Field(description="The secrets that are set, each with its last four letters where it is long enough.")
    api_base_url: str
    limits: ChannelLimitsOutput
    hook_url: str | None = Field(
        description="Where the provider is to send receipts and messages from people. Null without `channels:write`, or where this "
        "installation has no public address."
    )
    is_default: bool
    is_central: bool = Field(description="Members' personal messages went by it before they had channels of their own.")
    enabled: bool
    state: State
    receive: Receive = Field(description="How what comes in is taken: the provider calls the hook, or is asked (`polling`).")
    desired: Desired = Field(description="What its owner wants: `enabled` in other words.")
    actual: ActualOutput
    health: HealthOutput
    stop: Stop | None
    balance: BalanceOutput | None = Field(description="As last known; ask `GET /channels/{id}/balance` for a fresh one.")
    last_24_hours: TrafficOutput
    last_used_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(
        cls,
        channel: Channel,
        traffic: Traffic | None,
        standing: Standing,
        settings: Settings,
        *,
        with_hook: bool,
        day: DayUse | None = None,
    ) -> ChannelOutput:
        money = Money.of(channel.balance_micros, channel.balance_currency)
        description = PROVIDERS[channel.provider].description if channel.provider in PROVIDERS else None
        limits = merged_limits(description.limits if description else Limits(per_second=None), channel.limits)
        url = hook_url(settings.public_url, channel.hook_token)
        return cls(
            id=channel.id,
            name=channel.name,
            provider=channel.provider,
            medium=channel.medium,
            sender=channel.sender,
            fields=channel.settings,
            secrets=channel.credential_hints,
            api_base_url=channel.api_base_url,
            limits=ChannelLimitsOutput.of_channel(limits, day),
            hook_url=url if with_hook and url else None,
            is_default=channel.is_default,
            is_central=channel.is_central,
            enabled=channel.enabled,
            state=state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None),
            receive=cast("Receive", channel.receive),
            desired=desired_of(enabled=channel.enabled),
            actual=ActualOutput.of(standing.actual),
            health=HealthOutput.of(standing),
            stop=_stop(channel),
            balance=BalanceOutput(balance=money, at=channel.balance_at) if money and channel.balance_at else None,
            last_24_hours=_traffic(traffic),
            last_used_at=channel.last_used_at,
            created_at=channel.created_at,
            updated_at=channel.updated_at,
        )


def _stop(channel: Channel) -> Stop | None:
    if channel.stopped_code is None or channel.stopped_at is None:
        return None
    return Stop(code=channel.stopped_code, detail=channel.stopped_detail or "", at=channel.stopped_at)


def _traffic(traffic: Traffic | None) -> TrafficOutput:
    if traffic is None:
        return TrafficOutput(sent=0, delivered=0, failed=0, received=0, waiting=0)
    return TrafficOutput(
        sent=traffic.sent, delivered=traffic.delivered, failed=traffic.failed, received=traffic.received, waiting=traffic.waiting
    )


class CheckOutput(BaseModel):
    """What a check proved, or why it failed."""

    ok: bool
    detail: str = Field(examples=["Signed in to the Twilio account “Shop”, which is active."])
    code: str | None = Field(description="Why it failed, for programs.", examples=["invalid_credentials"])


class TestInput(BaseModel):
    """A message to try the channel with. It goes the way of every message, and costs what a message costs."""

    __test__ = False  # pytest takes the name for a test
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "+254712345678"}]})

    to: PlainText = Field(min_length=1, max_length=200)
    text: PlainText = Field("This is a test message from Tidings. Your channel works.", min_length=1, max_length=1600)


class TestOutput(BaseModel):
    """The test message; `GET /messages/{id}` tells what became of it."""

    __test__ = False
    message: Annotated[UUID, Id("msg")]


class FieldOutput(BaseModel):
    """One thing to fill in."""

    name: str
    label: str
    help: str
    secret: bool
    required: bool
    pattern: str | None
    example: str
    default: str
    choices: list[str] = Field(description="The values there are, where they are few.")
    lines: int = Field(description="How many lines its box shows; with more than one the value may hold line breaks.")
    section: str = Field(description="The part of a long form in which it stands; empty for the one that is seen first.")


class CapabilitiesOutput(BaseModel):
    """What a provider can do."""

    mediums: list[str]
    receipts: bool
    inbound: bool
    balance: bool
    max_batch: int
    max_characters: int | None
    media: list[str] = Field(description="Kinds of files it carries.", examples=[["image", "document"]])
    buttons: int = Field(description="At the most on one message.")
    replies: bool = Field(description="Can answer a given message.")
    subject: bool
    templates: bool = Field(description="Has templates of its own that it must approve.")
    window_hours: float | None = Field(
        description="Free text is taken only so long after the person's last message; null for no such window."
    )
    read_receipts: bool
    polling: bool = Field(description="Can be asked for what came in, where no hook can be called.")
    links: bool = Field(description="A person links their chat through a one-time address.")


class ProviderOutput(BaseModel):
    """A provider: what it is called, what a channel of it needs, what it can."""

    kind: str
    label: str
    summary: str
    docs_url: str
    fields: list[FieldOutput]
    sender_pattern: str | None = Field(
        description="What a channel's sender has to fit as a whole, where it is not empty; null for anything."
    )
    capabilities: CapabilitiesOutput
    limits: LimitsOutput
    senders_at_once: int | None = Field(
        description="So many channels of a workspace may send at the same moment, unless its settings say otherwise; null for any number."
    )

    @classmethod
    def of(cls, description: Description) -> ProviderOutput:
        can = description.capabilities
        return cls(
            kind=description.kind,
            label=description.label,
            summary=description.summary,
            docs_url=description.docs_url,
            fields=[
                FieldOutput(
                    name=one.name, label=one.label, help=one.help, secret=one.secret, required=one.required, pattern=one.pattern,
                    example=one.example, default=one.default, choices=list(one.choices), lines=one.lines, section=one.section,
                )
                for one in description.fields
            ],
            sender_pattern=description.sender_pattern,
            capabilities=CapabilitiesOutput(
                mediums=list(can.mediums), receipts=can.receipts, inbound=can.inbound, balance=can.balance, max_batch=can.max_batch,
                max_characters=can.max_characters, media=list(can.media), buttons=can.buttons, replies=can.replies, subject=can.subject,
                templates=can.templates, window_hours=can.window_hours, read_receipts=can.read_receipts, polling=can.polling, links=can.links,
            ),
            limits=LimitsOutput.of(description.limits),
            senders_at_once=description.senders_at_once,
        )  # fmt: skip


class ProviderList(BaseModel):
    """All providers of this installation."""

    items: list[ProviderOutput]


class AlertOutput(BaseModel):
    """Something that somebody must mend. It closes by itself once the channel works again."""

    id: AlertId
    channel: ChannelId | None
    kind: str = Field(examples=["invalid_credentials"])
    message: str
    created_at: datetime
    resolved_at: datetime | None

    @classmethod
    def of(cls, alert: Alert) -> AlertOutput:
        return cls(
            id=alert.id, channel=alert.channel_id, kind=alert.kind, message=alert.message, created_at=alert.created_at,
            resolved_at=alert.resolved_at,
        )  # fmt: skip
