"""What Meta's Graph API answers when it refuses.

Source: developers.facebook.com, Graph API error handling and WhatsApp Cloud API error codes: `{"error": {"message", "type", "code",
"error_subcode"?, "error_data"?: {"details"}, "is_transient"?, "fbtrace_id"}}`.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tidings.providers.base import ErrorCode, SendFailed, SendUncertain
from tidings.providers.http import Answer, BadAnswer
from tidings.providers.outcomes import DEFAULT_PAUSE, LONGEST_PAUSE, by_status, retry_after
from tidings.providers.whatsapp_business.errors import CERTAIN, PAIR_RATE, PAUSES, RETRYABLE, code_of
from tidings.providers.whatsapp_business.webhooks import told


class GraphError(msgspec.Struct):
    """The part of an error that decides."""

    code: int
    message: str = ""
    error_subcode: int | None = None
    error_data: Any = None
    is_transient: bool = False


class Refusal(msgspec.Struct):
    """The error's envelope."""

    error: GraphError


_REFUSAL = msgspec.json.Decoder(Refusal)


def refused(answer: Answer) -> SendFailed | SendUncertain:
    """What an answer that is no success means: by Meta's code where it is known, else by the HTTP status."""
    try:
        error = answer.decode(_REFUSAL).error
    except BadAnswer:
        return by_status(answer)
    detail = told(error.code, error.message, error.error_data)
    code = code_of(error.code, error.error_subcode)
    certain = error.code in CERTAIN or 200 <= error.code < 300 or (error.code, error.error_subcode) == (100, 33)
    by_http = by_status(answer, detail)
    if isinstance(by_http, SendUncertain) and not certain:
        return SendUncertain(detail=detail, code=by_http.code)
    if code is None:
        code = by_http.code
        if code is ErrorCode.INTERNAL and error.is_transient:
            code = ErrorCode.PROVIDER_UNAVAILABLE
    limited = code is ErrorCode.RATE_LIMITED
    return SendFailed(
        code=code,
        detail=detail,
        retryable=code in RETRYABLE,
        retry_after=_pause(answer, error.code) if limited else None,
        pauses="recipient" if error.code == PAIR_RATE else "channel",
        provider_code=str(error.code),
    )


def _pause(answer: Answer, number: int) -> float:
    """Seconds to wait: as HTTP says, as the usage header says, or what the limit takes to pass."""
    said = retry_after(answer)
    if said is None:
        said = _regained_in(answer)
    return PAUSES.get(number, DEFAULT_PAUSE) if said is None else said


def _regained_in(answer: Answer) -> float | None:
    """Seconds from `X-Business-Use-Case-Usage`, which counts minutes.

    Source: developers.facebook.com, Graph API rate limiting: `{"<account>": [{"type", "estimated_time_to_regain_access": 19, …}]}`.
    """
    try:
        usage = json.loads(answer.headers.get("x-business-use-case-usage") or "{}")
        minutes = max(float(each.get("estimated_time_to_regain_access", 0)) for account in usage.values() for each in account)
    except (ValueError, TypeError, AttributeError):
        return None
    return min(minutes * 60.0, LONGEST_PAUSE) if minutes > 0 else None
