"""What BulkSMS posts to a channel's hook: an array of messages, sent ones with their status and received ones.

Nothing is signed, so the hook's secret path is what proves the caller. Both of its webhooks (SENT and RECEIVED) may have the same
address. An empty array is its test of the address.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from tidings.providers.base import Callback, HookAnswer, HookRefused, HookRequest, Inbound, Receipt
from tidings.providers.bulksms.answers import MESSAGES, Message, cost, failure, told
from tidings.providers.bulksms.errors import STATUSES
from tidings.providers.bulksms.marks import unpack

MOST_MESSAGES = 1_000  # in one call; theirs carry ten


def read_hook(request: HookRequest) -> HookAnswer:
    """Say what the array holds."""
    try:
        messages = MESSAGES.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise HookRefused("The body is not an array of messages.", status_code=400) from None
    if len(messages) > MOST_MESSAGES:
        raise HookRefused("The array is longer than any that BulkSMS sends.", status_code=400)
    return HookAnswer(callbacks=[_callback(one) for one in messages])


def _callback(message: Message) -> Callback:
    if message.id and message.type == "SENT" and message.status.type in STATUSES:
        return _receipt(message)
    if message.id and message.type == "RECEIVED" and message.sender:
        return Inbound(
            provider_message_id=message.id,
            sender=_e164(message.sender),
            recipient=message.to or None,
            text=message.body,
            at=_time((message.submission or {}).get("date") or ""),
            reply_to=message.related_sent_message_id or None,
        )
    raise HookRefused("This is neither a status that BulkSMS documents nor a message from a person.", status_code=400)


def _receipt(message: Message) -> Receipt:
    status = STATUSES[message.status.type]
    return Receipt(
        provider_message_id=message.id,
        status=status,
        provider_status=message.status.id or message.status.type,
        reference=unpack(message.user_supplied_id) if message.user_supplied_id else None,
        code=failure(message.status) if status == "failed" else None,
        detail=told(message.status) if status == "failed" else None,
        segments=message.number_of_parts or None,
        cost=cost(message),
    )


def _e164(number: str) -> str:
    return f"+{number}" if number.isdecimal() and len(number) >= 8 else number


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
