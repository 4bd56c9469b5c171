"""Twilio: SMS through its Programmable Messaging API of 2010-04-01.

Specs: https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from urllib.parse import quote

import msgspec

from tidings.providers.amounts import micros
from tidings.providers.base import (
    SMS_SENDER,
    Accepted,
    Balance,
    Capabilities,
    ChannelConfig,
    Cost,
    Description,
    ErrorCode,
    Field,
    HookAnswer,
    HookRequest,
    Limits,
    Outcome,
    Outgoing,
    ProviderError,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, BadAnswer, Http, Request, base_url
from tidings.providers.outcomes import DEFAULT_PAUSE, by_status, converse, question, retry_after
from tidings.providers.twilio.errors import CHANNEL_PAUSE, CODES
from tidings.providers.twilio.receipts import REFERENCE, STATUSES, read_hook

API = "https://api.twilio.com"

DESCRIPTION = Description(
    kind="twilio",
    label="Twilio",
    summary="SMS to most countries from a number, a short code, a name or a messaging service of your Twilio account.",
    fields=(
        Field(
            name="account_sid",
            label="Account SID",
            help="On the first page of the Twilio console.",
            pattern=r"AC[0-9a-fA-F]{32}",
            example="AC0123456789abcdef0123456789abcdef",
        ),
        Field(
            name="auth_token",
            label="Auth token",
            help="Beside the account SID. Also checks that receipts and replies really come from Twilio.",
            secret=True,
        ),
        Field(
            name="messaging_service_sid",
            label="Messaging service SID",
            help="Send from a messaging service instead of one sender. The channel's sender may then stay empty.",
            required=False,
            pattern=r"MG[0-9a-fA-F]{32}",
            example="MG0123456789abcdef0123456789abcdef",
        ),
        Field(
            name="api_key_sid",
            label="API key SID",
            help="Send with an API key instead of the auth token. Needs its secret too.",
            required=False,
            pattern=r"SK[0-9a-fA-F]{32}",
            example="SK0123456789abcdef0123456789abcdef",
        ),
        Field(name="api_key_secret", label="API key secret", help="Shown once, when the key is made.", secret=True, required=False),
        Field(
            name="webhook_key",
            label="Webhook signing key",
            help="Only if the account signs its webhooks with a shared key (HMAC-SHA256).",
            secret=True,
            required=False,
        ),
    ),
    capabilities=Capabilities(
        mediums=("sms",),
        receipts=True,
        inbound=True,
        balance=True,
        signed_hooks=True,
        max_characters=1600,
    ),
    # A US long code is worth one segment a second (error 21611's page). Short codes and messaging services take more.
    limits=Limits(per_second=1.0, burst=1, concurrency=16),
    sender_help="A number of the account with its country code, a short code, or a registered name of up to 11 letters. May stay empty with a "
    "messaging service.",
    sender_example="+15005550006",
    sender_pattern=SMS_SENDER,
    docs_url="https://www.twilio.com/docs/messaging",
    hook_help="Receipts need nothing: each message tells Twilio this address. For replies, open the number (or the messaging service) in "
    "the Twilio console and put the address under “A message comes in”, as a webhook with HTTP POST. A number in a messaging service follows the service's own setting.",
    api_base_url=API,
)


class Taken(msgspec.Struct):
    """The part of Twilio's message resource that we keep."""

    sid: str
    status: str = ""
    num_segments: str | None = None
    price: str | None = None
    price_unit: str | None = None
    error_code: int | None = None
    error_message: str | None = None


class Refusal(msgspec.Struct):
    """Twilio's error body."""

    code: int | None = None
    message: str = ""


class Money(msgspec.Struct):
    """Twilio's balance resource."""

    balance: str
    currency: str


class Account(msgspec.Struct):
    """The part of Twilio's account resource that proves a channel."""

    friendly_name: str = ""
    status: str = ""
    type: str = ""


_TAKEN = msgspec.json.Decoder(Taken)
_REFUSAL = msgspec.json.Decoder(Refusal)
_MONEY = msgspec.json.Decoder(Money)
_ACCOUNT = msgspec.json.Decoder(Account)


