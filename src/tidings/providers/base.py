"""What every provider is: a description of itself, and a few pure conversations with one outside service.

A provider opens no database and keeps no clock. It is given a channel's configuration and a way out (`Http`), and answers in
the outcomes below. What follows from an outcome is decided by `delivery.rules`, never here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    import asyncio
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
# What is made anew for every message is a msgspec Struct: a frozen dataclass takes five times as long to make.


MediaKind = Literal["image", "video", "audio", "document", "sticker"]


def media_kind(content_type: str) -> MediaKind:
    """The kind of a file by its content type; a document where it is nothing else."""
    family = content_type.partition("/")[0]
    return family if family in {"image", "video", "audio"} else "document"  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One file that goes with a message. Exactly one of `url` and `content` is given."""

    kind: MediaKind
    content_type: str
    """For example `image/jpeg`; checked against the provider's `MediaRule` before the message was taken."""
    file_name: str = ""
    url: str = ""
    """Where the provider itself can fetch it."""
    content: bytes | None = field(default=None, repr=False)
    """The file itself, where it was uploaded to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something the recipient can press below the text."""

    label: str
    kind: Literal["reply", "url"] = "reply"
    value: str = ""
    """What comes back to us when a reply button is pressed (its label where empty), or the address that a url button opens."""


