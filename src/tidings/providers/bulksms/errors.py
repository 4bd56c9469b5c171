"""BulkSMS's words for how a message ended, in ours.

Source: the published OpenAPI of its JSON REST API v1 (developer.bulksms.com/json/v1).
"""

from __future__ import annotations

from typing import Literal

from tidings.providers.base import ErrorCode as E

BAD_REQUEST = "bad-request"

PROBLEMS: dict[str, E] = {
    "insufficient-credits": E.INSUFFICIENT_BALANCE,
    BAD_REQUEST: E.REJECTED_CONTENT,  # "the content or structure of your submission, or a parameter, was found to be invalid"
}
"""By the fragment of a problem's `type`. Any other is read by its HTTP status."""

STATUSES: dict[str, Literal["sent", "delivered", "failed"]] = {
    "ACCEPTED": "sent",
    "SCHEDULED": "sent",
    "SENT": "sent",
    "UNKNOWN": "sent",  # they had it, and do not know more themselves
    "DELIVERED": "delivered",
    "FAILED": "failed",
}

FAILURES: dict[str, E] = {
    "EXPIRED": E.UNREACHABLE,
    "HANDSET_ERROR": E.UNREACHABLE,
    "BLOCKED": E.OPTED_OUT,  # the person answered STOP, or somebody put the number on the account's list
    "NOT_SENT": E.UNREACHABLE,  # they found no route to the number
}
"""By the `subtype` of FAILED."""
