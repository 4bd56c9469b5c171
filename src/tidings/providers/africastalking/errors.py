"""Africa's Talking's words for how a message ended, in ours.

Sources: africastalking's SMS documentation (sending/bulk, delivery reports) and the clients that cite it. Each refusal is known by a
number in an answer to a send and by a name in its `Message` and in delivery reports.
"""

from __future__ import annotations

from typing import Literal

from tidings.providers.base import ErrorCode as E

TAKEN = frozenset({100, 101, 102})
"""Processed, sent, queued."""

CODES: dict[int, E] = {
    401: E.REJECTED_CONTENT,  # RiskHold: held back as suspicious
    402: E.INVALID_CREDENTIALS,  # InvalidSenderId: as wrong for every message of the channel as a password would be
    403: E.INVALID_ADDRESS,  # InvalidPhoneNumber
    404: E.UNSUPPORTED,  # UnsupportedNumberType
    405: E.INSUFFICIENT_BALANCE,  # InsufficientBalance
    406: E.OPTED_OUT,  # UserInBlacklist
    407: E.UNREACHABLE,  # CouldNotRoute
    409: E.BLOCKED,  # DoNotDisturbRejection: the person's setting at the carrier
    500: E.PROVIDER_UNAVAILABLE,  # InternalServerError
    501: E.PROVIDER_UNAVAILABLE,  # GatewayError
    502: E.UNREACHABLE,  # RejectedByGateway
}
RETRYABLE = frozenset({500, 501})

NAMES: dict[str, int] = {
    "RiskHold": 401,
    "InvalidSenderId": 402,
    "InvalidPhoneNumber": 403,
    "UnsupportedNumberType": 404,
    "InsufficientBalance": 405,
    "UserInBlacklist": 406,
    "CouldNotRoute": 407,
    "DoNotDisturbRejection": 409,
    "InternalServerError": 500,
    "GatewayError": 501,
    "RejectedByGateway": 502,
}

STATUSES: dict[str, Literal["sent", "delivered", "failed"]] = {
    "Sent": "sent",
    "Submitted": "sent",
    "Buffered": "sent",
    "Success": "delivered",
    "Rejected": "failed",
    "Failed": "failed",
    "AbsentSubscriber": "failed",
    "Expired": "failed",
}

FAILURES: dict[str, E] = {
    "InsufficientCredit": E.INSUFFICIENT_BALANCE,
    "InvalidLinkId": E.INTERNAL,
    "UserIsInactive": E.UNREACHABLE,
    "UserInBlackList": E.OPTED_OUT,
    "UserAccountSuspended": E.UNREACHABLE,
    "NotNetworkSubcriber": E.INVALID_ADDRESS,  # spelt as they spell it
    "NotNetworkSubscriber": E.INVALID_ADDRESS,
    "UserNotSubscribedToProduct": E.BLOCKED,
    "UserDoesNotExist": E.INVALID_ADDRESS,
    "DeliveryFailure": E.UNREACHABLE,
    "DoNotDisturbRejection": E.BLOCKED,
    "AbsentSubscriber": E.UNREACHABLE,
    "Expired": E.UNREACHABLE,
}
"""By `failureReason`, or by the status where the report gives no reason."""