class Twilio:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:  # one recipient a request is all this API takes
            outcomes += await converse(http, channel, 1, partial(send_request, channel, message), read_send)
        return outcomes

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:
        money = await question(http, channel, partial(_get, channel, "/Balance.json"), _MONEY, refused=_refused)
        amount = micros(money.balance)
        if amount is None:
            raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "Twilio gave a balance that is not a number.")
        return Balance(micros=amount, currency=money.currency)

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        if not (channel.sender or channel.settings.get("messaging_service_sid")):
            raise ProviderError(ErrorCode.INVALID_CREDENTIALS, "The channel needs a sender or a messaging service SID.")
        account = await question(http, channel, partial(_get, channel, ".json"), _ACCOUNT, refused=_refused)
        if account.status != "active":
            raise ProviderError(
                ErrorCode.INSUFFICIENT_BALANCE, f"The Twilio account is {account.status or 'not active'}: look at its billing."
            )
        trial = " It is a trial account: it writes to verified numbers only." if account.type == "Trial" else ""
        return f"Signed in to the Twilio account “{account.friendly_name}”, which is active.{trial}"

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel, request)


def send_request(channel: ChannelConfig, message: Outgoing) -> Request:
    """The request that sends one message."""
    form = {"To": message.to, "Body": message.text}
    if service := channel.settings.get("messaging_service_sid"):
        form["MessagingServiceSid"] = service
    if channel.sender:
        form["From"] = channel.sender
    if channel.hook_url:
        # Our id rides along, so that a receipt finds its message even when it overtakes Twilio's answer to this request.
        mark = "&" if "?" in channel.hook_url else "?"
        form["StatusCallback"] = f"{channel.hook_url}{mark}{REFERENCE}={message.id}"
    return Request(url=_account_url(channel, "/Messages.json"), form=form, auth=_auth(channel))


def read_send(answer: Answer) -> list[Outcome]:
    """What Twilio's answer to a send means."""
    if not 200 <= answer.status < 300:
        return [_refused(answer)]
    taken = answer.decode(_TAKEN)
    if not taken.sid.startswith(("SM", "MM")):
        return [SendUncertain(detail="Twilio's answer names no message.", code=ErrorCode.PROVIDER_UNAVAILABLE)]
    if STATUSES.get(taken.status) == "failed":
        return [_failed(taken.error_code, f"Twilio: {taken.status} {taken.error_code or ''} {taken.error_message or ''}".strip())]
    return [Accepted(provider_message_id=taken.sid, segments=_segments(taken), cost=_cost(taken))]


def _refused(answer: Answer) -> SendFailed | SendUncertain:
    try:
        refusal = answer.decode(_REFUSAL)
    except BadAnswer:
        return by_status(answer)
    by_http = by_status(answer, refusal.message or None)
    if refusal.code is None or isinstance(by_http, SendUncertain):
        return by_http
    detail = f"Twilio error {refusal.code}: {refusal.message}"
    return _failed(refusal.code, detail, by_http.code, retry_after(answer))


def _failed(number: int | None, detail: str, otherwise: ErrorCode = ErrorCode.INTERNAL, pause: float | None = None) -> SendFailed:
    code = CODES.get(number or 0, otherwise)
    limited = code is ErrorCode.RATE_LIMITED
    return SendFailed(
        code=code,
        detail=detail,
        retryable=limited,  # Twilio never processed these
        retry_after=None if not limited else CHANNEL_PAUSE.get(number or 0, DEFAULT_PAUSE) if pause is None else pause,
        provider_code=str(number) if number is not None else None,
    )


def _segments(taken: Taken) -> int | None:
    # A messaging service answers "0" until it has chosen a sender.
    return int(taken.num_segments) or None if taken.num_segments and taken.num_segments.isdecimal() else None


def _cost(taken: Taken) -> Cost | None:
    amount = micros(taken.price) if taken.price else None
    return (
        None if amount is None or not taken.price_unit else Cost(micros=abs(amount), currency=taken.price_unit)
    )  # Twilio writes costs as negative


def _get(channel: ChannelConfig, path: str) -> Request:
    return Request(method="GET", url=_account_url(channel, path), auth=_auth(channel))


def _account_url(channel: ChannelConfig, path: str) -> str:
    return f"{base_url(channel, API)}/2010-04-01/Accounts/{_quoted(channel.settings['account_sid'])}{path}"


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    return quote(text, safe="")


def _auth(channel: ChannelConfig) -> tuple[str, str]:
    key, secret = channel.settings.get("api_key_sid"), channel.credentials.get("api_key_secret")
    return (key, secret) if key and secret else (channel.settings["account_sid"], channel.credentials["auth_token"])
