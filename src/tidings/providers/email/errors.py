"""SMTP replies in our words.

Sources: RFC 5321 4.2.3 and 4.3.2 (reply codes), RFC 7504 (521, 556), RFC 4954 (sign-in), RFC 6531 (addresses beyond ASCII); for the enhanced
codes (`5.1.1`) RFC 3463 and the registry of RFC 5248 (iana.org/assignments/smtp-enhanced-status-codes). What large services mean by theirs:
knowledge.workspace.google.com/admin/support/troubleshooting/gmail-smtp-errors-and-codes (5.4.5), learn.microsoft.com on non-delivery reports
in Exchange Online (5.1.90, 5.7.57, 5.7.60, 5.7.139, 5.7.705, 5.7.708), docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html (sentences).
"""

from __future__ import annotations

import re
from enum import StrEnum

from tidings.providers.base import ErrorCode as E
from tidings.providers.base import SendFailed

PAUSE = 60.0
"""Seconds to leave a server alone that says we are too fast: SMTP has no word for how long."""
DAYS_QUOTA_PAUSE = 3600.0
"""Seconds to wait where the account's mails of a day are used up: it is asked again every hour."""
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")


class Stage(StrEnum):
    """What a reply was given to."""

    GREETING = "the connection"
    SIGN_IN = "the sign-in"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    CONTENT = "the message"


ENHANCED: dict[str, E] = {
    "5.1.7": E.INVALID_CREDENTIALS,  # our own address is malformed
    "5.1.8": E.INVALID_CREDENTIALS,  # our own domain does not exist; at Microsoft, our mailbox is blocked
    "5.1.90": E.RATE_LIMITED,  # the recipients of a day
    "5.2.3": E.REJECTED_CONTENT,  # too long for this mailbox
    "5.3.4": E.REJECTED_CONTENT,  # too big for the server
    "5.4.5": E.RATE_LIMITED,  # congestion; at Google, the mails of a day
    "5.6.7": E.UNSUPPORTED,  # the address needs SMTPUTF8
    "5.6.9": E.UNSUPPORTED,  # so do our headers
    "5.7.1": E.BLOCKED,  # refused by a policy of the recipient's side, or no relaying for us
    "5.7.4": E.UNSUPPORTED,
    "5.7.8": E.INVALID_CREDENTIALS,
    "5.7.9": E.INVALID_CREDENTIALS,  # the way of signing in is too weak
    "5.7.10": E.INVALID_CREDENTIALS,  # encryption is needed
    "5.7.11": E.INVALID_CREDENTIALS,
    "5.7.12": E.INVALID_CREDENTIALS,  # the password has to be changed
    "5.7.13": E.INVALID_CREDENTIALS,  # the account is disabled
    "5.7.14": E.INVALID_CREDENTIALS,
    "5.7.17": E.INVALID_ADDRESS,  # the mailbox has another owner now
    "5.7.18": E.INVALID_ADDRESS,  # the domain has
    "5.7.20": E.REJECTED_CONTENT,  # no passing DKIM signature
    "5.7.21": E.REJECTED_CONTENT,
    "5.7.22": E.REJECTED_CONTENT,
    "5.7.27": E.INVALID_CREDENTIALS,  # our domain takes no mail
    "5.7.57": E.INVALID_CREDENTIALS,  # not signed in
    "5.7.60": E.INVALID_CREDENTIALS,  # not allowed to send as this sender
    "5.7.139": E.INVALID_CREDENTIALS,  # signing in by SMTP is switched off
    "5.7.705": E.INVALID_CREDENTIALS,  # the whole organisation is blocked for what it sent
    "5.7.708": E.INVALID_CREDENTIALS,  # so is its address on the internet
}
SUBJECTS: dict[str, E] = {
    "5.1": E.INVALID_ADDRESS,  # 5.1.0 to 5.1.6, and 5.1.10: no such mailbox or domain, moved away, takes no mail
    "5.2": E.UNREACHABLE,  # disabled, full, a list that cannot be expanded
    "5.3": E.UNREACHABLE,  # their system is full, takes no mail, is set up wrongly
    "5.4": E.UNREACHABLE,  # no answer, no route, a loop, too late
    "5.6": E.REJECTED_CONTENT,
    "5.7": E.BLOCKED,
}
"""For codes that are not above: RFC 3463 gives the second number the meaning that all of its third numbers share."""
UNDEFINED_POLICY = "5.7.0"
"""Says that a policy refuses, and not which: it is about the recipient or the mail, whichever was just named."""
SIGN_IN = frozenset({530, 534, 535, 538})
"""Sign-in is missing, too weak, wrong, or needs encryption, at whatever stage they come."""
PASSWORD_CHANGE = 432  # the only 4xx that does not pass by itself: RFC 4954
TAKES_NO_MAIL = 521  # RFC 7504: a host that is no mail server for anybody, so the channel's host name is wrong
NOT_UNDERSTOOD = dict.fromkeys((500, 502, 503, 504), E.INTERNAL)
"""A command was not understood: our fault or the server's, and nothing about this mail."""
BY_CODE: dict[Stage, dict[int, E]] = {
    Stage.GREETING: {TAKES_NO_MAIL: E.INVALID_CREDENTIALS},
    Stage.SENDER: {552: E.REJECTED_CONTENT},
    Stage.RECIPIENT: {
        **NOT_UNDERSTOOD, 501: E.INVALID_ADDRESS, 550: E.INVALID_ADDRESS, 551: E.INVALID_ADDRESS, 553: E.INVALID_ADDRESS,
        556: E.INVALID_ADDRESS, 521: E.INVALID_ADDRESS, 552: E.UNREACHABLE, 554: E.BLOCKED, 555: E.UNSUPPORTED,
    },
    Stage.CONTENT: {**NOT_UNDERSTOOD, 550: E.REJECTED_CONTENT, 552: E.REJECTED_CONTENT, 554: E.REJECTED_CONTENT},
}  # fmt: skip
"""For servers that give no enhanced code."""
OTHERWISE: dict[Stage, E] = {
    Stage.GREETING: E.PROVIDER_UNAVAILABLE,
    Stage.SIGN_IN: E.INVALID_CREDENTIALS,
    Stage.SENDER: E.INVALID_CREDENTIALS,  # a sender that this account may not use fails for every message alike
    Stage.RECIPIENT: E.UNREACHABLE,
    Stage.CONTENT: E.REJECTED_CONTENT,
}
OF_THE_MAIL = frozenset({"5.1.90", "5.2.3", "5.3.4", "5.4.5", "5.6.7", "5.6.9"})
"""The codes that tell more than OTHERWISE even where the sender is being named: of this mail's size and letters, or of the account's pace."""
TOO_FAST = frozenset({"4.4.5", "4.7.0", "4.7.28", "4.7.32"})
"""With 421 or 450 to 454: congestion, and what the large mail services say to a sender that is too fast for them."""
OF_THE_RECIPIENT = frozenset({"4.1.1", "4.1.2", "4.2.1", "4.2.2", "4.2.3"})
"""Temporary, and of this mailbox alone: not verified yet, getting too much, full. Such a reply says nothing against the server that gives it."""
ACCOUNT = ("email address is not verified", "sending paused for this account", "account is paused")
"""How Amazon SES refuses what is the account's fault. It gives no enhanced codes."""
THROTTLING = ("throttling failure", "too many concurrent smtp connections")
"""How Amazon SES says that we are too fast, or that the day's mails are used up."""


