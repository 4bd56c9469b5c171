"""What MyOperator posts to a channel's hook: its own webhooks (version 2 in its panel), or Meta's, which some accounts are given.

Nothing is signed, so the hook's secret path is what proves the caller.
Seen live by others, since nobody publishes it: `{"event_type": "message.received", "timestamp": "2026-06-26T02:10:56.956814767Z",
"customer_identifier": "919800000000", "direction": "incoming", "session_id", "payload": {"id", "status": "received", "data": {"type": "text",
"context": {"body"}}}}`. Status events are joined on `payload.id`, the id that the send was answered with.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from tidings.providers.base import Callback, ErrorCode, HookAnswer, HookRefused, HookRequest, Inbound, Receipt, ReceivedMedia, media_kind
from tidings.providers.whatsapp_business.errors import code_of
from tidings.providers.whatsapp_business.inbound import phone
from tidings.providers.whatsapp_business.webhooks import read_webhook

STATUSES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}


class Payload(msgspec.Struct):
    """The message that an event is about."""

    id: str
    status: str = ""
    data: dict[str, Any] = {}
    myop_ref_id: str | None = None
    reply_to: str | None = None
    errors: Any = None
    error: Any = None


class Event(msgspec.Struct):
    """One event."""

    event_type: str
    payload: Payload
    timestamp: str | int | float | None = None
    customer_identifier: str | int | None = None
    customer_name: str | None = None


class Shape(msgspec.Struct):
    """What tells the two kinds of webhook apart."""

    object: str | None = None


_EVENT = msgspec.json.Decoder(Event)
_SHAPE = msgspec.json.Decoder(Shape)


def read_hook(request: HookRequest, meta_phone_number_id: str) -> HookAnswer:
    """Say what the call holds. Meta's id of the number is another one than MyOperator's; without it any number is taken."""
    try:
        if _SHAPE.decode(request.body).object is not None:
            return HookAnswer(callbacks=read_webhook(request.body, meta_phone_number_id or None))
        event = _EVENT.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HookRefused("The body is not a MyOperator event.", status_code=400) from None
    return HookAnswer(callbacks=_callbacks(event))


def _callbacks(event: Event) -> list[Callback]:
    if not event.payload.id:
        raise HookRefused("The event names no message.", status_code=400)
    _, _, happened = event.event_type.lower().rpartition(".")
    word = event.payload.status.lower() if event.payload.status.lower() in STATUSES else happened
    if word in STATUSES:
        return [_receipt(event, word)]
    if happened == "received":
        return [_inbound(event)]
    return []  # followed links, opened and closed conversations: known, and nothing to write down


def _receipt(event: Event, word: str) -> Receipt:
    receipt = Receipt(
        provider_message_id=event.payload.id,
        status=STATUSES[word],
        provider_status=word,
        reference=event.payload.myop_ref_id or None,
        at=_time(event.timestamp),
    )
    if word != "failed":
        return receipt
    number, words = _why(event.payload)
    detail = ": ".join(part for part in ("MyOperator: failed", f"WhatsApp error {number}" if number is not None else "", words) if part)
    return replace(receipt, code=code_of(number) or ErrorCode.UNREACHABLE, detail=detail)


def _why(payload: Payload) -> tuple[int | None, str]:
    """A failure's reason is documented nowhere: WhatsApp's own errors if they are handed through, else any words."""
    found = payload.errors or payload.error
    first = found[0] if isinstance(found, list) and found else found
    if not isinstance(first, dict):
        return None, first[:200] if isinstance(first, str) else ""
    number = str(first.get("code", ""))
    words = first.get("message") or first.get("title") or ""
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else None, str(words)[:200]


def _inbound(event: Event) -> Inbound:
    sender = phone(str(event.customer_identifier or ""))
    if sender is None:
        raise HookRefused("The message names nobody to answer to.", status_code=400)
    data = event.payload.data
    context = data.get("context")
    parts: dict[str, Any] = {**data, **(context if isinstance(context, dict) else {})}
    return Inbound(
        provider_message_id=event.payload.id,
        sender=sender,
        recipient=None,
        text=_words(parts, "body", "caption", "text", "title"),
        at=_time(event.timestamp),
        media=_media(parts),
        sender_name=event.customer_name or "",
        button=_words(parts, "payload") or None,
        reply_to=event.payload.reply_to,
    )


def _media(parts: dict[str, Any]) -> tuple[ReceivedMedia, ...]:
    url = _words(parts, "link", "url", "media_url")
    kind = parts.get("type")
    if not url or kind not in {"image", "video", "audio", "document", "sticker"}:
        return ()
    content_type = _words(parts, "mime_type")
    known = "sticker" if kind == "sticker" else media_kind(content_type) if content_type else media_kind(f"{kind}/")
    return (ReceivedMedia(kind=known, url=url, content_type=content_type, file_name=_words(parts, "filename")),)


def _words(parts: dict[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := parts.get(name), str) and value), "")


def _time(stamp: str | float | None) -> datetime | None:
    """ISO 8601 with up to nine fractional digits, of which six are kept, or seconds or milliseconds since 1970."""
    try:
        if isinstance(stamp, str):
            at = datetime.fromisoformat(stamp)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if stamp is None:
            return None
        return datetime.fromtimestamp(stamp / 1000 if stamp > 100_000_000_000 else stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None
