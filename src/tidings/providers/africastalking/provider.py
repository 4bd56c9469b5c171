"""Africa's Talking: SMS to African networks, many recipients of one text in a request.

Specs: https://developers.africastalking.com/docs/sms/sending/bulk
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from tidings.providers.africastalking.answers import read_send
from tidings.providers.africastalking.receipts import read_hook
from tidings.providers.amounts import price
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
)
from tidings.providers.http import Http, Request, base_url
from tidings.providers.outcomes import converse, question

API = "https://api.africastalking.com"
SANDBOX_API = "https://api.sandbox.africastalking.com"
SANDBOX_USERNAME = "sandbox"  # their test system knows only this user

DESCRIPTION = Description(
    kind="africastalking",
    label="Africa's Talking",
    summary="SMS to African networks from a short code or a registered name. One request carries a text to many numbers.",
    fields=(
        Field(
            name="username",
            label="User name",
            help="The app's user name, not your own. “sandbox” uses their free test system.",
            pattern=r"\S+",
            example="sandbox",
        ),
        Field(name="api_key", label="API key", help="Made in the app's settings. A new key works after a few minutes.", secret=True),
    ),
    capabilities=Capabilities(
        mediums=("sms",),
        max_batch=100,  # nowhere published; known clients use 50 to 100
        batch_needs_same_text=True,
        receipts=True,
        inbound=True,
        balance=True,
    ),
    limits=Limits(per_second=10.0, burst=100, concurrency=4),  # nowhere published either: a careful start
    sender_help="The short code or the registered name of up to 11 letters, as the account has it. Empty: the account's default.",
    sender_example="MAMAMBOGA",
    sender_pattern=SMS_SENDER,
    docs_url="https://developers.africastalking.com/docs/sms/overview",
    hook_help="In the app's dashboard open SMS, then SMS Callback URLs, and put this address under Delivery Reports, Incoming Messages and Bulk SMS Opt Out."
    " It is the same address three times.",
    api_base_url=API,
)


class User(msgspec.Struct):
    """The part of the user resource that we read."""

    balance: str


class UserAnswer(msgspec.Struct):
    """The user resource's envelope."""

    UserData: User


_USER = msgspec.json.Decoder(UserAnswer)


class AfricasTalking:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for turn in _turns(batch):
            messages = [batch[index] for index in turn]
            answers = await converse(
                http, channel, len(messages), partial(send_request, channel, messages), partial(read_send, batch=messages)
            )
            outcomes.update(zip(turn, answers, strict=True))
        return [outcomes[index] for index in range(len(batch))]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:
        text = (await question(http, channel, partial(user_request, channel), _USER)).UserData.balance
        amount = price(text)
        if amount is None:
            raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "Africa's Talking gave a balance that is not an amount of money.")
        return Balance(micros=amount[0], currency=amount[1])

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        balance = await self.balance(http, channel)
        where = "its test system" if _username(channel) == SANDBOX_USERNAME else "the app"
        return f"Signed in to Africa's Talking as “{_username(channel)}” ({where}), which has {balance.currency} {balance.micros / 1_000_000:,.2f} left."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:  # noqa: ARG002 - nothing of the channel signs it
        return read_hook(request)


def send_request(channel: ChannelConfig, batch: Sequence[Outgoing]) -> Request:
    """The request that sends one text to all numbers of the batch."""
    form = {
        "username": _username(channel),
        "to": ",".join(message.to for message in batch),
        "message": batch[0].text,
        "bulkSMSMode": "1",  # the sender pays, not the recipient
    }
    if channel.sender:
        form["from"] = channel.sender
    return Request(url=_url(channel, "/version1/messaging"), form=form, headers=_headers(channel))


def user_request(channel: ChannelConfig) -> Request:
    """The request for the app's own record, which holds its balance."""
    return Request(method="GET", url=_url(channel, "/version1/user"), query={"username": _username(channel)}, headers=_headers(channel))


def _turns(batch: Sequence[Outgoing]) -> list[list[int]]:
    """The batch in as few requests as have each number once: the answer tells its verdicts apart by number alone."""
    turns: list[dict[str, int]] = []
    for index, message in enumerate(batch):
        turn = next((turn for turn in turns if message.to not in turn), None)
        if turn is None:
            turns.append(turn := {})
        turn[message.to] = index
    return [list(turn.values()) for turn in turns]


def _headers(channel: ChannelConfig) -> dict[str, str]:
    return {"apiKey": channel.credentials["api_key"], "Accept": "application/json"}  # without Accept it answers in XML


def _url(channel: ChannelConfig, path: str) -> str:
    return base_url(channel, SANDBOX_API if _username(channel) == SANDBOX_USERNAME else API) + path


def _username(channel: ChannelConfig) -> str:
    return channel.settings["username"]
