"""Twilio's error codes in our words. Source: twilio.com/docs/api/errors; a code that is not here is told by its HTTP status."""

from __future__ import annotations

from tidings.providers.base import ErrorCode as E

CODES: dict[int, E] = {
    # the account
    20003: E.INVALID_CREDENTIALS,  # authenticate
    20006: E.INVALID_CREDENTIALS,  # access denied
    20008: E.INVALID_CREDENTIALS,  # not reachable with test credentials
    20404: E.INVALID_CREDENTIALS,  # no such account
    10001: E.INSUFFICIENT_BALANCE,  # account not active: there is no other sign of an empty account
    20005: E.INSUFFICIENT_BALANCE,
    90010: E.INSUFFICIENT_BALANCE,
    30002: E.INSUFFICIENT_BALANCE,  # account suspended after the message was queued
    # the sender: as wrong for every message of the channel as a password would be
    21212: E.INVALID_CREDENTIALS,  # From is not a number
    21603: E.INVALID_CREDENTIALS,  # no From
    21606: E.INVALID_CREDENTIALS,  # From is not ours or cannot send
    21659: E.INVALID_CREDENTIALS,  # From is not a Twilio number or short code
    21660: E.INVALID_CREDENTIALS,  # From belongs to another account
    21703: E.INVALID_CREDENTIALS,  # the messaging service has no sender
    # the recipient
    21211: E.INVALID_ADDRESS,
    21604: E.INVALID_ADDRESS,
    21614: E.INVALID_ADDRESS,  # not a mobile
    30005: E.INVALID_ADDRESS,  # unknown handset
    30006: E.INVALID_ADDRESS,  # landline
    21612: E.UNREACHABLE,
    30003: E.UNREACHABLE,  # handset off or out of reach
    30008: E.UNREACHABLE,  # the carrier does not say why
    21408: E.UNSUPPORTED,  # the country is not enabled in the account
    21608: E.UNSUPPORTED,  # a trial account writes to verified numbers only
    21610: E.OPTED_OUT,
    30004: E.BLOCKED,
    # the text
    21602: E.REJECTED_CONTENT,  # empty
    21617: E.REJECTED_CONTENT,  # over 1,600 characters
    30007: E.REJECTED_CONTENT,  # filtered as unwanted
    63016: E.TEMPLATE_REQUIRED,
    # the pace
    20429: E.RATE_LIMITED,
    21611: E.RATE_LIMITED,  # ten hours' worth are queued for this sender already
    30001: E.RATE_LIMITED,
    63018: E.RATE_LIMITED,
}

CHANNEL_PAUSE: dict[int, float] = {21611: 60.0}
"""Seconds to leave the channel alone where Twilio names no time itself: a full queue takes a while to drain."""
