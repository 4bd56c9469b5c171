"""Personal channels and one-time links as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from tidings.channels import personal
from tidings.channels.models import Channel
from tidings.channels.rules import state_of
from tidings.channels.schemas import BaseUrl, ChannelId, FieldName, FieldValue, State, Stop
from tidings.workspaces.wire import Name, PlainText

if TYPE_CHECKING:
    from tidings.channels.asking import Check
    from tidings.channels.linking import Link

TEST_TEXT = "This is a test message from Tidings, to you alone. Your channel works."


class PersonalInput(BaseModel):
    """A channel of one's own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"provider": "telegram", "fields": {"bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"}}]
        },
    )

    provider: str = Field(max_length=50, examples=["telegram"])
    fields: dict[FieldName, FieldValue] = Field({}, max_length=50, description="The provider's fields by name, secret ones included.")
    name: Name | None = Field(None, description="What you call it; left out, the provider's name.")
    api_base_url: BaseUrl = ""

    def command(self) -> personal.CreatePersonal:
        return personal.CreatePersonal(
            provider=self.provider, fields=self.fields, name=self.name or "", api_base_url=self.api_base_url.strip().rstrip("/")
        )


class PersonalChange(BaseModel):
    """What is to change. What is left out stays, secrets too."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"fields": {"bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"}}, {"name": "My bot"}]},
    )

    name: Name | None = None
    fields: dict[FieldName, FieldValue | None] = Field(
        {}, max_length=50, description="An empty text clears a field; null leaves it as it is. The provider is asked before they are kept."
    )

    def command(self) -> personal.ChangePersonal:
        return personal.ChangePersonal(name=self.name, fields=self.fields)


class PersonalOutput(BaseModel):
    """A channel of one's own. Nobody else in the workspace sees more of it than that it is there."""

    id: ChannelId
    name: str
    provider: str
    medium: str
    secrets: dict[str, str] = Field(description="The secrets that are set, each with its last four letters where it is long enough.")
    enabled: bool
    state: State
    stop: Stop | None
    linked: bool = Field(description="Whether your own chat is linked to it.")
    linked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, channel: Channel) -> PersonalOutput:
        stop = None
        if channel.stopped_code is not None and channel.stopped_at is not None:
            stop = Stop(code=channel.stopped_code, detail=channel.stopped_detail or "", at=channel.stopped_at)
        return cls.model_validate({
            "id": channel.id, "name": channel.name, "provider": channel.provider, "medium": channel.medium,
            "secrets": channel.credential_hints, "enabled": channel.enabled,
            "state": state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None), "stop": stop,
            "linked": channel.owner_address is not None, "linked_at": channel.owner_linked_at, "last_used_at": channel.last_used_at,
            "created_at": channel.created_at,
        })  # fmt: skip


class NewPersonalOutput(PersonalOutput):
    """A new channel of one's own, and what its provider said of it."""

    check: str = Field(examples=["The bot @shop_bot answers."], description="What was proved, or why it could not be proved just now.")
    checked: bool

    @classmethod
    def with_check(cls, channel: Channel, check: Check) -> NewPersonalOutput:
        return cls.model_validate({**PersonalOutput.of(channel).model_dump(), "check": check.detail, "checked": check.ok})


class ChangedPersonalOutput(PersonalOutput):
    """A changed channel of one's own, and what its provider said of its new fields."""

    check: str | None = Field(
        examples=["The bot @shop_bot answers."],
        description="What was proved, or why it could not be proved just now; null without new fields.",
    )
    checked: bool | None

    @classmethod
    def with_check(cls, channel: Channel, check: Check | None) -> ChangedPersonalOutput:
        said = {"check": check.detail, "checked": check.ok} if check else {"check": None, "checked": None}
        return cls.model_validate({**PersonalOutput.of(channel).model_dump(), **said})


class OwnCentralOutput(BaseModel):
    """An old address of one's own on a central channel of the workspace."""

    channel: ChannelId
    medium: str
    address: str
    moved: bool = Field(description="Whether you have a channel of your own for this medium by now that is on and linked.")
    kept_at: datetime


class PersonalList(BaseModel):
    """One's own channels, the oldest first, and where one is still on a central one."""

    items: list[PersonalOutput]
    central_addresses: list[OwnCentralOutput] = Field(
        description="Where `moved` is false, your messages still go by the workspace's central channel: set up one of your own."
    )


class LinkInput(BaseModel):
    """By which channel the person is to be linked."""

    model_config = ConfigDict(extra="forbid")

    channel: ChannelId


class LinkOutput(BaseModel):
    """A link that works once."""

    url: str = Field(examples=["https://t.me/shop_bot?start=Xk3v9mQ2"], description="Hand it to the person alone: who opens it is linked.")
    expires_at: datetime

    @classmethod
    def of(cls, link: Link) -> LinkOutput:
        return cls(url=link.url, expires_at=link.expires_at)


class SelfTestInput(BaseModel):
    """A message to oneself."""

    model_config = ConfigDict(extra="forbid")

    text: PlainText = Field(TEST_TEXT, min_length=1, max_length=1600)
