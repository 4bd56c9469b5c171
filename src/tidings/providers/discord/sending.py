"""How a message is put for Discord, and what its answer means: pure functions.

Specs: https://docs.discord.com/developers/resources/message#create-message, …/resources/webhook#execute-webhook
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from tidings.providers.base import (
    Accepted,
    Button,
    ChannelConfig,
    ErrorCode,
    Media,
    Outcome,
    Outgoing,
    SendFailed,
    SendUncertain,
)
from tidings.providers.discord.errors import CODES, INVALID_FORM, RETRYABLE
from tidings.providers.http import Answer, BadAnswer, File, Request, base_url
from tidings.providers.outcomes import DEFAULT_PAUSE, LONGEST_PAUSE, by_status, retry_after

API = "https://discord.com/api/v10"
WEBHOOK = re.compile(r"https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/(\d{15,21})/([\w-]{20,200})")
BUTTONS_A_ROW = 5
ROWS = 5
LINK, SECONDARY = 5, 2  # button styles
ACTION_ROW, BUTTON = 1, 2  # component types


class Posted(msgspec.Struct):
    """The part of Discord's message object that we keep."""

    id: str
    channel_id: str = ""


class Refusal(msgspec.Struct):
    """Discord's error body; that of a 429 as well."""

    code: int | None = None
    message: str = ""
    retry_after: float | None = None
    """Seconds, finer than the header's."""
    errors: Any = None
    """Which part of the form is wrong, as a tree with `_errors` at its leaves."""


_POSTED = msgspec.json.Decoder(Posted)
_REFUSAL = msgspec.json.Decoder(Refusal)


def user_agent(channel: ChannelConfig) -> str:
    """Discord wants to know who calls, in this form, or its shield may refuse us: docs.discord.com/developers/reference#user-agent."""
    ours = urlsplit(channel.hook_url)
    return f"DiscordBot ({ours.scheme or 'https'}://{ours.netloc or 'localhost'}, 1) Tidings"


def webhook_of(channel: ChannelConfig) -> tuple[str, str] | None:
    """The webhook's id and token where the channel sends by one; a bot, which reaches more, goes before it."""
    if channel.credentials.get("bot_token"):
        return None
    found = WEBHOOK.fullmatch(channel.credentials["webhook_url"])
    if found is None:
        raise ValueError("not the address of a Discord webhook")
    return found[1], found[2]


def with_token(channel: ChannelConfig) -> ChannelConfig:
    """The channel with the webhook's token as a credential of its own, so that it is blotted out of what Discord says."""
    found = WEBHOOK.fullmatch(channel.credentials.get("webhook_url", ""))
    return replace(channel, credentials={**channel.credentials, "webhook_token": found[2]}) if found else channel


def cannot(channel: ChannelConfig, message: Outgoing) -> SendFailed | None:
    """Why this message cannot go out by the channel's webhook; None where it can."""
    if channel.credentials.get("bot_token") or not channel.credentials.get("webhook_url"):
        return None
    home = channel.settings.get("webhook_channel_id", "")
    if home != message.to:
        return SendFailed(
            code=ErrorCode.INVALID_ADDRESS,
            detail=f"The webhook posts to the Discord channel {home or 'which this channel does not name'} and to no other.",
        )
    if any(button.kind == "reply" for button in message.buttons):
        return SendFailed(code=ErrorCode.UNSUPPORTED, detail="A webhook's buttons can only open addresses: use a bot for reply buttons.")
    return None


def send_request(channel: ChannelConfig, message: Outgoing) -> Request:
    """The request that posts one message."""
    hook = webhook_of(channel)
    body = _body(message)
    headers = {"user-agent": user_agent(channel)}
    query: dict[str, str] | None = None
    if hook is None:
        url = f"{base_url(channel, API)}/channels/{quote(message.to, safe='')}/messages"
        headers["authorization"] = f"Bot {channel.credentials['bot_token']}"
        body |= {"nonce": nonce(message.id), "enforce_nonce": True}
        if message.reply_to:
            body["message_reference"] = {"message_id": message.reply_to, "fail_if_not_exists": False}
    else:
        url = webhook_url(channel, hook)
        query = {"wait": "true"} | ({"with_components": "true"} if message.buttons else {})
        if channel.sender:
            body["username"] = channel.sender
    if message.media is not None and message.media.content is not None:
        name = _file_name(message.media)
        body["attachments"] = [{"id": 0, "filename": name}]
        file = File(name=name, content=message.media.content, content_type=message.media.content_type)
        form = {"payload_json": msgspec.json.encode(body).decode()}
        return Request(url=url, query=query, form=form, files={"files[0]": file}, headers=headers)
    return Request(url=url, query=query, json=body, headers=headers)


