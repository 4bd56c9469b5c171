"""What the library's sentences and a session's ends mean. The sentences are whatsmeow's (github.com/tulir/whatsmeow: errors.go, send.go), as
neonize 0.5.2 hands them on; `info query returned status 429: rate-overlimit` is its ErrIQRateOverLimit.

Only what certainly did not leave is a failure: whatever else the library says of a send is a doubt.
"""

from __future__ import annotations

import re

from tidings.providers.base import ErrorCode, Outcome, ProviderError, SendFailed, SendUncertain
from tidings.providers.whatsapp_linked.frames import Ended, Sent

INSTALL = (
    "The library for WhatsApp by linked device is not installed here: the operator can add it with pip install 'tidings[whatsapp-linked]'."
)
NOT_HERE = "Nothing was sent: the phone's session runs in another worker, or not at all just now."
NOT_CONNECTED = "Nothing was sent: the linked device is not connected to WhatsApp just now."
_LONGEST = 300
_SERVER = re.compile(r"server returned error (\d+)")
_TOO_FAST = "info query returned status 429"
"""WhatsApp answers no more questions for a while: what a message needs before it leaves was not told, so it did not leave."""
_TOO_FAST_PAUSE = 300.0
_NEVER_LEFT = (
    "websocket not connected",
    "the store doesn't contain a device JID",
    "client is nil",
    "failed to get device list",
    "failed to get group members",
    "failed to encrypt",
    "no LID found",
    "no signal session",
    "unknown server",
    "recipient must be",
    "broadcast lists is not yet supported",
)
_ABOUT_ADDRESS = ("unknown server", "recipient must be", "no LID found", "broadcast lists is not yet supported")


def outcome_of(sent: Sent) -> Outcome:
    """The outcome of a message that WhatsApp did not take."""
    said = sent.failure[:_LONGEST]
    if _TOO_FAST in said:
        detail = f"Nothing was sent: WhatsApp wants fewer questions for a while ({said})."
        return SendFailed(code=ErrorCode.RATE_LIMITED, detail=detail, retryable=True, retry_after=_TOO_FAST_PAUSE, provider_code="429")
    match sent.stage:
        case "offline":
            return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=NOT_CONNECTED, retryable=True)
        case "address":
            return SendFailed(code=ErrorCode.INVALID_ADDRESS, detail="This is neither a phone number nor an id of WhatsApp's.")
        case "absent":
            return SendFailed(code=ErrorCode.UNREACHABLE, detail="Nobody is on WhatsApp with this number.")
        case "check":
            return SendFailed(
                code=ErrorCode.PROVIDER_UNAVAILABLE,
                detail=f"Nothing was sent: WhatsApp did not say whether the number is there ({said}).",
                retryable=True,
            )
        case "upload":
            return SendFailed(
                code=ErrorCode.PROVIDER_UNAVAILABLE, detail=f"Nothing was sent: the file was not handed over ({said}).", retryable=True
            )
        case _:
            return _refused(said)


def _refused(said: str) -> Outcome:
    server = _SERVER.search(said)
    if server is not None:
        return _by_server(int(server[1]), said)
    if any(phrase in said for phrase in _NEVER_LEFT):
        if any(phrase in said for phrase in _ABOUT_ADDRESS):
            return SendFailed(code=ErrorCode.INVALID_ADDRESS, detail=f"WhatsApp: {said}")
        return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=f"Nothing was sent: {said}", retryable=True)
    late = "timed out" in said
    code = ErrorCode.TIMEOUT if late else ErrorCode.PROVIDER_UNAVAILABLE
    return SendUncertain(detail=f"It is not known whether this was sent: {said}", code=code)


def _by_server(number: int, said: str) -> SendFailed:
    """WhatsApp answered the message with a number, of which it documents none: what is known is that it did not take the message."""
    detail = f"WhatsApp: {said}"
    if number == 429:
        return SendFailed(
            code=ErrorCode.RATE_LIMITED, detail=detail, retryable=True, retry_after=_TOO_FAST_PAUSE, provider_code=str(number)
        )
    if number == 463:  # this account may not begin chats with strangers at present
        return SendFailed(code=ErrorCode.UNREACHABLE, detail=detail, provider_code=str(number))
    if number >= 500:
        return SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=detail, retryable=True, provider_code=str(number))
    return SendFailed(code=ErrorCode.REJECTED_CONTENT, detail=detail, provider_code=str(number))


def trouble_of(ended: Ended, wait: float) -> ProviderError:
    """Why a session ended that nobody stopped. `wait` is how long to leave it alone where WhatsApp does not say (seconds)."""
    said = ended.detail[:_LONGEST]
    match ended.kind:
        case "logged_out":
            words = "The phone ended the link, or WhatsApp did" + (f" ({said})" if said else "")
            return ProviderError(ErrorCode.INVALID_CREDENTIALS, f"{words}. Link it again: start the channel and scan the new code.")
        case "pairing":
            words = f"The phone was not linked in time{f' ({said})' if said else ''}"
            return ProviderError(ErrorCode.INVALID_CREDENTIALS, f"{words}. Start the channel again when the phone is at hand.")
        case "banned":
            words = "WhatsApp has locked this number for a while" + (f" ({said.lower()})" if said else "")
            return ProviderError(
                ErrorCode.BLOCKED, f"{words}. Write less, and to people who know you.", retry_after=ended.seconds or 3600.0
            )
        case "replaced":
            return ProviderError(
                ErrorCode.PROVIDER_UNAVAILABLE,
                "The same linked device was opened elsewhere; it is tried again later.",
                retry_after=max(wait, 60.0),
            )
        case "outdated":
            return ProviderError(
                ErrorCode.UNSUPPORTED,
                "WhatsApp takes this version of the library no longer: the operator has to bring neonize up to date.",
                retry_after=3600.0,
            )
        case "dial":
            return ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, f"WhatsApp cannot be reached: {said or 'no answer'}", retry_after=wait)
        case "refused":
            return ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, f"WhatsApp refused the connection: {said}", retry_after=wait)
        case _:
            return ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, f"The session broke off: {said or 'without a word'}", retry_after=wait)