def refused(stage: Stage, code: int, message: str) -> SendFailed:
    """The outcome of a reply that is no yes: the message was certainly not taken."""
    words = " ".join(message.split())
    found = _ENHANCED.match(words)
    enhanced = found[1] if found else ""
    meaning = _temporary(stage, code, enhanced, words) if 400 <= code < 500 else _permanent(stage, code, enhanced, words)
    limited = meaning is E.RATE_LIMITED
    return SendFailed(
        code=meaning,
        detail=f"SMTP {code} to {stage}: {words}",
        retryable=limited or meaning is E.PROVIDER_UNAVAILABLE or (meaning is E.UNREACHABLE and code < 500),
        retry_after=None if not limited else PAUSE if code < 500 else DAYS_QUOTA_PAUSE,
        provider_code=enhanced or str(code),
    )


def _temporary(stage: Stage, code: int, enhanced: str, words: str) -> E:
    if code == PASSWORD_CHANGE:
        return E.INVALID_CREDENTIALS
    if stage is Stage.SIGN_IN:
        return E.PROVIDER_UNAVAILABLE
    if enhanced in TOO_FAST or any(sentence in words.lower() for sentence in THROTTLING):
        return E.RATE_LIMITED
    # Before the recipient is named, a reply cannot be about them.
    return E.UNREACHABLE if _names_somebody(stage) and enhanced in OF_THE_RECIPIENT else E.PROVIDER_UNAVAILABLE


def _permanent(stage: Stage, code: int, enhanced: str, words: str) -> E:
    if code in SIGN_IN or any(sentence in words.lower() for sentence in ACCOUNT):
        return E.INVALID_CREDENTIALS
    by_code = BY_CODE.get(stage, {}).get(code, OTHERWISE[stage])
    if not _names_somebody(stage):  # whatever is refused now is refused to all of them, but for what is wrong with this mail
        return ENHANCED[enhanced] if stage is Stage.SENDER and enhanced in OF_THE_MAIL else by_code
    if enhanced == UNDEFINED_POLICY:
        return E.BLOCKED if stage is Stage.RECIPIENT else E.REJECTED_CONTENT
    return ENHANCED.get(enhanced) or SUBJECTS.get(enhanced.rpartition(".")[0]) or by_code


def _names_somebody(stage: Stage) -> bool:
    return stage in {Stage.RECIPIENT, Stage.CONTENT}
