"""BulkSMS (bulksms.com): SMS to most countries, many different messages in one request.

Specs: https://www.bulksms.com/developer/json/v1/
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from tidings.providers.base import (
    SMS_SENDER,
    Balance,
    Capabilities,
    ChannelConfig,
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
)
from tidings.providers.bulksms.answers import credits_of, read_refusal, read_send
from tidings.providers.bulksms.errors import BAD_REQUEST
from tidings.providers.bulksms.marks import deduplication_id, pack
from tidings.providers.bulksms.receipts import read_hook
from tidings.providers.http import Http, Request, base_url
from tidings.providers.outcomes import converse, question

API = "https://api.bulksms.com"
MOST_PARTS = 99
"""Parts one message may have. BulkSMS's own default is 3, and a longer text would be refused or cut."""
MOST_REQUESTS = 40
"""Requests for one batch, while it is halved to find the message that has it refused."""
LONGEST_NAME = 11
_LARGEST_ANSWER = 900_000
"""Bytes, below what `Http` reads of an answer."""
_BESIDE_TEXT = 600
"""Bytes that a message takes in the answer beside its text; some 500 were counted."""
_MERGE_FIELD = re.compile(r"\{(?:F\d+|fn|sn)#*\}")

DESCRIPTION = Description(
    kind="bulksms",
    label="BulkSMS",
    summary="SMS to most countries with an account at bulksms.com. One request carries up to a thousand messages.",
    fields=(
        Field(
            name="token_id",
            label="Token ID",
            help="At bulksms.com under Settings, Advanced, API Tokens. The account's user name works as well.",
            example="0123456789ABCDEF0123456789ABCDEF-02-F",
            pattern=r"[^:\s]+",  # a colon would end the user name of HTTP basic authentication
        ),
        Field(name="token_secret", label="Token secret", help="Shown once, when the token is made.", secret=True),
        Field(
            name="repliable",
            label="Collect replies",
            help="“yes” has BulkSMS send from a number of its own that takes replies. Leave the sender empty then.",
            required=False,
            pattern="yes|no",
            example="yes",
        ),
        Field(
            name="routing_group",
            label="Routing group",
            help="ECONOMY, STANDARD or PREMIUM; BulkSMS takes STANDARD without it.",
            required=False,
            pattern="ECONOMY|STANDARD|PREMIUM",
            example="STANDARD",
        ),
    ),
    capabilities=Capabilities(
        mediums=("sms",),
        max_batch=1_000,  # 30,000 are allowed and 4,000 advised; a lost answer leaves that many in doubt
        receipts=True,
        inbound=True,
        balance=True,
        max_characters=3_200,  # fits into 99 parts whatever the letters are
    ),
    # Nowhere published by BulkSMS: Microsoft's connector for it stops at 100 calls a minute, and this makes at most sixty.
    limits=Limits(per_second=50.0, burst=500, concurrency=2),
    sender_help="A number of yours with its country code, a short code, or a name of up to 11 letters, as the account allows. Empty: the "
    "account's default.",
    sender_example="+27007654321",
    sender_pattern=SMS_SENDER,
    docs_url="https://www.bulksms.com/developer/json/v1/",
    hook_help="At bulksms.com open Settings, Advanced, Webhooks, and add this address twice: once for sent messages, once for received ones. "
    "Choose to get many messages a call.",
    api_base_url=API,
)


class Credits(msgspec.Struct):
    """What the account has left."""

    balance: Decimal


class Profile(msgspec.Struct):
    """The part of the profile that we read."""

    username: str
    credits: Credits


_PROFILE = msgspec.json.Decoder(Profile)


