"""How the Telegram simulator reads parameters and shows what it holds."""

from __future__ import annotations

import io
from typing import Any

from python_multipart.multipart import parse_form

from tests.simulators.telegram_bot import Bot, Stored
from tests.simulators.telegram_rules import Refused, Uploaded
from tests.simulators.wire import Call


def parameters(call: Call) -> tuple[dict[str, Any], dict[str, Uploaded]]:
    """The parameters of a call: of its query, and of a JSON body or a form of either kind."""
    params: dict[str, Any] = dict(call.query)
    files: dict[str, Uploaded] = {}
    content_type = call.headers.get("content-type", "")
    if content_type.startswith("application/json"):
        try:
            params |= call.json()
        except (ValueError, TypeError):
            raise Refused(400, "Bad Request: object expected as JSON") from None
    elif content_type.startswith("multipart/form-data"):

        def on_file(file: Any) -> None:
            file.file_object.seek(0)
            files[file.field_name.decode()] = Uploaded((file.file_name or b"").decode(), file.file_object.read())

        def on_field(field: Any) -> None:
            params[field.field_name.decode()] = (field.value or b"").decode()

        headers = {"Content-Type": content_type.encode(), "Content-Length": str(len(call.body)).encode()}
        parse_form(headers, io.BytesIO(call.body), on_field, on_file)
    else:
        params |= call.form
    return params, files


def shown(name: str, stored: Stored) -> dict[str, Any]:
    """A file within a message, with what the client libraries insist on."""
    told = {"file_id": stored.id, "file_unique_id": f"U{stored.id}", "file_size": len(stored.content)}
    size = {"width": 320, "height": 240}
    match name:
        case "photo":
            return {"photo": [told | size]}
        case "sticker":
            return {"sticker": told | size | {"type": "regular", "is_animated": False, "is_video": False}}
        case "video" | "animation":
            return {name: told | size | {"duration": 1}}
        case "audio" | "voice":
            return {name: told | {"duration": 1}}
        case _:
            return {name: told | {"file_name": stored.name}}


def webhook_info(bot: Bot) -> dict[str, Any]:
    info = {"url": "", "has_custom_certificate": False, "pending_update_count": len(bot.updates)}
    if bot.hook is None:
        return info
    info |= {"url": bot.hook.url, "max_connections": bot.hook.most_at_once, "allowed_updates": sorted(bot.allowed)}
    return info | ({"last_error_date": bot.hook.last_error_at, "last_error_message": bot.hook.last_error} if bot.hook.last_error else {})


def file_info(bot: Bot, file_id: str) -> dict[str, Any]:
    stored = bot.files.get(file_id)
    if stored is None:
        raise Refused(400, "Bad Request: invalid file_id")
    if len(stored.content) > 20 * 1024 * 1024:
        raise Refused(400, "Bad Request: file is too big")
    return {"file_id": stored.id, "file_unique_id": f"U{stored.id}", "file_size": len(stored.content), "file_path": stored.path}


def answer_press(bot: Bot, params: dict[str, Any]) -> bool:
    number = str(params.get("callback_query_id") or "")
    if number not in bot.pressed:
        raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    bot.pressed[number] = str(params.get("text") or "")
    return True
