"""The requests that send, and what their answers mean. Pure.

Specs: https://core.telegram.org/bots/api#available-methods
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec

from tidings.providers.base import (
    Accepted,
    Button,
    ChannelConfig,
    ErrorCode,
    Media,
    MediaKind,
    MediaRule,
    Outcome,
    Outgoing,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, File, Request, base_url
from tidings.providers.telegram.errors import refused

API = "https://api.telegram.org"
TOKEN = "bot_token"  # noqa: S105 - the name of the field
LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_BUTTON = 64  # bytes of callback_data

# Method and the name of its file, by kind; a few content types have a method of their own.
METHODS: dict[MediaKind, tuple[str, str]] = {
    "image": ("sendPhoto", "photo"),
    "video": ("sendVideo", "video"),
    "audio": ("sendAudio", "audio"),
    "document": ("sendDocument", "document"),
    "sticker": ("sendSticker", "sticker"),
}
METHODS_BY_TYPE: dict[str, tuple[str, str]] = {
    "image/gif": ("sendAnimation", "animation"),  # sendPhoto would make a still picture of it
    "audio/ogg": ("sendVoice", "voice"),  # sendAudio takes MP3 and M4A only
}
_MB = 1_000_000
# As core.telegram.org/bots/api#sending-files has them. Where Telegram fetches an address itself it takes 5 MB of a photo, 20 of the rest.
MEDIA: dict[MediaKind, MediaRule] = {
    "image": MediaRule(content_types=("image/jpeg", "image/png", "image/webp", "image/gif"), max_bytes=10 * _MB),
    "video": MediaRule(content_types=("video/mp4",), max_bytes=50 * _MB),
    "audio": MediaRule(content_types=("audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/ogg"), max_bytes=50 * _MB),
    "document": MediaRule(
        content_types=(
            "application/pdf",
            "application/zip",
            "application/msword",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.ms-excel",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "application/octet-stream",
            "text/plain",
            "text/csv",
            "text/calendar",
            "text/vcard",
        ),
        max_bytes=50 * _MB,
    ),
    "sticker": MediaRule(content_types=("image/webp", "video/webm", "application/x-tgsticker"), max_bytes=512_000),
}
_MESSAGE_ID = re.compile(r"(-?\d{1,16}):(\d{1,16})")


class Chat(msgspec.Struct):
    """Where a message stands."""

    id: int


class Message(msgspec.Struct):
    """The part of a sent message that we keep."""

    message_id: int
    chat: Chat


class Sent(msgspec.Struct):
    """The answer to a send."""

    ok: bool
    result: Message


_SENT = msgspec.json.Decoder(Sent)


def refusal_of_ours(channel: ChannelConfig, message: Outgoing) -> SendFailed | None:
    """Why this message cannot be sent as it is. Nothing is ever cut: half a message may say the opposite of the whole."""
    limit = LONGEST_CAPTION if message.media else LONGEST_TEXT
    # With marks the limit holds for what is left of the text without them, which only Telegram counts.
    length = 0 if channel.settings.get("parse_mode") else len(message.text.encode("utf-16-le", "surrogatepass")) // 2
    if message.template is not None:
        return SendFailed(code=ErrorCode.UNSUPPORTED, detail="Telegram has no templates of its own.")
    if message.media is not None and message.media.kind == "sticker" and message.text:
        return SendFailed(code=ErrorCode.UNSUPPORTED, detail="A sticker carries no text: send the two as two messages.")
    if length > limit:
        what = "A caption" if message.media else "A text"
        detail = f"{what} on Telegram has at most {limit} characters, this one has {length} (an emoji counts as two or more)."
        return SendFailed(code=ErrorCode.REJECTED_CONTENT, detail=detail)
    for button in message.buttons:
        if button.kind == "reply" and len(_pressed(button).encode()) > LONGEST_BUTTON:
            detail = f"The button “{button.label[:40]}” brings back more than the {LONGEST_BUTTON} bytes that Telegram allows."
            return SendFailed(code=ErrorCode.REJECTED_CONTENT, detail=detail)
    return None


def method_url(channel: ChannelConfig, method: str) -> str:
    """Where a method lives. The token is part of it, so it must never be shown."""
    return f"{base_url(channel, API)}/bot{quote(channel.credentials[TOKEN], safe=':')}/{method}"


def send_request(channel: ChannelConfig, message: Outgoing) -> Request:
    """The request that sends one message."""
    body: dict[str, Any] = {"chat_id": int(message.to) if re.fullmatch(r"-?\d+", message.to) else message.to}
    if message.buttons:
        body["reply_markup"] = {"inline_keyboard": [[_button(button)] for button in message.buttons]}
    if (answered := _answered(message)) is not None:
        # Its message may be deleted by then; the answer is wanted all the same.
        body["reply_parameters"] = {"message_id": answered, "allow_sending_without_reply": True}
    if message.text and (marks := channel.settings.get("parse_mode")):
        body["parse_mode"] = marks
    if message.media is not None:
        return _media_request(channel, message.media, body | ({"caption": message.text} if message.text else {}))
    body["text"] = message.text
    if channel.settings.get("link_previews") == "off":
        body["link_preview_options"] = {"is_disabled": True}
    return Request(url=method_url(channel, "sendMessage"), json=body)


def read_send(answer: Answer) -> list[Outcome]:
    """What Telegram's answer to a send means."""
    if not 200 <= answer.status < 300:
        return [refused(answer)]
    sent = answer.decode(_SENT)
    if not sent.ok:
        return [SendUncertain(detail="Telegram's answer contradicts its own status.", code=ErrorCode.PROVIDER_UNAVAILABLE)]
    return [Accepted(provider_message_id=f"{sent.result.chat.id}:{sent.result.message_id}")]


def _media_request(channel: ChannelConfig, media: Media, body: dict[str, Any]) -> Request:
    method, name = METHODS_BY_TYPE.get(media.content_type, METHODS[media.kind]) if media.kind in {"image", "audio"} else METHODS[media.kind]
    url = method_url(channel, method)
    if media.content is None:
        return Request(url=url, json=body | {name: media.url})
    file = File(name=media.file_name or f"{name}.{_ending(media.content_type)}", content=media.content, content_type=media.content_type)
    # In a form, what is not text is written as JSON: https://core.telegram.org/bots/api#making-requests
    form = {part: value if isinstance(value, str) else msgspec.json.encode(value).decode() for part, value in body.items()}
    return Request(url=url, form=form, files={name: file})


def _ending(content_type: str) -> str:
    """The end of a file's name, by which Telegram tells a sticker's kind."""
    ending = content_type.rpartition("/")[2]
    return {"jpeg": "jpg", "mpeg": "mp3", "x-m4a": "m4a", "x-tgsticker": "tgs", "plain": "txt"}.get(ending, ending)


def _button(button: Button) -> dict[str, str]:
    return {"text": button.label} | ({"url": button.value} if button.kind == "url" else {"callback_data": _pressed(button)})


def _pressed(button: Button) -> str:
    return button.value or button.label


def _answered(message: Outgoing) -> int | None:
    """The number of the message answered. Numbers count within a chat: one of another chat would point to something unrelated."""
    found = _MESSAGE_ID.fullmatch(message.reply_to or "")
    return int(found[2]) if found and (found[1] == message.to or message.to.startswith("@")) else None