class BulkSms:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: dict[str, Outcome] = {message.id: _MERGES for message in batch if _MERGE_FIELD.search(message.text)}
        waiting = _parts([message for message in batch if message.id not in outcomes])
        requests = 0
        while waiting:
            part = waiting.pop()
            ended = await converse(http, channel, len(part), partial(send_request, channel, part), partial(read_send, batch=part))
            requests += 1
            refused = len(part) > 1 and _refuses_one_of(ended)
            if refused and requests + len(waiting) + 2 <= MOST_REQUESTS:
                waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
            else:
                ended = [replace(one, retryable=True) if refused and isinstance(one, SendFailed) else one for one in ended]
                outcomes.update(zip([message.id for message in part], ended, strict=True))
        return [outcomes[message.id] for message in batch]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:
        return _balance(await question(http, channel, partial(profile_request, channel), _PROFILE, refused=read_refusal))

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        if channel.sender and channel.settings.get("repliable") == "yes":
            raise ProviderError(
                ErrorCode.INVALID_CREDENTIALS, "A channel that collects replies at BulkSMS's number has no sender of its own."
            )
        if len(channel.sender) > LONGEST_NAME and not channel.sender.removeprefix("+").isdecimal():
            raise ProviderError(ErrorCode.INVALID_CREDENTIALS, f"A sender that is a name has at most {LONGEST_NAME} characters.")
        profile = await question(http, channel, partial(profile_request, channel), _PROFILE, refused=read_refusal)
        return f"Signed in to BulkSMS as “{profile.username}”, with {_balance(profile).micros / 1_000_000:,.2f} credits left."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:  # noqa: ARG002 - nothing of the channel signs it
        return read_hook(request)


_MERGES = SendFailed(
    code=ErrorCode.REJECTED_CONTENT,
    detail="BulkSMS reads {fn}, {sn} and {F0} in a text as fields of its own phone book. Nothing was sent: change the text.",
)


def _parts(batch: Sequence[Outgoing]) -> list[Sequence[Outgoing]]:
    """The batch in as few requests as have answers of a size that is read: each message comes back with its text."""
    parts: list[list[Outgoing]] = []
    room = 0
    for message in batch:
        takes = _BESIDE_TEXT + len(json.dumps(message.text))
        if takes > room:
            parts.append([])
            room = _LARGEST_ANSWER
        room -= takes
        parts[-1].append(message)
    return [*parts]


def send_request(channel: ChannelConfig, batch: Sequence[Outgoing]) -> Request:
    """The request that sends all messages of the batch."""
    query = {"auto-unicode": "true", "deduplication-id": str(deduplication_id([message.id for message in batch]))}
    common: dict[str, Any] = {"longMessageMaxParts": MOST_PARTS, "deliveryReports": "ALL"}
    if sender := _sender(channel):
        common["from"] = sender
    if group := channel.settings.get("routing_group"):
        common["routingGroup"] = group
    entries = [_entry(message, common) for message in batch]
    return Request(url=_url(channel, "/v1/messages"), query=query, json=entries, auth=_auth(channel))


def profile_request(channel: ChannelConfig) -> Request:
    """The request for the account's profile, which holds its balance."""
    return Request(method="GET", url=_url(channel, "/v1/profile"), auth=_auth(channel))


def _entry(message: Outgoing, common: dict[str, Any]) -> dict[str, Any]:
    # The array of objects is the only form of `to` that BulkSMS's own schema lets pass.
    entry = {"to": [{"type": "INTERNATIONAL", "address": message.to}], "body": message.text, **common}
    mark = pack(message.id)
    return entry if mark is None else {**entry, "userSuppliedId": mark}


def _sender(channel: ChannelConfig) -> dict[str, str] | None:
    sender = channel.sender
    if not sender:
        return {"type": "REPLIABLE"} if channel.settings.get("repliable") == "yes" else None
    if not sender.removeprefix("+").isdecimal():
        return {"type": "ALPHANUMERIC", "address": sender}
    return {"type": "SHORTCODE" if len(sender) <= 6 else "INTERNATIONAL", "address": sender}


def _refuses_one_of(outcomes: Sequence[Outcome]) -> bool:
    """Whether a whole batch was refused as malformed, for which one bad number among good ones is enough."""
    first = outcomes[0]
    return isinstance(first, SendFailed) and first.provider_code == BAD_REQUEST


def _balance(profile: Profile) -> Balance:
    amount = credits_of(profile.credits.balance)
    if amount is None:
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "BulkSMS gave a balance that is not a number.")
    return Balance(micros=amount, currency="credits")


def _auth(channel: ChannelConfig) -> tuple[str, str]:
    return channel.settings["token_id"], channel.credentials["token_secret"]


def _url(channel: ChannelConfig, path: str) -> str:
    return base_url(channel, API) + path
