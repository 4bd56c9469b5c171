"""The sandbox: a provider of our own that reaches nobody. What it takes appears on the virtual phone in the dashboard.

Numbers ending in 555 and one of these four digits misbehave on purpose, so that every ending of a message can be seen without
a real network (the manner of Twilio's test numbers).
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import msgspec

from tidings.providers.base import (
    Accepted,
    Balance,
    Capabilities,
    ChannelConfig,
    Cost,
    Description,
    ErrorCode,
    HookAnswer,
    HookRefused,
    HookRequest,
    Inbound,
    Limits,
    Outcome,
    Outgoing,
    ProviderError,
    Receipt,
    ReceivedMedia,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Http

DESCRIPTION = Description(
    kind="sandbox",
    label="Sandbox",
    summary="Sends to a virtual phone in the dashboard instead of real people. Free, instant, and good for a first look.",
    fields=(),
    sender_help="What the phone shows as the sender. May stay empty.",
    sender_example="MYSHOP",
    capabilities=Capabilities(mediums=("sms",), max_batch=100, receipts=True, inbound=True, balance=True),
    limits=Limits(per_second=None, burst=100, concurrency=4),
)

FAILURES: dict[str, SendFailed] = {
    "5550001": SendFailed(code=ErrorCode.INVALID_ADDRESS, detail="Sandbox: this number does not exist."),
    "5550002": SendFailed(code=ErrorCode.UNREACHABLE, detail="Sandbox: this phone cannot be reached."),
    "5550003": SendFailed(code=ErrorCode.OPTED_OUT, detail="Sandbox: this person opted out at the provider."),
    "5550006": SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="Sandbox: the provider is down for this number.", retryable=True),
    "5550007": SendFailed(code=ErrorCode.INSUFFICIENT_BALANCE, detail="Sandbox: the account is empty."),
    "5550008": SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail="Sandbox: the password is wrong."),
}
UNCERTAIN = "5550004"
LIMITED_ONCE = "5550005"
SENT_ONLY = "5550009"
"""Taken, but no word of delivery ever comes."""
_LIMITED_KEPT = 1_000  # messages remembered as limited once already


class Phoned(msgspec.Struct):
    """What the virtual phone posts to the hook: an answer (`from`, `text`) or a receipt (`id`, `status`)."""

    id: str
    sender: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    text: str = ""
    picture: bool = False
    """A picture comes with the answer: the sample below."""
    status: Literal["sent", "delivered", "read", "failed"] | None = None


# One blue pixel, as the PNG specification has it.
_PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNQyD4CAAH+AVCkySWzAAAAAElFTkSuQmCC")
SAMPLE = ReceivedMedia(kind="image", provider_id="sample", content_type="image/png", file_name="sample.png", size=len(_PICTURE))
_PHONED = msgspec.json.Decoder(Phoned)


class Sandbox:
    """The provider. It remembers only which messages it has rate-limited once, for as long as the process lives."""

    description = DESCRIPTION

    def __init__(self) -> None:
        self._limited: OrderedDict[str, None] = OrderedDict()

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:  # noqa: ARG002
        return [self._outcome(message) for message in batch]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002
        return Balance(micros=1_000_000_000, currency="credits")

    async def check(self, http: Http, channel: ChannelConfig) -> str:  # noqa: ARG002
        return "The sandbox is always ready. It reaches no real phone."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:  # noqa: ARG002 - its secret path is its guard
        try:
            phoned = _PHONED.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HookRefused(f"This is not what the virtual phone sends: {error}.", status_code=400) from None
        if phoned.status is not None:
            receipt = Receipt(
                provider_message_id=phoned.id,
                status=phoned.status,
                provider_status=phoned.status,
                code=ErrorCode.UNREACHABLE if phoned.status == "failed" else None,
                detail="Sandbox: the virtual phone refused it." if phoned.status == "failed" else None,
            )
            return HookAnswer(callbacks=[receipt])
        if not phoned.sender:
            raise HookRefused("An answer from the virtual phone needs `from`, a receipt needs `status`.", status_code=400)
        media = (SAMPLE,) if phoned.picture else ()
        inbound = Inbound(provider_message_id=phoned.id, sender=phoned.sender, recipient=phoned.to, text=phoned.text, media=media)
        return HookAnswer(callbacks=[inbound])

    async def fetch_media(self, http: Http, channel: ChannelConfig, media: ReceivedMedia, *, max_bytes: int) -> bytes:  # noqa: ARG002
        if media.provider_id != SAMPLE.provider_id or len(_PICTURE) > max_bytes:
            raise ProviderError(ErrorCode.UNSUPPORTED, "The virtual phone sends one picture only.")
        return _PICTURE

    def _outcome(self, message: Outgoing) -> Outcome:
        ending = message.to[-7:]
        if ending == UNCERTAIN:
            return SendUncertain(detail="Sandbox: no answer came in time.")
        if ending == LIMITED_ONCE and self._first_time(message.id):
            return SendFailed(code=ErrorCode.RATE_LIMITED, detail="Sandbox: too fast, wait a second.", retryable=True, retry_after=1.0)
        if ending in FAILURES:
            return FAILURES[ending]
        status: Literal["sent", "delivered"] = "sent" if ending == SENT_ONLY else "delivered"
        # The id follows from ours, so that a message sent again after a crash is the same message on the phone.
        return Accepted(provider_message_id=f"sandbox_{message.id}", status=status, cost=Cost(micros=0, currency="credits"))

    def _first_time(self, message_id: str) -> bool:
        if message_id in self._limited:
            return False
        self._limited[message_id] = None
        if len(self._limited) > _LIMITED_KEPT:
            self._limited.popitem(last=False)
        return True
