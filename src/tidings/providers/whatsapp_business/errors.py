"""The platform's error codes in our words, the same in answers to a send and in `failed` statuses.

Sources: developers.facebook.com, WhatsApp Cloud API error codes; pywa's errors.py. Meta asks to build on `code` and not on the HTTP status or
the title.
"""

from __future__ import annotations

from tidings.providers.base import ErrorCode as E

_CODES: dict[int, E] = {
    # the account, and what is as wrong for every message of the channel as a token would be
    0: E.INVALID_CREDENTIALS,  # the token is not valid any more
    3: E.INVALID_CREDENTIALS,  # the token lacks a permission
    10: E.INVALID_CREDENTIALS,
    33: E.INVALID_CREDENTIALS,  # the business number was deleted
    190: E.INVALID_CREDENTIALS,  # the token has expired
    131005: E.INVALID_CREDENTIALS,
    368: E.INVALID_CREDENTIALS,  # the account is blocked for breaking a policy
    131031: E.INVALID_CREDENTIALS,  # the account is locked
    131037: E.INVALID_CREDENTIALS,  # the number's display name is not approved
    131045: E.INVALID_CREDENTIALS,  # the number's registration is broken
    133010: E.INVALID_CREDENTIALS,  # the number is not registered
    131042: E.INSUFFICIENT_BALANCE,  # the payment method fails
    131044: E.INSUFFICIENT_BALANCE,
    # the recipient
    131021: E.INVALID_ADDRESS,  # the sender itself
    131026: E.UNREACHABLE,  # not on WhatsApp, old app, terms not accepted
    137000: E.UNREACHABLE,  # the person's identity key has changed
    131030: E.UNSUPPORTED,  # a test number writes to listed numbers only
    130497: E.UNSUPPORTED,  # the account may not write to this country
    131062: E.UNSUPPORTED,  # this template needs a phone number, not a business-scoped user id
    131050: E.OPTED_OUT,  # the person stopped marketing messages
    130472: E.BLOCKED,  # Meta's experiment withholds marketing from this person
    131049: E.BLOCKED,  # Meta withholds marketing from people who get much of it
    131047: E.TEMPLATE_REQUIRED,  # more than 24 hours since the person wrote
    # the message
    100: E.REJECTED_CONTENT,  # a parameter is wrong
    131008: E.REJECTED_CONTENT,  # a parameter is missing
    131009: E.REJECTED_CONTENT,  # a parameter's value is wrong
    131051: E.UNSUPPORTED,  # the type of message
    131052: E.REJECTED_CONTENT,  # the media cannot be downloaded
    131053: E.REJECTED_CONTENT,  # the media cannot be uploaded
    131063: E.UNSUPPORTED,  # marketing templates are turned off for the Cloud API
    132000: E.REJECTED_CONTENT,  # the number of template parameters
    132001: E.REJECTED_CONTENT,  # no such template in this language, or not approved
    132005: E.REJECTED_CONTENT,  # the filled-in text is too long
    132007: E.REJECTED_CONTENT,  # the template breaks a policy
    132008: E.REJECTED_CONTENT,  # a parameter's value
    132012: E.REJECTED_CONTENT,  # a parameter's form
    132015: E.REJECTED_CONTENT,  # the template is paused
    132016: E.REJECTED_CONTENT,  # the template is disabled
    132068: E.REJECTED_CONTENT,  # the template's flow is blocked
    132069: E.REJECTED_CONTENT,  # the template's flow is throttled
    135000: E.REJECTED_CONTENT,  # something about the parameters
    # the pace
    4: E.RATE_LIMITED,  # the app's calls in an hour
    80007: E.RATE_LIMITED,  # the account's calls in an hour
    130429: E.RATE_LIMITED,  # messages in a second
    131048: E.RATE_LIMITED,  # too many messages were blocked or reported
    131056: E.RATE_LIMITED,  # messages to one and the same person
    131064: E.RATE_LIMITED,  # the limit of the account, lowered after wrongly classified templates
    133016: E.RATE_LIMITED,  # registrations of the number
    # Meta
    2: E.PROVIDER_UNAVAILABLE,  # down or overloaded
    131000: E.PROVIDER_UNAVAILABLE,  # failed to send, nobody knows why
    131016: E.PROVIDER_UNAVAILABLE,
    131057: E.PROVIDER_UNAVAILABLE,  # the account is being moved, or its throughput raised
    133004: E.PROVIDER_UNAVAILABLE,
}

RETRYABLE = frozenset({E.RATE_LIMITED, E.PROVIDER_UNAVAILABLE})

CERTAIN = frozenset(_CODES) - {2, 100, 131000, 131016, 135000}
"""Codes that prove that nothing was sent, whatever the HTTP status: Meta answers some of them with a 500."""

PAUSES: dict[int, float] = {4: 60.0, 80007: 60.0, 131048: 3600.0, 131056: 60.0, 131064: 3600.0, 133016: 3600.0}
"""Seconds to wait where Meta names no time, which it never does in the body; the hourly and daily limits take longer to pass."""

PAIR_RATE = 131056
"""Too much to one person: everybody else can still be written to."""


def code_of(number: int | None, subcode: int | None = None) -> E | None:
    """Our word for Meta's number; None for none, or for one that nobody documents."""
    if number is None:
        return None
    if number == 100 and subcode == 33:  # "does not exist or cannot be loaded due to missing permissions": the number's id is wrong
        return E.INVALID_CREDENTIALS
    if 200 <= number < 300:
        return E.INVALID_CREDENTIALS
    return _CODES.get(number)
