"""A channel's configuration tried before it is saved, as JSON takes and shows it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tidings.channels.schemas import BaseUrl, ChannelId, FieldName, FieldValue, Sender
from tidings.channels.service import ChangeChannel, CreateChannel
from tidings.channels.trying import TEST_TEXT, TriedOut
from tidings.errors import FieldError, Invalid
from tidings.providers.base import Accepted, Outcome, SendFailed
from tidings.workspaces.wire import PlainText


class TryInput(BaseModel):
    """A configuration that is not saved, and whom to send one message to. It is really sent, and costs what a message costs."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "provider": "http",
                    "fields": {"send_url": "https://gateway.example/send", "body": '{"to": "{{to}}", "text": "{{text}}"}', "id_path": "id"},
                    "to": "+254712345678",
                }
            ]
        },
    )

    provider: str | None = Field(None, max_length=50, description="Of a channel that is to be made.", examples=["http"])
    channel: ChannelId | None = Field(None, description="A channel that is to be changed: what is left out is as it has it, secrets too.")
    medium: str | None = Field(None, max_length=50, examples=["sms"])
    sender: Sender | None = None
    fields: dict[FieldName, FieldValue | None] = Field({}, max_length=50)
    api_base_url: BaseUrl | None = None
    to: PlainText = Field(min_length=1, max_length=200)
    text: PlainText = Field(TEST_TEXT, min_length=1, max_length=1600)

    def command(self) -> CreateChannel | ChangeChannel:
        """What would be saved. Raises Invalid where it is neither a new channel nor one that there is."""
        sender = self.sender.strip() if self.sender is not None else None
        base = self.api_base_url.strip().rstrip("/") if self.api_base_url is not None else None
        if (self.provider is None) == (self.channel is None):
            fault = FieldError("provider", "is needed for a new channel, and `channel` for one that there is: exactly one of them")
            raise Invalid("Say what is to be tried: a new channel or one that there is. Nothing was sent.", errors=(fault,))
        if self.provider is None:
            return ChangeChannel(sender=sender, fields=self.fields, api_base_url=base)
        given = {name: value for name, value in self.fields.items() if value is not None}
        return CreateChannel(
            name="", provider=self.provider, fields=given, medium=self.medium, sender=sender or "", api_base_url=base or ""
        )

    @property
    def channel_id(self) -> UUID | None:
        return self.channel


class OutcomeOutput(BaseModel):
    """What Tidings would make of a message that was answered so."""

    kind: Literal["accepted", "failed", "unknown"]
    provider_message_id: str | None = Field(description="By which the service knows it, where it was accepted.")
    code: str | None
    detail: str | None
    retryable: bool = Field(description="Whether it would be tried again.")

    @classmethod
    def of(cls, outcome: Outcome) -> OutcomeOutput:
        match outcome:
            case Accepted():
                return cls(kind="accepted", provider_message_id=outcome.provider_message_id, code=None, detail=None, retryable=False)
            case SendFailed():
                return cls(kind="failed", provider_message_id=None, code=outcome.code, detail=outcome.detail, retryable=outcome.retryable)
            case _:
                return cls(kind="unknown", provider_message_id=None, code=outcome.code, detail=outcome.detail, retryable=False)


class TryOutput(BaseModel):
    """One request that was really sent. Secrets are stood in for."""

    ok: bool = Field(description="Whether the message was accepted.")
    to: str
    request: str = Field(description="As it left: method and address, headers, an empty line, the body. Empty where none could be made.")
    answer: str | None = Field(description="The same way, long ones shortened; null where no whole answer came.")
    outcome: OutcomeOutput

    @classmethod
    def of(cls, done: TriedOut) -> TryOutput:
        tried = done.tried
        return cls(ok=done.ok, to=done.to, request=tried.request, answer=tried.answer, outcome=OutcomeOutput.of(tried.outcome))
