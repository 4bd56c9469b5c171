"""The platform's webhooks: what became of messages sent, and what people wrote.

Specs: developers.facebook.com, WhatsApp webhooks reference, `messages`; the schema of facebook/openapi's business messaging API.
One call may carry many entries and changes, of several numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec

from tidings.providers.base import Callback, ErrorCode, HookRefused, ProviderOptOut, Receipt
from tidings.providers.whatsapp_business.errors import code_of
from tidings.providers.whatsapp_business.inbound import Contact, Message, inbound_of, phone

T = TypeVar("T")
OBJECT = "whatsapp_business_account"
STATUSES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # a voice message was listened to
    "failed": "failed",
}
"""`deleted` (the person deleted it) and `warning` change nothing of what became of a message, and are left out."""


class Metadata(msgspec.Struct):
    """Which business number an event is about."""

    phone_number_id: str = ""
    display_phone_number: str = ""


class Value(msgspec.Struct):
    """What a change holds. The lists are read one by one, so that one odd item costs no other."""

    metadata: Metadata = msgspec.field(default_factory=Metadata)
    contacts: list[Any] = []
    messages: list[Any] = []
    statuses: list[Any] = []
    user_preferences: list[Any] = []


class Change(msgspec.Struct):
    """One thing that happened. Other fields than those of messages have values of other shapes."""

    field: str = ""
    value: Any = None


class Entry(msgspec.Struct):
    """The changes of one account."""

    changes: list[Change] = []


class Webhook(msgspec.Struct):
    """A whole call."""

    object: str
    entry: list[Entry] = []


class Problem(msgspec.Struct):
    """Why a message failed."""

    code: int
    title: str | None = None
    message: str | None = None
    error_data: Any = None


class Status(msgspec.Struct):
    """What became of one message."""

    id: str
    status: str
    timestamp: str | int | None = None
    biz_opaque_callback_data: str | None = None
    errors: list[Problem] = []


class Preference(msgspec.Struct):
    """A person's wish about marketing messages."""

    value: str
    wa_id: str | None = None
    user_id: str | None = None


_WEBHOOK = msgspec.json.Decoder(Webhook)


def read_webhook(body: bytes, phone_number_id: str | None) -> list[Callback]:
    """All that a call tells of one business number, or of any where None. Raises `HookRefused` for what is no such call."""
    try:
        webhook = _WEBHOOK.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HookRefused("The body is not a WhatsApp webhook.", status_code=400) from None
    if webhook.object != OBJECT:
        raise HookRefused(f"This is a webhook about something else than “{OBJECT}”.", status_code=400)
    values = [_understood(change.value, Value) for entry in webhook.entry for change in entry.changes if change.field in _FIELDS]
    return [
        callback
        for value in values
        if value is not None and phone_number_id in {None, value.metadata.phone_number_id}
        for callback in _callbacks(value)
    ]


_FIELDS = frozenset({"messages", "user_preferences"})


def _callbacks(value: Value) -> Iterator[Callback]:
    for raw in value.statuses:
        status = _understood(raw, Status)
        if status is not None and status.id and status.status in STATUSES:
            yield _receipt(status)
    contacts = [contact for raw in value.contacts if (contact := _understood(raw, Contact)) is not None]
    for raw in value.messages:
        message = _understood(raw, Message) or _understood(_bare(raw), Message)
        inbound = (
            None if message is None else inbound_of(message, contacts, phone(value.metadata.display_phone_number), at(message.timestamp))
        )
        if inbound is not None:
            yield inbound
    for raw in value.user_preferences:
        preference = _understood(raw, Preference)
        if preference is not None and preference.value == "stop" and (address := phone(preference.wa_id) or preference.user_id):
            yield ProviderOptOut(address=address)


def _receipt(status: Status) -> Receipt:
    failed = STATUSES[status.status] == "failed"
    problem = status.errors[0] if status.errors else None
    return Receipt(
        provider_message_id=status.id,
        status=STATUSES[status.status],
        provider_status=status.status,
        reference=status.biz_opaque_callback_data or None,
        code=_code(problem) if failed else None,
        detail=_detail(problem) if failed else None,
        at=at(status.timestamp),
    )


def _code(problem: Problem | None) -> ErrorCode:
    return code_of(problem.code if problem else None) or ErrorCode.UNREACHABLE


def _detail(problem: Problem | None) -> str:
    return (
        told(problem.code, problem.message or problem.title or "", problem.error_data) if problem else "WhatsApp: failed without a reason"
    )


def told(number: int, message: str, error_data: Any) -> str:
    """An error in a sentence for people. Meta's own explanation stands in `error_data.details`."""
    details = error_data.get("details") if isinstance(error_data, dict) else error_data
    words = " – ".join(dict.fromkeys(part for part in (message, details) if isinstance(part, str) and part))
    return f"WhatsApp error {number}: {words}" if words else f"WhatsApp error {number}"


def at(timestamp: str | int | None) -> datetime | None:
    """Seconds since 1970, which Meta writes as text."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(timestamp or ""), UTC)
    return None


def _bare(raw: Any) -> Any:
    """A message whose parts are of an unknown shape, without them: somebody wrote, and the window to answer is open."""
    return (
        {name: raw[name] for name in ("id", "type", "from", "from_user_id", "timestamp") if name in raw} if isinstance(raw, dict) else raw
    )


def _understood(raw: Any, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        return None
