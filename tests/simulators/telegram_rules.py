"""What the Telegram simulator refuses, in the sentences of Telegram's own server (github.com/tdlib/telegram-bot-api)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.simulators.telegram_bot import Bot, Stored
from tests.simulators.wire import Reply, reply

MEDIA = {
    "sendphoto": "photo",
    "sendvideo": "video",
    "sendaudio": "audio",
    "sendvoice": "voice",
    "senddocument": "document",
    "sendanimation": "animation",
    "sendsticker": "sticker",
}
MOST_BYTES = 50 * 1024 * 1024
MOST_BYTES_PHOTO = 10 * 1024 * 1024
STATES = {
    "missing": (400, "Bad Request: chat not found"),
    "blocked": (403, "Forbidden: bot was blocked by the user"),
    "deactivated": (403, "Forbidden: user is deactivated"),
    "not_started": (403, "Forbidden: bot can't initiate conversation with a user"),
    "kicked": (403, "Forbidden: bot was kicked from the supergroup chat"),
    "not_a_member": (403, "Forbidden: bot is not a member of the channel chat"),
    "deleted": (403, "Forbidden: the group chat was deleted"),
    "no_rights": (400, "Bad Request: not enough rights to send text messages to the chat"),
    "no_admin": (400, "Bad Request: need administrator rights in the channel chat"),
}
_TAG = re.compile(r"<(/?)([a-z-]+)(?:\s[^>]*)?>")
_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote", "span", "tg-spoiler", "tg-emoji"}


class Refused(Exception):
    """A call that fails. `parameters` are those of ResponseParameters."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters

    def reply(self) -> Reply:
        more: dict[str, Any] = {"parameters": self.parameters} if self.parameters else {}
        answer = reply({"ok": False, "error_code": self.status, "description": self.description, **more}, self.status)
        if "retry_after" in self.parameters:
            answer.headers["Retry-After"] = str(self.parameters["retry_after"])
        return answer


def too_many(seconds: int) -> Refused:
    return Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


@dataclass
class Uploaded:
    """A file of a multipart request."""

    name: str
    content: bytes


def chat_of(bot: Bot, params: dict[str, Any]) -> int:
    """The chat that a call names. Refused where nobody is there, or the bot may not write."""
    named = str(params.get("chat_id") or "")
    if not named:
        raise Refused(400, "Bad Request: chat_id is empty")
    if not re.fullmatch(r"-?[1-9]\d*|@[A-Za-z]\w{3,31}", named, re.ASCII):
        raise Refused(400, "Bad Request: chat not found")
    state = bot.chats.get(named, "")
    if state.startswith("moved:"):
        new = int(state.removeprefix("moved:"))
        raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=new)
    if state:
        raise Refused(*STATES[state])
    return bot.number_of(named) if named.startswith("@") else int(named)


def text_of(params: dict[str, Any], name: str, most: int) -> str:
    """A text or caption as it is shown, its marks taken out."""
    text = str(params.get(name) or "")
    marks = str(params.get("parse_mode") or "").lower()
    if marks not in {"", "html", "markdown", "markdownv2"}:
        raise Refused(400, "Bad Request: unsupported parse_mode")
    if marks == "html":
        text = _without_tags(text)
    elif marks == "markdownv2":
        if reserved := re.search(r"(?<!\\)[.!+=|{}-]", text):
            raise Refused(400, f"Bad Request: can't parse entities: Character '{reserved[0]}' is reserved and must be escaped")
        text = re.sub(r"\\(.)|[*_~`]", r"\1", text)
    if name == "text" and not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > most:
        raise Refused(400, "Bad Request: message is too long" if name == "text" else "Bad Request: message caption is too long")
    return text


def _without_tags(text: str) -> str:
    opened: list[str] = []
    for closing, tag in _TAG.findall(text):
        if tag not in _TAGS:
            raise Refused(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        if not closing:
            opened.append(tag)
        elif not opened or opened.pop() != tag:
            raise Refused(400, "Bad Request: can't parse entities: Unmatched end tag")
    if opened:
        raise Refused(400, f"Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"{opened[-1]}\"")
    return _TAG.sub("", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def keyboard_of(params: dict[str, Any]) -> dict[str, Any] | None:
    """The inline keyboard of a call, if it has one."""
    markup = nested(params, "reply_markup", "object expected as reply markup")
    for button in (button for row in (markup or {}).get("inline_keyboard", []) for button in row):
        if not button.get("text"):
            raise Refused(400, 'Bad Request: can\'t parse inline keyboard button: Field "text" must be of type String')
        if "callback_data" in button:
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        elif "url" not in button:
            raise Refused(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        elif not re.match(r"(https?|tg)://[^\s/]+", button["url"]):
            raise Refused(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    return markup


def answered_by(bot: Bot, chat: int, params: dict[str, Any]) -> int | None:
    """The message that a call answers; None where it does not, or where that message is gone and need not be there."""
    wanted = nested(params, "reply_parameters", "object expected as reply parameters")
    if not wanted:
        return None
    if 1 <= int(wanted["message_id"]) <= bot.message_ids.get(chat, 0):
        return int(wanted["message_id"])
    if wanted.get("allow_sending_without_reply"):
        return None
    raise Refused(400, "Bad Request: message to be replied not found")


def file_of(bot: Bot, name: str, params: dict[str, Any], files: dict[str, Uploaded]) -> Stored:
    """The file of a call: uploaded, known by its id, or to be fetched (which the simulator only pretends)."""
    given = str(params.get(name) or "")
    upload = files.get(given.removeprefix("attach://")) if given.startswith("attach://") else files.get(name)
    if upload is not None:
        return _uploaded(bot, name, upload)
    if not given:
        raise Refused(400, f"Bad Request: there is no {name} in the request")
    if given in bot.files:
        return bot.files[given]
    if re.match(r"https?://[^/]+\.invalid(/|$)", given):
        raise Refused(400, "Bad Request: failed to get HTTP URL content")
    if re.match(r"https?://[^\s/]+\.[^\s/]+/?", given):
        return bot.store(b"fetched", f"{name}s", given.rpartition("/")[2])
    raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")


def _uploaded(bot: Bot, name: str, upload: Uploaded) -> Stored:
    if not upload.content:
        raise Refused(400, "Bad Request: file must be non-empty")
    if len(upload.content) > MOST_BYTES:
        raise Refused(413, "Request Entity Too Large")
    if name == "photo" and len(upload.content) > MOST_BYTES_PHOTO:
        raise Refused(400, "Bad Request: too big for a photo")
    return bot.store(upload.content, f"{name}s", upload.name)


def nested(params: dict[str, Any], name: str, otherwise: str) -> dict[str, Any] | None:
    """An object among the parameters: itself in a JSON body, written as JSON in a form."""
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, f"Bad Request: {otherwise}")
    return found
