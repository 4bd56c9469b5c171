"""What every provider is: a description of itself, and three pure conversations with one outside service.

A provider opens no database and keeps no clock. It is given a channel's configuration and a way out (`Http`), and answers in
the outcomes below. What follows from an outcome is decided by `delivery.rules`, never here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from datetime import datetime

    from tidings.providers.http import Http


class ErrorCode(StrEnum):
    """Why a message was not taken or not delivered, in one vocabulary for all providers."""

    INVALID_ADDRESS = "invalid_address"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    OPTED_OUT = "opted_out"
    RATE_LIMITED = "rate_limited"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    INVALID_CREDENTIALS = "invalid_credentials"
    REJECTED_CONTENT = "rejected_content"
    TEMPLATE_REQUIRED = "template_required"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    INTERNAL = "internal"


CHANNEL_FATAL = frozenset({ErrorCode.INSUFFICIENT_BALANCE, ErrorCode.INVALID_CREDENTIALS})
"""Errors that are the channel's, not the recipient's: the channel stops, its queue waits, someone is told."""


# --- what is sent, and how it ended -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message ready to leave: final text, checked address."""

    id: str
    """Our opaque id (`msg_…`); handed to the provider as a reference wherever it takes one."""
    to: str
    """The address in the medium's own form: E.164 with + for phones."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider took the message and gave it an id."""

    provider_message_id: str
    status: Literal["sent", "delivered"] = "sent"
    """`delivered` only where the provider's answer already proves delivery."""
    segments: int | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFailed:
    """The provider certainly did not take the message."""

    code: ErrorCode
    detail: str
    """What the provider said, for people; never contains a credential."""
    retryable: bool = False
    retry_after: float | None = None
    """Seconds to leave the whole channel alone; such a refusal costs the message no attempt."""
    provider_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendUncertain:
    """The request left and no trustworthy answer came: the message may or may not be on its way."""

    detail: str
    code: ErrorCode = ErrorCode.TIMEOUT


Outcome = Accepted | SendFailed | SendUncertain


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Money in millionths of a currency unit: KES 0.8 is 800_000 KES."""

    micros: int
    currency: str
    """ISO 4217, or `credits` where a provider sells its own unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has left, in millionths of a unit."""

    micros: int
    currency: str


# --- what comes back --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A provider's later word on one message, in our states."""

    provider_message_id: str
    status: Literal["sent", "delivered", "read", "failed"]
    provider_status: str
    """The provider's own word, kept for people who talk to its support."""
    reference: str | None = None
    """Our id, where the provider hands it back: matches even before its own id is known."""
    code: ErrorCode | None = None
    detail: str | None = None
    at: datetime | None = None
    """When the provider says it happened (UTC); None when it does not say."""
    segments: int | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message from a person, whatever the provider."""

    provider_message_id: str
    sender: str
    """The person's address in the medium's own form."""
    recipient: str | None
    text: str
    at: datetime | None = None
    keyword: Literal["stop", "start", "help"] | None = None
    """Set only where the provider itself has read the text as such a word."""
    media: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptOut:
    """The provider tells that a person opted out at its side."""

    address: str


Callback = Receipt | Inbound | ProviderOptOut


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """A request a provider made to one of our hooks, as raw as it came."""

    method: str
    url: str
    """The public URL as the provider called it, scheme and query included."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAnswer:
    """What a hook call meant, and what to answer once that is written down."""

    callbacks: Sequence[Callback] = ()
    body: bytes = b""
    content_type: str = "text/plain"


class HookRefused(Exception):
    """The hook's signature or form is wrong. Nothing was taken from it."""

    def __init__(self, detail: str, *, status_code: Literal[400, 403] = 403) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status_code = status_code


# --- what a provider says of itself -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing a person fills in to set up a channel. The form and the API's checks are made from it."""

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = True
    pattern: str | None = None
    """A whole-string regular expression."""
    example: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast a channel may go. A channel's owner may change them."""

    per_second: float | None
    """Messages a second, None for no pace at all."""
    burst: int = 1
    concurrency: int = 16
    """Requests under way at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do. The engine and the pages ask here, never for a provider's name."""

    mediums: tuple[str, ...]
    max_batch: int = 1
    """Messages one request may carry."""
    batch_needs_same_text: bool = False
    receipts: bool = False
    inbound: bool = False
    balance: bool = False
    signed_hooks: bool = False
    max_characters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A provider's card: what it is called, what it needs, what it can."""

    kind: str
    label: str
    summary: str
    fields: tuple[Field, ...]
    capabilities: Capabilities
    limits: Limits
    docs_url: str = ""
    hook_help: str = ""
    """What to do at the provider with the channel's hook address, in a sentence or two."""
    api_base_url: str = ""
    """Where its API lives unless a channel overrides it (which the operator must allow)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelConfig:
    """A channel as its provider sees it. Credentials are open here, so this never leaves the call it was made for."""

    sender: str
    """The number, short code or name that messages come from; may be empty."""
    settings: Mapping[str, str]
    """The fields that are not secret."""
    credentials: Mapping[str, str] = field(repr=False)
    api_base_url: str = ""
    hook_url: str = ""
    """Our public address for this channel's receipts and inbound, with its secret path; empty when not reachable."""


@runtime_checkable
class Provider(Protocol):
    """One outside service.

    `send` gives one outcome for each message of the batch, in its order, and raises nothing but cancellation: whatever goes
    wrong is an outcome. `batch` has between 1 and `capabilities.max_batch` messages, all of one text where
    `batch_needs_same_text`. The caller bounds its time.
    """

    description: Description

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]: ...

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:
        """Ask what is left. Raises `ProviderError` when the provider cannot say."""
        ...

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        """Prove the configuration with a free request and say in a sentence what was proved. Raises `ProviderError`."""
        ...

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        """Check a hook call over its raw bytes and say what it holds. Raises `HookRefused`."""
        ...


class ProviderError(Exception):
    """A provider refused or could not answer a question that was not a send."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
