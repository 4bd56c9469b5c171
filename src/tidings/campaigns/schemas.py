"""Campaigns as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import Ledger, Progress
from tidings.campaigns.service import CampaignInput as Wanted
from tidings.contacts.service import Audience
from tidings.messages.content_schemas import ContentFields
from tidings.routes.schemas import RouteId
from tidings.ui.words import find_word
from tidings.workspaces.wire import Id, Moment, Name, Page, PlainText

CampaignId = Annotated[UUID, Id("cmp")]
ChannelId = Annotated[UUID, Id("chn")]
GroupId = Annotated[UUID, Id("grp")]
ContactId = Annotated[UUID, Id("con")]
Delivery = Literal["at_least_once", "at_most_once"]
CampaignStatusWord = Literal["draft", "scheduled", "launching", "sending", "paused", "done", "cancelled"]
CampaignText = Annotated[
    PlainText,
    Field(
        max_length=10_000,
        description="May be left out where media or a template speaks. May hold `{{ name }}`, `{{ first_name }}`, `{{ last_name }}`, `{{ phone }}` and the contact's attributes, with "
        "filters such as `|default('there')`.",
        examples=["Hello {{ first_name|default('there') }}, our sale begins today."],
    ),
]
Validity = Annotated[int, Field(ge=1, le=30 * 86400, description="What could not leave so long after the launch is not sent (`expired`).")]


class AudienceInput(BaseModel):
    """Who is meant. Everybody counts once, however many of the groups they are in."""

    model_config = ConfigDict(extra="forbid")

    all: bool = Field(default=False, description="Every contact of the workspace.")
    groups: list[GroupId] = Field([], max_length=1000)
    contacts: list[ContactId] = Field([], max_length=10_000)

    def audience(self) -> Audience:
        return Audience(all=self.all, groups=tuple(dict.fromkeys(self.groups)), contacts=tuple(dict.fromkeys(self.contacts)))


class CampaignInput(ContentFields):
    """A new campaign: a draft, one that goes out at its time, or one that goes out at once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Sale",
                    "text": "Hello {{ first_name|default('there') }}, our sale begins today.",
                    "audience": {"all": True},
                    "send_now": True,
                },
                {"name": "Reminder", "text": "See you tomorrow.", "audience": {"groups": []}, "scheduled_at": "2026-12-01T09:00:00+03:00"},
            ]
        },
    )

    name: Name
    text: CampaignText = ""
    audience: AudienceInput
    channel: ChannelId | None = Field(None, description="Without it and without a route, the default SMS channel.")
    route: RouteId | None = Field(
        None, description="Instead of a channel: chooses one for each contact, who then counts once however many channels are tried."
    )
    scheduled_at: Moment | None = Field(None, description="When it goes out by itself.")
    send_now: bool = Field(default=False, description="Launch it in the same step.")
    valid_for_seconds: Validity | None = None
    delivery: Delivery = Field(
        "at_most_once",
        description="When it is not known whether a send went through: `at_most_once` never repeats it and ends as `unknown`, "
        "`at_least_once` sends again and marks the message as a possible duplicate.",
    )

    @model_validator(mode="after")
    def _one_time(self) -> CampaignInput:
        if self.send_now and self.scheduled_at is not None:
            raise ValueError("Choose send_now or scheduled_at, not both")
        if self.channel is not None and self.route is not None:
            raise ValueError("Name a channel or a route, not both")
        return self

    def wanted(self) -> Wanted:
        return Wanted(
            name=self.name, text=self.text, content=self.content(), audience=self.audience.audience(), channel_id=self.channel, route_id=self.route,
            scheduled_at=self.scheduled_at,
            validity_seconds=self.valid_for_seconds, delivery=self.delivery,
        )  # fmt: skip