TemplateButtonKind = Literal["reply", "url", "code", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    """A template that the provider has approved, filled in. Its text lives at the provider."""

    name: str
    language: str
    """As the provider spells it: `en_US`."""
    body: Mapping[str, str] = field(default_factory=dict)
    """The body's parameters by name; `"1"`, `"2"`, … for positional ones."""
    header_text: str | None = None
    header_media: Media | None = None
    buttons: Sequence[str] = ()
    """The parameter of each dynamic button in order: a payload, or the end of an address. Empty for a button without one."""
    button_kinds: Sequence[TemplateButtonKind] = ()
    """What the buttons of those parameters are, in the same order; `url` where not given."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message ready to leave: final text, checked address."""

    id: str
    """Our opaque id (`msg_…`); handed to the provider as a reference wherever it takes one."""
    to: str
    """The address in the medium's own form (core/addresses.py): E.164 with + for phones, a chat id for Telegram."""
    text: str
    """With media, the caption. Empty where a template speaks."""
    subject: str = ""
    """For mediums that have one: email."""
    media: Media | None = None
    buttons: Sequence[Button] = ()
    template: TemplateUse | None = None
    reply_to: str | None = None
    """The provider's id of the message that this one answers."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The provider took the message and gave it an id."""

    provider_message_id: str
    status: Literal["sent", "delivered"] = "sent"
    """`delivered` only where the provider's answer already proves delivery."""
    segments: int | None = None
    cost: Cost | None = None


class SendFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The provider certainly did not take the message."""

    code: ErrorCode
    detail: str
    """What the provider said, for people; never contains a credential."""
    retryable: bool = False
    retry_after: float | None = None
    """Seconds to leave the whole channel alone; such a refusal costs the message no attempt."""
    pauses: Literal["channel", "recipient"] = "channel"
    """Whom `retry_after` holds back: `recipient` where only this person was written to too fast."""
    provider_code: str | None = None


class SendUncertain(msgspec.Struct, frozen=True, kw_only=True):
    """The request left and no trustworthy answer came: the message may or may not be on its way."""

    detail: str
    code: ErrorCode = ErrorCode.TIMEOUT


Outcome = Accepted | SendFailed | SendUncertain


class Cost(msgspec.Struct, frozen=True, kw_only=True):
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
class ReceivedMedia:
    """A file that a person sent. At least one of `url` and `provider_id` is given."""

    kind: MediaKind
    url: str = ""
    """Where it can be fetched; may need the channel's credentials."""
    provider_id: str = ""
    """What the provider fetches it by, where it gives no address."""
    content_type: str = ""
    file_name: str = ""
    size: int | None = None
    """Bytes, where the provider tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that a person sent: degrees, WGS 84."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message from a person, whatever the provider."""

    provider_message_id: str
    """Unique in the channel: where the provider counts for each chat, the chat's id is part of it."""
    sender: str
    """The address that an answer goes to, in the medium's own form."""
    recipient: str | None
    text: str
    """Also the caption of media, and the label of a pressed button. Empty where there is none."""
    at: datetime | None = None
    keyword: Literal["stop", "start", "help"] | None = None
    """Set only where the provider itself has read the text as such a word."""
    media: tuple[ReceivedMedia, ...] = ()
    sender_name: str = ""
    """What the person calls themself at the provider."""
    location: Location | None = None
    button: str | None = None
    """The value of the button that was pressed."""
    reply_to: str | None = None
    """The provider's id of the message that this one answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A person opened the channel through a one-time link: their address belongs to whoever was given the link."""

    code: str
    """The code that the link carried."""
    address: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptOut:
    """The provider tells that a person opted out at its side."""

    address: str


Callback = Receipt | Inbound | ProviderOptOut | Linked


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """A request a provider made to one of our hooks, as raw as it came."""

    method: str
    url: str
    """The public URL as the provider called it, scheme and query included."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes
    at: float = field(default_factory=time.time, repr=False)
    """When it came, in seconds since 1970, for signatures that hold for some minutes only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookAnswer:
    """What a hook call meant, and what to answer once that is written down."""

    callbacks: Sequence[Callback] = ()
    body: bytes = b""
    content_type: str = "text/plain"


class HookRefused(Exception):
    """The hook's signature or form is wrong. Nothing was taken from it."""

    def __init__(self, detail: str, *, status_code: Literal[400, 401, 403] = 403) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status_code = status_code


# --- what a provider says of itself -----------------------------------------------------------------------------------


SMS_SENDER = r"\+[1-9]\d{6,14}|[1-9]\d{2,7}|(?![\d +()-]+$)[ -~]{1,11}"
"""A number with its country code, a short code, or a name of up to 11 characters that is not digits alone."""
_ALTERNATIVES = re.compile(r"[\w-]+(\|[\w-]+)+")


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
    lines: int = 1
    """How many lines its box shows; with more than one the value may hold line breaks."""
    section: str = ""
    """The part of a long form in which it stands; empty for the one that is seen first."""
    tried: bool = True
    """Whether a test message (`TriesOut`) can show that it is right; what is read of later calls it cannot."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The values there are, where the pattern names them all: `starttls|tls|none`."""
        return tuple(self.pattern.split("|")) if self.pattern and _ALTERNATIVES.fullmatch(self.pattern) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientPace:
    """How fast a channel may write to one and the same recipient: `count` messages within `seconds`."""

    count: int
    seconds: float
    groups: bool = False
    """Counts for group chats only (addresses that `address_is_group` of the medium says are groups)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast a channel may go. A channel's owner may change them."""

    per_second: float | None
    """Messages a second, None for no pace at all."""
    burst: int = 1
    concurrency: int = 16
    """Requests under way at once."""
    per_recipient: tuple[RecipientPace, ...] = ()
    """All of them hold."""
    per_day: int | None = None
    """At the most in any 24 hours; None for no cap."""
    per_day_counts: Literal["messages", "recipients"] = "messages"
    """What the cap counts: every message, or each recipient once."""
    jitter_seconds: float = 0.0
    """A random wait up to this long is added between two messages, for linked devices that must not look like machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRule:
    """What files of one kind a provider takes."""

    content_types: tuple[str, ...]
    max_bytes: int
    by_url: bool = True
    by_upload: bool = True


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
    max_caption: int | None = None
    """Characters of a text that goes with media, where that differs from `max_characters`."""
    media: Mapping[MediaKind, MediaRule] = field(default_factory=dict)
    """By kind; empty where the provider carries text alone."""
    buttons: int = 0
    """At the most on one message."""
    replies: bool = False
    """Can answer a given message (`Outgoing.reply_to`)."""
    subject: bool = False
    templates: bool = False
    """Has templates of its own that it must approve (`Outgoing.template`)."""
    window_hours: float | None = None
    """Free text is taken only so long after the person's last message; a template at any time. None: no such window."""
    read_receipts: bool = False
    polling: bool = False
    """Can be asked for what came in (`Polls`) instead of calling the hook."""
    links: bool = False
    """A person links their chat through a one-time address (`Links`)."""
    sessions: bool = False
    """Keeps a standing session with the service (a linked device) that a supervisor has to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A provider's card: what it is called, what it needs, what it can."""

    kind: str
    label: str
    summary: str
    fields: tuple[Field, ...]
    capabilities: Capabilities
    limits: Limits
    senders_at_once: int | None = None
    """How many of a workspace's channels may send at the same moment unless the workspace says otherwise; None for no such limit."""
    docs_url: str = ""
    sender_label: str = "Sender"
    """What a channel's sender is called at this provider; empty where messages have no sender of their own to choose."""
    sender_help: str = ""
    sender_example: str = ""
    sender_pattern: str | None = None
    """A whole-string regular expression that a sender fits; an empty one is always taken."""
    hook_help: str = ""
    """What to do at the provider with the channel's hook address, in a sentence or two."""
    api_base_url: str = ""
    """Where its API lives unless a channel overrides it (which the operator must allow)."""
    faults: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None
    """Finds what no pattern can in the filled-in fields (secret ones included): what is wrong, by field. The words go after its label."""


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
    channel_id: str = ""
    """Our own id of the channel, by which a provider with standing sessions finds the one to use."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What one poll brought."""

    callbacks: Sequence[Callback]
    cursor: str
    """To be handed to the next poll once the callbacks are written down: that poll tells the service that they were taken."""


@runtime_checkable
class Polls(Protocol):
    """A provider that can be asked for what came in, instead of being called. Where `capabilities.polling`."""

    async def poll(self, http: Http, channel: ChannelConfig, cursor: str, *, wait_seconds: float) -> Polled:
        """Ask for what came after `cursor` (empty at first), waiting up to `wait_seconds` for something to come. Raises `ProviderError`."""
        ...

    async def receive_by(self, http: Http, channel: ChannelConfig, way: Literal["hook", "polling"]) -> str:
        """Tell the service which way it is from now on; what was taken in a sentence. Repeatable. Raises `ProviderError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """Where a standing session stands, for the person who watches it."""

    state: Literal["connecting", "pairing", "connected", "logged_out"]
    """`pairing`: somebody has to scan `qr` or type `pairing_code`. `logged_out`: the other side ended it; it must be paired anew."""
    detail: str = ""
    qr: str = field(default="", repr=False)
    """The text of the QR code to show."""
    pairing_code: str = field(default="", repr=False)
    address: str = ""
    """The address the session speaks as, once it is connected."""


class SessionHost(Protocol):
    """What a session needs of whoever runs it. Each returns when it is committed."""

    async def tell(self, callbacks: Sequence[Callback]) -> None:
        """Hand over receipts and messages."""
        ...

    async def show(self, state: SessionState) -> None:
        """Say where the session stands."""
        ...

    async def keep(self, secret: bytes | None) -> None:
        """Keep what the session needs to go on after a restart (encrypted); None forgets it."""
        ...


@runtime_checkable
class Sessions(Protocol):
    """A provider that keeps a standing session with the service. Where `capabilities.sessions`.

    While `run_session` runs in this process, `send` for the same channel uses that session; without one it answers with a
    retryable `SendFailed`, since nothing left.
    """

    async def run_session(self, http: Http, channel: ChannelConfig, kept: bytes | None, host: SessionHost, stop: asyncio.Event) -> None:
        """Run until `stop` is set or the session ends. Raises `ProviderError` when it cannot be held; it is then run again later."""
        ...


@runtime_checkable
class Links(Protocol):
    """A provider whose channels people link their chat to. Where `capabilities.links`."""

    async def link(self, http: Http, channel: ChannelConfig, code: str) -> str:
        """The address that a person opens to link their chat; `code` comes back in `Linked`. Raises `ProviderError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One request that was really sent, to be looked at by whoever describes the service. No credential stands in it."""

    request: str
    """As it left: method and address, headers, an empty line, the body. Empty where none could be made."""
    answer: str | None
    """The same way; None where no whole answer came."""
    outcome: Outcome
    """What a message sent like this would have become."""


@runtime_checkable
class TriesOut(Protocol):
    """A provider whose configuration a person makes up, so that only a real request shows whether it is right."""

    async def try_out(self, http: Http, channel: ChannelConfig, message: Outgoing) -> Tried:
        """Send this message, and tell all of it. Raises nothing but cancellation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTemplate:
    """A template as the provider has it."""

    name: str
    language: str
    status: Literal["approved", "pending", "rejected", "paused", "disabled"]
    category: str
    text: str
    """The body, with its parameters in the provider's own spelling."""
    parameters: tuple[str, ...] = ()
    """Their names in order; `"1"`, `"2"`, … for positional ones."""
    header: Literal["none", "text", "image", "video", "document"] = "none"
    buttons: tuple[str, ...] = ()
    """Labels in order."""
    button_kinds: tuple[TemplateButtonKind, ...] = ()
    """What each of them does, in the same order."""


@runtime_checkable
class Templates(Protocol):
    """A provider with templates of its own. Where `capabilities.templates`."""

    async def templates(self, http: Http, channel: ChannelConfig) -> list[ProviderTemplate]:
        """All templates of the account, page after page. Raises `ProviderError`."""
        ...


@runtime_checkable
class FetchesMedia(Protocol):
    """A provider whose received files need its credentials to be fetched."""

    async def fetch_media(self, http: Http, channel: ChannelConfig, media: ReceivedMedia, *, max_bytes: int) -> bytes:
        """The file's bytes. Raises `ProviderError`, also where it is larger than `max_bytes`."""
        ...


class ProviderError(Exception):
    """A provider refused or could not answer a question that was not a send."""

    def __init__(self, code: ErrorCode, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        """Seconds that the provider asked us to wait, where it did."""
