"""A gateway of one's own: any service that takes a message as one HTTP request, described by the channel's settings.

The address is typed in by a workspace's people, so every request is guarded (guard.py): it leaves for the public internet, or for
what the operator allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from tidings.providers.amounts import micros
from tidings.providers.base import (
    Balance,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    HookAnswer,
    HookRequest,
    Limits,
    Outcome,
    Outgoing,
    ProviderError,
    Tried,
)
from tidings.providers.http import Answer, BadAnswer, Http, NotSent, Request
from tidings.providers.http_gateway import templates
from tidings.providers.http_gateway.answers import find, read_send
from tidings.providers.http_gateway.fields import FIELDS, faults
from tidings.providers.http_gateway.receipts import read_hook
from tidings.providers.http_gateway.trying import try_out
from tidings.providers.outcomes import converse, inquire

DESCRIPTION = Description(
    kind="http",
    label="HTTP gateway",
    summary="Any other service that takes a message as an HTTP request: you say how the request and the answer look.",
    fields=FIELDS,
    capabilities=Capabilities(mediums=("sms", "whatsapp", "chat"), receipts=True, inbound=True, balance=True),
    limits=Limits(per_second=5.0, burst=5, concurrency=4),  # nobody knows what the gateway carries: a careful start
    hook_help="Have the gateway call this address for delivery reports and incoming messages; {{hook_url}} in a request tells it the address. "
    "Where its fields stand in the call is set under Edit.",
    faults=faults,
)

_SAMPLE = Outgoing(id="msg_00000000000000000000000000", to="+254711000000", text='A "sample" & more')


class HttpGateway:
    """The provider. It holds nothing: one object serves all channels."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for message in batch:
            read = partial(read_send, channel.settings, message.id)
            outcomes += await converse(http, channel, 1, partial(send_request, channel, message), read)
        return outcomes

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:
        if not channel.settings.get("balance_url"):
            raise ProviderError(ErrorCode.UNSUPPORTED, "The channel's settings have no balance request.")
        return await inquire(http, channel, partial(question_request, channel, "balance_url"), partial(_balance, channel.settings))

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        if channel.settings.get("check_url"):
            status = await inquire(http, channel, partial(question_request, channel, "check_url"), partial(_checked, channel.settings))
            return f"The gateway answered the test request as it should (HTTP {status})."
        if channel.settings.get("balance_url"):
            balance = await self.balance(http, channel)
            return f"The gateway told its balance: {balance.micros / 1_000_000:,.2f} {balance.currency}."
        return await _check_without_asking(http, channel)

    async def try_out(self, http: Http, channel: ChannelConfig, message: Outgoing) -> Tried:
        return await try_out(http, channel, message, send_request)

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return read_hook(channel.settings, request)


def send_request(channel: ChannelConfig, message: Outgoing) -> Request:
    """The request that sends one message. Raises ValueError where a value cannot stand where the template puts it."""
    settings = channel.settings
    values = {
        **_values(channel),
        "to": message.to,
        "to_plain": message.to.removeprefix("+"),
        "text": message.text,
        "id": message.id,
    }
    url = templates.address(settings["send_url"], values)
    headers = templates.headers(settings.get("headers", ""), values)
    method, auth, body = _method(settings["send_method"]), _auth(channel), settings.get("body", "")
    if not body:
        return Request(method=method, url=url, headers=headers, auth=auth, guarded=True)
    match settings["body_kind"]:
        case "json":
            tree = templates.json_body(body, values)
            return Request(method=method, url=url, headers=headers, json=tree, auth=auth, guarded=True)
        case "form":
            form = templates.form_body(body, values)
            return Request(method=method, url=url, headers=headers, form=form, auth=auth, guarded=True)
        case _:
            kind = settings["content_type"]
            raw = templates.raw_body(body, values, kind)
            return Request(method=method, url=url, headers={**headers, "content-type": kind}, body=raw, auth=auth, guarded=True)


def question_request(channel: ChannelConfig, name: str) -> Request:
    """The request that asks for something and sends nothing."""
    values = _values(channel)
    # Headers are written for sends and may name the message; a question has none.
    headers = templates.headers(channel.settings.get("headers", ""), {**dict.fromkeys(templates.OF_MESSAGE, ""), **values})
    url = templates.address(channel.settings[name], values)
    return Request(method="GET", url=url, headers=headers, auth=_auth(channel), guarded=True)


async def _check_without_asking(http: Http, channel: ChannelConfig) -> str:
    try:
        url = send_request(channel, _SAMPLE).url
        await http.vet(url)
    except NotSent as error:
        code = ErrorCode.PROVIDER_UNAVAILABLE if error.retryable else ErrorCode.INVALID_CREDENTIALS
        raise ProviderError(code, f"The gateway's address cannot be called: {error.detail}.") from None
    except (KeyError, ValueError):
        raise ProviderError(ErrorCode.INTERNAL, "The channel's settings are not complete: save them again.") from None
    return (
        f"The gateway itself was not asked, since the settings have no free test request. What was checked: a sample message fits into "
        f"the request, and {urlsplit(url).hostname} may be called. Send a test message to see the rest."
    )


def _values(channel: ChannelConfig) -> dict[str, str]:
    secrets = {name: channel.credentials[name] for name in templates.SECRETS if name in channel.credentials}
    return {"sender": channel.sender, "hook_url": channel.hook_url, **secrets}


def _auth(channel: ChannelConfig) -> tuple[str, str] | None:
    user = channel.settings.get("basic_user")
    return (user, channel.credentials.get("basic_password", "")) if user else None


def _method(name: str) -> Literal["GET", "POST", "PUT", "PATCH"]:
    match name:
        case "GET" | "POST" | "PUT" | "PATCH":
            return name
        case _:
            raise ValueError("a method that is none")


def _balance(settings: Mapping[str, str], answer: Answer) -> Balance:
    number = find(settings["balance_path"], answer.json())
    amount = micros(number.replace(",", "")) if number else None
    if amount is None:
        raise BadAnswer(f"an answer without a number at “{settings['balance_path']}”")
    return Balance(micros=amount, currency=settings.get("balance_currency", "credits"))


def _checked(settings: Mapping[str, str], answer: Answer) -> int:
    if settings.get("check_text", "").casefold() not in answer.body.decode("utf-8", "replace").casefold():
        raise BadAnswer("an answer that does not hold what the channel's settings expect")
    return answer.status