def nonce(message_id: str) -> str:
    """At most 25 characters that follow from our id: with `enforce_nonce` the same message sent again within minutes is posted once."""
    return hashlib.blake2b(message_id.encode(), digest_size=12).hexdigest()


def webhook_url(channel: ChannelConfig, hook: tuple[str, str]) -> str:
    """Made from the id and token alone: what else stands in the setting leads nowhere."""
    return f"{base_url(channel, API)}/webhooks/{hook[0]}/{hook[1]}"


def read_send(answer: Answer) -> list[Outcome]:
    """What Discord's answer to a post means."""
    if not 200 <= answer.status < 300:
        return [refused(answer)]
    posted = answer.decode(_POSTED)
    if not (posted.id.isascii() and posted.id.isdecimal()):
        return [SendUncertain(detail="Discord's answer names no message.", code=ErrorCode.PROVIDER_UNAVAILABLE)]
    return [Accepted(provider_message_id=posted.id)]


def refused(answer: Answer) -> SendFailed | SendUncertain:
    """What an answer that is no success means."""
    try:
        refusal = answer.decode(_REFUSAL)
    except BadAnswer:
        return by_status(answer)
    by_http = by_status(answer, _words(refusal) or None)
    if isinstance(by_http, SendUncertain):
        return by_http
    # A token that is wrong is a 401: a 403 that names no other reason means that this bot may not write to this place.
    code = CODES.get(refusal.code or 0, ErrorCode.BLOCKED if answer.status == 403 else by_http.code)
    if refusal.code == INVALID_FORM and isinstance(refusal.errors, Mapping) and "channel_id" in refusal.errors:
        code = ErrorCode.INVALID_ADDRESS
    if by_http.code is ErrorCode.RATE_LIMITED:
        code = ErrorCode.RATE_LIMITED
    return SendFailed(
        code=code,
        detail=f"Discord error {refusal.code}: {_words(refusal)}" if refusal.code else by_http.detail,
        retryable=code in RETRYABLE,
        retry_after=_pause(refusal, answer) if code is ErrorCode.RATE_LIMITED else None,
        provider_code=str(refusal.code) if refusal.code else None,
    )


def _body(message: Outgoing) -> dict[str, Any]:
    # A name or a text that a customer gave must never call a whole server together.
    body: dict[str, Any] = {"allowed_mentions": {"parse": []}}
    if message.text:
        body["content"] = message.text
    if message.media is not None and message.media.content is None:
        body["embeds"] = [{"image": {"url": message.media.url}}]
    if message.buttons:
        body["components"] = _rows(message.buttons)
    return body


def _rows(buttons: Sequence[Button]) -> list[dict[str, Any]]:
    drawn = [_button(index, button) for index, button in enumerate(buttons)]
    return [{"type": ACTION_ROW, "components": drawn[at : at + BUTTONS_A_ROW]} for at in range(0, len(drawn), BUTTONS_A_ROW)]


def _button(index: int, button: Button) -> dict[str, Any]:
    if button.kind == "url":
        return {"type": BUTTON, "style": LINK, "label": button.label, "url": button.value}
    # Each custom_id may stand once in a message, so the place goes before the value.
    return {"type": BUTTON, "style": SECONDARY, "label": button.label, "custom_id": f"{index}:{button.value or button.label}"}


def _file_name(media: Media) -> str:
    return media.file_name or f"{media.kind}.{media.content_type.partition('/')[2].partition(';')[0] or 'bin'}"


def _words(refusal: Refusal) -> str:
    return "; ".join([refusal.message, *_leaves(refusal.errors, depth=0)]) if refusal.errors else refusal.message


def _leaves(tree: Any, depth: int) -> Iterator[str]:
    """The sentences in a tree of errors."""
    if depth > 6 or not isinstance(tree, Mapping):
        return
    for name, value in tree.items():
        if name == "_errors" and isinstance(value, list):
            yield from (str(one["message"]) for one in value if isinstance(one, Mapping) and "message" in one)
        else:
            yield from (f"{name}: {said}" if depth == 0 else said for said in _leaves(value, depth + 1))


def _pause(refusal: Refusal, answer: Answer) -> float:
    if refusal.retry_after is not None and math.isfinite(refusal.retry_after):
        return min(max(refusal.retry_after, 0.0), LONGEST_PAUSE)
    pause = retry_after(answer)
    return DEFAULT_PAUSE if pause is None else pause