class CampaignChange(ContentFields):
    """What is to change; what is left out stays. `scheduled_at: null` makes it a draft again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 1, "text": "Hello {{ first_name }}, …"}]})

    version: int | None = Field(None, ge=1, description="The version you saw; the header `If-Match` does the same.")
    name: Name | None = None
    text: CampaignText | None = None
    audience: AudienceInput | None = None
    channel: ChannelId | None = None
    route: RouteId | None = Field(None, description="A channel named here takes the place of a route.")
    scheduled_at: Moment | None = None
    valid_for_seconds: Validity | None = None
    delivery: Delivery | None = None

    def applied_to(self, campaign: Campaign) -> Wanted:
        given = self.model_fields_set
        return Wanted(
            name=self.name or campaign.name,
            text=campaign.text if self.text is None else self.text,
            content=self.content_over(campaign.content),
            audience=self.audience.audience() if self.audience else msgspec.convert(campaign.audience, Audience),
            channel_id=self.channel or campaign.channel_id,
            route_id=self.route or (None if self.channel else campaign.route_id),
            scheduled_at=self.scheduled_at if "scheduled_at" in given else campaign.scheduled_at,
            validity_seconds=self.valid_for_seconds if "valid_for_seconds" in given else campaign.validity_seconds,
            delivery=self.delivery or _delivery(campaign),
        )


def _delivery(campaign: Campaign) -> Delivery:
    return "at_least_once" if campaign.delivery == "at_least_once" else "at_most_once"


class ResendInput(BaseModel):
    """Who is to be sent to again."""

    model_config = ConfigDict(extra="forbid")

    statuses: list[Literal["failed", "unknown"]] = Field(min_length=1, max_length=2, examples=[["failed", "unknown"]])


class LedgerOutput(BaseModel):
    """What became of every recipient: `accepted` is the sum of the others, at every moment."""

    accepted: int
    delivered: int = Field(description="Those who read it among them.")
    sent: int = Field(description="With the provider; whether they arrived has not been told.")
    failed: int
    unknown: int
    suppressed: int
    cancelled: int
    expired: int
    waiting: int
    balances: bool = Field(description="Whether the sum is right. It always is; if it ever is not, somebody is missing.")

    @classmethod
    def of(cls, ledger: Ledger) -> LedgerOutput:
        return cls(
            accepted=ledger.accepted, delivered=ledger.delivered, sent=ledger.sent, failed=ledger.failed, unknown=ledger.unknown,
            suppressed=ledger.suppressed, cancelled=ledger.cancelled, expired=ledger.expired, waiting=ledger.waiting,
            balances=ledger.balances,
        )  # fmt: skip


class ProgressOutput(BaseModel):
    """How far it is and how it goes on."""

    fraction: float = Field(description="Of those accepted so far, how many no longer wait: 0 to 1.")
    per_second: float = Field(description="Messages that left in a second, lately.")
    finish_at: datetime | None = Field(description="When the last one should have left; null when that cannot be said.")

    @classmethod
    def of(cls, progress: Progress) -> ProgressOutput:
        return cls(fraction=round(progress.fraction, 4), per_second=round(progress.per_second, 2), finish_at=progress.finish_at)


class AudienceOutput(BaseModel):
    """Who is meant. Of a campaign that sends again: those of the earlier one who ended like this."""

    all: bool
    groups: list[GroupId]
    contacts: list[ContactId]
    resend_statuses: list[str] | None

    @classmethod
    def of(cls, audience: dict[str, Any]) -> AudienceOutput:
        return cls.model_validate(
            {
                "all": audience.get("all", False),
                "groups": [UUID(one) for one in audience.get("groups", [])],
                "contacts": [UUID(one) for one in audience.get("contacts", [])],
                "resend_statuses": audience["resend"]["statuses"] if "resend" in audience else None,
            }
        )


class CampaignOutput(BaseModel):
    """A campaign, its ledger and its progress."""

    id: CampaignId
    name: str
    text: str
    content: dict[str, Any] | None = Field(description="What goes with the text: `media`, `buttons`, `template`, `subject`.")
    audience: AudienceOutput
    channel: ChannelId = Field(description="Of a campaign that goes by a route, the first of it.")
    route: RouteId | None
    status: CampaignStatusWord
    meaning: str = Field(description="The status in a sentence.")
    scheduled_at: datetime | None
    valid_for_seconds: int | None
    delivery: Delivery
    resend_of: CampaignId | None
    ledger: LedgerOutput
    progress: ProgressOutput
    version: int = Field(description="Grows with every change; hand it back to change only what you saw.")
    created_by: str
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None
    paused_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, one: Campaign, ledger: Ledger, progress: Progress) -> CampaignOutput:
        return cls.model_validate(
            {
                "id": one.id, "name": one.name, "text": one.text, "content": one.content, "audience": AudienceOutput.of(one.audience), "channel": one.channel_id,
                "route": one.route_id, "status": str(one.status), "meaning": find_word("campaign", one.status).meaning, "scheduled_at": one.scheduled_at,
                "valid_for_seconds": one.validity_seconds, "delivery": one.delivery, "resend_of": one.resend_of,
                "ledger": LedgerOutput.of(ledger), "progress": ProgressOutput.of(progress), "version": one.version,
                "created_by": one.created_by, "created_at": one.created_at, "updated_at": one.updated_at,
                "launched_at": one.launched_at, "paused_at": one.paused_at, "finished_at": one.finished_at,
            }
        )  # fmt: skip


class CampaignPage(Page[CampaignOutput]):
    """Campaigns, the newest first."""
