"""What Africa's Talking posts to a channel's hook: a delivery report, a message from a person, or an opt-out.

Nothing is signed, so the hook's secret path is what proves the caller. All three kinds may be set to the same address; they are told
apart by their fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from tidings.providers.africastalking.errors import FAILURES, STATUSES
from tidings.providers.base import Callback, ErrorCode, HookAnswer, HookRefused, HookRequest, Inbound, ProviderOptOut, Receipt

MOST_FIELDS = 100  # of a form; theirs have eight


def read_hook(request: HookRequest) -> HookAnswer:
    """Say what the form holds."""
    try:
        form = dict(parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise HookRefused("The body is not a form.", status_code=400) from None
    return HookAnswer(callbacks=[_callback(form)])


def _callback(form: Mapping[str, str]) -> Callback:
    if form.get("id") and form.get("status"):
        return _receipt(form)
    if form.get("id") and form.get("from") and "text" in form:
        return Inbound(
            provider_message_id=form["id"],
            sender=_e164(form["from"]),
            recipient=form.get("to") or None,
            text=form["text"],
            at=_time(form.get("date", "")),
        )
    if form.get("phoneNumber") and "senderId" in form:
        return ProviderOptOut(address=_e164(form["phoneNumber"]))
    raise HookRefused("This is neither a delivery report nor an incoming message nor an opt-out.", status_code=400)


def _receipt(form: Mapping[str, str]) -> Receipt:
    word = form["status"]
    status = STATUSES.get(word)
    if status is None:
        raise HookRefused(f"“{word}” is not a status that Africa's Talking documents.", status_code=400)
    reason = form.get("failureReason") or ""
    failed = status == "failed"
    return Receipt(
        provider_message_id=form["id"],
        status=status,
        provider_status=word,
        code=FAILURES.get(reason or word, ErrorCode.UNREACHABLE) if failed else None,
        detail=f"Africa's Talking: {word}" + (f", {reason}" if reason else "") if failed else None,
    )


def _e164(number: str) -> str:
    number = number.strip()
    # A plus that was not escaped in the form arrives as a space, and is gone by now.
    return f"+{number}" if number.isdecimal() and len(number) >= 8 else number


def _time(text: str) -> datetime | None:
    """Both forms seen: `2017-05-03T06:04:45Z` and `2017-05-03 06:04:45`, the second taken as UTC too."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
