"""Apprise: the long tail of chat and push services, each by an address in apprise's own notation.

Specs: https://github.com/caronc/apprise/wiki. The library is an optional extra: `pip install 'tidings[apprise]'`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from tidings.providers.apprise.library import POOL, Missing, Told, instance_of, library, notify
from tidings.providers.apprise.schemas import TO, BadUrl, address_for, check_url
from tidings.providers.base import (
    Accepted,
    Balance,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    Field,
    HookAnswer,
    HookRefused,
    HookRequest,
    Limits,
    Outcome,
    Outgoing,
    ProviderError,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, Http
from tidings.providers.outcomes import by_status

SECONDS = 45.0
"""For one message, waiting for a free thread included. A plugin may make some requests one after the other."""
INSTALL = "The library apprise is not installed here: the operator can add it with pip install 'tidings[apprise]'."


def faults(values: Mapping[str, str]) -> dict[str, str]:
    """An address that may not be used is told before it is saved."""
    try:
        check_url(values["url"])
    except BadUrl as bad:
        return {"url": f"cannot be used. {bad}"}
    return {}


DESCRIPTION = Description(
    kind="apprise",
    label="Apprise",
    summary="Some sixty further chat, push and text services by the apprise library, each by one address.",
    fields=(
        Field(
            name="url",
            label="Apprise address",
            help="As the apprise wiki shows it for your service. Where {to} stands in it, each recipient's address is put in.",
            secret=True,
            pattern=r"[A-Za-z0-9]{2,20}://\S{3,2000}",
            example="pover://user_key@token",
        ),
    ),
    capabilities=Capabilities(mediums=("chat",)),
    limits=Limits(per_second=1.0, burst=1, concurrency=4),
    sender_label="",
    docs_url="https://github.com/caronc/apprise/wiki",
    faults=faults,
)


class Apprise:
    """The provider. It holds nothing: each message has a service object of its own."""

    description = DESCRIPTION

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:  # noqa: ARG002 - apprise has a way out of its own
        return [await _send(channel, message) for message in batch]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002
        raise ProviderError(ErrorCode.UNSUPPORTED, "Apprise cannot ask a service for a balance.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:  # noqa: ARG002
        loop = asyncio.get_running_loop()
        opened = await loop.run_in_executor(POOL, partial(_open, channel, "1"))
        if isinstance(opened, SendFailed):
            raise ProviderError(opened.code, opened.detail)
        _, service = opened
        return f"The address is one of {service.service_name}. Whether it works shows with the first message: apprise has nothing to ask before."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:  # noqa: ARG002
        raise HookRefused("Nothing comes in by apprise.")


async def _send(channel: ChannelConfig, message: Outgoing) -> Outcome:
    work = POOL.submit(_work, channel, message)
    try:
        async with asyncio.timeout(SECONDS):
            return await asyncio.wrap_future(work)
    except TimeoutError:
        if work.cancelled():  # it was still waiting for a thread
            detail = "Nothing was sent: all of apprise's threads were busy for too long."
            return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=detail, retryable=True)
        return SendUncertain(detail="Apprise did not end in time: it is not known whether this was sent.")


def _work(channel: ChannelConfig, message: Outgoing) -> Outcome:
    """In a thread: one message, and whatever happens an outcome."""
    opened = _open(channel, message.to)
    if isinstance(opened, SendFailed):
        return opened
    apprise, service = opened
    try:
        told = notify(apprise, service, message.subject, message.text)
    except Exception as error:  # noqa: BLE001 - a plugin's defect; it may have sent
        detail = f"Apprise met an unexpected {type(error).__name__}: it is not known whether this was sent."
        return SendUncertain(detail=detail, code=ErrorCode.INTERNAL)
    return _outcome(told, message, channel.credentials["url"])


def _open(channel: ChannelConfig, to: str) -> SendFailed | tuple[Any, Any]:
    """The library and the service, or why there is none. All such reasons are the channel's and hold for each message alike."""
    url = channel.credentials.get("url", "")
    try:
        check_url(url)
        apprise = library()
        service = instance_of(apprise, address_for(url, to))
    except BadUrl as bad:
        return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=str(bad))
    except Missing:
        return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=INSTALL)
    except Exception as error:  # noqa: BLE001 - a plugin's defect; its text could quote the address
        return SendFailed(code=ErrorCode.INTERNAL, detail=f"Apprise could not read the address ({type(error).__name__}). Nothing was sent.")
    if service is None:
        detail = "Apprise does not understand the address: look at the wiki's page on this service."
        return SendFailed(code=ErrorCode.INVALID_CREDENTIALS, detail=detail)
    return apprise, service


def _outcome(told: Told, message: Outgoing, url: str) -> Outcome:
    """A yes is one. A no is one only where a single target was refused with a status that leaves no doubt."""
    if told.taken:
        return Accepted(provider_message_id=message.id)  # the service's own id is not handed on
    if not told.begun:
        return SendFailed(code=ErrorCode.REJECTED_CONTENT, detail="Apprise cannot send this text: it is empty, as a rule.")
    if told.targets == 1 and told.statuses:
        outcomes = [_refused(status, url) for status in told.statuses]
        if all(isinstance(outcome, SendFailed) for outcome in outcomes):
            return outcomes[-1]
    return SendUncertain(detail="Apprise says that it failed, and not whether anything was sent.", code=ErrorCode.PROVIDER_UNAVAILABLE)


_GONE = frozenset({404, 410})
_ABOUT_CHAT = {403: ErrorCode.BLOCKED, 404: ErrorCode.INVALID_CREDENTIALS}
"""Telegram answers a bad token with 401 or 404 alone; its 403 is about the chat: core.telegram.org/bots/api#making-requests."""


def _refused(status: int, url: str) -> SendFailed | SendUncertain:
    """What a status means, by whom the address names: one and the same place for all messages, or each message's own recipient."""
    by_http = by_status(Answer(status=status), "the service refused it")
    code: ErrorCode | None = None
    if TO in url and url.lower().startswith("tgram:"):
        code = _ABOUT_CHAT.get(status)
    elif status in _GONE:  # one place that is gone is gone for every message alike
        code = ErrorCode.INVALID_ADDRESS if TO in url else ErrorCode.INVALID_CREDENTIALS
    return by_http if code is None else replace(by_http, code=code)
