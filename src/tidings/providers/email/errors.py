"""SMTP replies in our words.

Sources: RFC 5321 4.2.3 (reply codes), RFC 3463 and RFC 5248's registry (enhanced codes: `5.1.1`), RFC 4954 (sign-in).
"""

from __future__ import annotations

import re
from enum import StrEnum

from tidings.providers.base import ErrorCode as E
from tidings.providers.base import SendFailed

PAUSE = 60.0
"""Seconds to leave a server alone that says we are too fast: SMTP has no word for how long."""
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")


class Stage(StrEnum):
    """What a reply was given to."""

    GREETING = "the connection"
    SIGN_IN = "the sign-in"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    CONTENT = "the message"


ENHANCED: dict[str, E] = {
    "5.1.0": E.INVALID_ADDRESS,
    "5.1.1": E.INVALID_ADDRESS,  # no such mailbox
    "5.1.2": E.INVALID_ADDRESS,  # no such domain
    "5.1.3": E.INVALID_ADDRESS,
    "5.1.4": E.INVALID_ADDRESS,
    "5.1.6": E.INVALID_ADDRESS,  # moved away
    "5.1.10": E.INVALID_ADDRESS,  # the domain takes no mail
    "5.1.7": E.INVALID_CREDENTIALS,  # our own address is malformed
    "5.1.8": E.INVALID_CREDENTIALS,  # our own domain does not exist
    "5.2.0": E.UNREACHABLE,
    "5.2.1": E.UNREACHABLE,  # mailbox disabled
    "5.2.2": E.UNREACHABLE,  # mailbox full
    "5.2.3": E.REJECTED_CONTENT,  # too long for this mailbox
    "5.3.4": E.REJECTED_CONTENT,  # too big for the server
    "5.4.1": E.UNREACHABLE,
    "5.4.4": E.UNREACHABLE,
    "5.4.6": E.UNREACHABLE,  # a loop
    "5.6.0": E.REJECTED_CONTENT,
    "5.6.1": E.REJECTED_CONTENT,
    "5.6.7": E.UNSUPPORTED,  # the address needs SMTPUTF8
    "5.7.1": E.BLOCKED,  # refused by a policy of the recipient's side, or no relaying for us
    "5.7.8": E.INVALID_CREDENTIALS,
    "5.7.9": E.INVALID_CREDENTIALS,
    "5.7.11": E.INVALID_CREDENTIALS,
    "5.7.14": E.INVALID_CREDENTIALS,
    "5.7.20": E.REJECTED_CONTENT,  # no passing DKIM signature
    "5.7.23": E.BLOCKED,  # SPF
    "5.7.25": E.BLOCKED,  # no reverse DNS
    "5.7.26": E.BLOCKED,  # neither SPF nor DKIM
    "5.7.27": E.INVALID_CREDENTIALS,  # our domain takes no mail
}
SIGN_IN = frozenset({530, 534, 535, 538})
"""Sign-in is missing, too weak, wrong, or needs encryption, at whatever stage they come."""
BY_CODE: dict[Stage, dict[int, E]] = {
    Stage.SENDER: {552: E.REJECTED_CONTENT},
    Stage.RECIPIENT: {550: E.INVALID_ADDRESS, 551: E.INVALID_ADDRESS, 553: E.INVALID_ADDRESS, 552: E.UNREACHABLE, 554: E.BLOCKED},
    Stage.CONTENT: {550: E.REJECTED_CONTENT, 552: E.REJECTED_CONTENT, 554: E.REJECTED_CONTENT},
}
"""For servers that give no enhanced code."""
OTHERWISE: dict[Stage, E] = {
    Stage.GREETING: E.PROVIDER_UNAVAILABLE,
    Stage.SIGN_IN: E.INVALID_CREDENTIALS,
    Stage.SENDER: E.INVALID_CREDENTIALS,  # a sender that this account may not use fails for every message alike
    Stage.RECIPIENT: E.UNREACHABLE,
    Stage.CONTENT: E.REJECTED_CONTENT,
}
TOO_FAST = frozenset({"4.4.5", "4.7.0", "4.7.28", "4.7.32"})
"""With 421 or 450 to 454: congestion, and what the large mail services say to a sender that is too fast for them."""


def refused(stage: Stage, code: int, message: str) -> SendFailed:
    """The outcome of a reply that is no yes: the message was certainly not taken."""
    words = " ".join(message.split())
    found = _ENHANCED.match(words)
    enhanced = found[1] if found else ""
    detail = f"SMTP {code} to {stage}: {words}"
    if 400 <= code < 500:
        limited = enhanced in TOO_FAST and stage is not Stage.SIGN_IN
        return SendFailed(
            code=E.RATE_LIMITED if limited else E.PROVIDER_UNAVAILABLE,
            detail=detail,
            retryable=True,
            retry_after=PAUSE if limited else None,
            provider_code=enhanced or str(code),
        )
    if code in SIGN_IN:
        meaning = E.INVALID_CREDENTIALS
    else:
        # Before the recipient is named, whatever is refused is refused to all of them.
        ours = stage not in {Stage.RECIPIENT, Stage.CONTENT}
        meaning = (None if ours else ENHANCED.get(enhanced)) or BY_CODE.get(stage, {}).get(code, OTHERWISE[stage])
    return SendFailed(code=meaning, detail=detail, retryable=meaning is E.PROVIDER_UNAVAILABLE, provider_code=enhanced or str(code))
