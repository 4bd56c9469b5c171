"""Telegram's refusals in our words.

Telegram gives no codes of its own, only HTTP statuses with sentences "subject to change" (core.telegram.org/bots/api#making-requests).
The sentences here are those of its server (github.com/tdlib/telegram-bot-api, Client.cpp: `fail_query_with_error`, `check_chat`,
`get_closing_error`), those that people have met (github.com/TelegramBotAPI/errors) and, in capitals, those of the API below it
(core.telegram.org/method/messages.sendMessage#possible-errors), which pass through unchanged and as a 400, whatever status they had there.
One that is not here is told by its status.
"""

from __future__ import annotations

import msgspec

from tidings.providers.base import ErrorCode as E
from tidings.providers.base import SendFailed, SendUncertain
from tidings.providers.http import Answer, BadAnswer
from tidings.providers.outcomes import DEFAULT_PAUSE, LONGEST_PAUSE, by_status, retry_after

# Parts of sentences in lower case; the first that is found counts.
SENTENCES: dict[int, tuple[tuple[str, E], ...]] = {
    400: (
        # the recipient
        ("chat not found", E.INVALID_ADDRESS),
        ("user not found", E.INVALID_ADDRESS),
        ("peer_id_invalid", E.INVALID_ADDRESS),
        ("chat_id is empty", E.INVALID_ADDRESS),
        ("chat_id_invalid", E.INVALID_ADDRESS),
        ("channel_invalid", E.INVALID_ADDRESS),
        ("channel not found", E.INVALID_ADDRESS),
        ("user_deactivated", E.INVALID_ADDRESS),  # the account was deleted
        ("user_is_bot", E.INVALID_ADDRESS),
        ("username_invalid", E.INVALID_ADDRESS),
        ("username_not_occupied", E.INVALID_ADDRESS),
        ("group is deactivated", E.INVALID_ADDRESS),
        ("group chat is deactivated", E.INVALID_ADDRESS),
        ("group chat was deactivated", E.INVALID_ADDRESS),
        ("upgraded to a supergroup", E.INVALID_ADDRESS),
        ("user_is_blocked", E.OPTED_OUT),
        # the bot may be in the chat and yet not write
        ("not enough rights", E.BLOCKED),
        ("have no rights to send", E.BLOCKED),
        ("need administrator rights", E.BLOCKED),
        ("no write access", E.BLOCKED),
        ("chat_write_forbidden", E.BLOCKED),
        ("chat_guest_send_forbidden", E.BLOCKED),  # only members of the group behind a channel's comments
        ("chat_send_", E.BLOCKED),  # CHAT_SEND_PLAIN_FORBIDDEN, …_PHOTOS_FORBIDDEN: this kind of message is switched off there
        ("chat_forbidden", E.BLOCKED),
        ("chat_restricted", E.BLOCKED),
        ("chat_admin_required", E.BLOCKED),
        ("channel_private", E.BLOCKED),
        ("user_banned_in_channel", E.BLOCKED),
        ("you_blocked_user", E.BLOCKED),
        ("privacy_premium_required", E.BLOCKED),  # the person takes messages from contacts and paying accounts only
        ("allow_payment_required", E.BLOCKED),  # the person takes messages that are paid for only
        ("topic_closed", E.BLOCKED),
        ("topic_deleted", E.UNREACHABLE),
        ("message thread not found", E.UNREACHABLE),
        ("voice_messages_forbidden", E.UNSUPPORTED),  # the person takes no voice messages
        # the bot
        ("frozen_", E.INVALID_CREDENTIALS),  # Telegram has frozen the bot's account
        ("logged out", E.INVALID_CREDENTIALS),  # somebody called logOut: the bot lives at a server of its own now
        ("balance_too_low", E.INSUFFICIENT_BALANCE),  # too few Stars for what is paid in them
        # What else is wrong with a request is wrong with what the message holds: its length, its marks, its buttons, its file.
        ("", E.REJECTED_CONTENT),
    ),
    401: (("", E.INVALID_CREDENTIALS),),  # no such bot, or its token was revoked
    403: (
        ("blocked by the user", E.OPTED_OUT),
        ("user is deactivated", E.INVALID_ADDRESS),  # the account was deleted
        ("initiate conversation", E.UNREACHABLE),  # the person has never opened the chat
        ("messages to bots", E.INVALID_ADDRESS),
        ("group chat was deleted", E.INVALID_ADDRESS),
        ("", E.BLOCKED),  # kicked, not a member, no right to write
    ),
    404: (("", E.INVALID_CREDENTIALS),),  # a token of the wrong form
    409: (("", E.PROVIDER_UNAVAILABLE),),  # somebody else asks for this bot's updates, or its webhook is set
    421: (("", E.INVALID_CREDENTIALS),),  # a server of one's own that does not serve this bot
}
_TRY_AGAIN = frozenset({E.PROVIDER_UNAVAILABLE})
MOVED = "migrate_to_chat_id:"
"""Begins the provider code of a refusal that names a group's new number."""


class Parameters(msgspec.Struct):
    """https://core.telegram.org/bots/api#responseparameters."""

    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class Refusal(msgspec.Struct):
    """Telegram's error body."""

    ok: bool
    error_code: int
    description: str = ""
    parameters: Parameters | None = None


_REFUSAL = msgspec.json.Decoder(Refusal)


def refused(answer: Answer) -> SendFailed | SendUncertain:
    """What an answer that is no success means."""
    try:
        refusal = answer.decode(_REFUSAL)
    except BadAnswer:
        return by_status(answer)  # a proxy's words, or nobody's
    by_http = by_status(answer, refusal.description or None)
    if refusal.ok or isinstance(by_http, SendUncertain):
        return by_http
    parameters = refusal.parameters or Parameters()
    code = by_http.code if answer.status == 429 else _code(answer.status, refusal.description.lower(), by_http.code)
    moved = parameters.migrate_to_chat_id
    return SendFailed(
        code=code,
        detail=f"Telegram: {refusal.description}" if refusal.description else by_http.detail,
        retryable=by_http.retryable or code in _TRY_AGAIN,
        retry_after=_pause(answer, parameters) if code is E.RATE_LIMITED else None,
        provider_code=str(refusal.error_code) if moved is None else f"{MOVED}{moved}",
    )


def moved_to(outcome: object) -> str | None:
    """The number a group has got instead of the one written to, where a refusal names it."""
    if isinstance(outcome, SendFailed) and outcome.provider_code and outcome.provider_code.startswith(MOVED):
        return outcome.provider_code.removeprefix(MOVED)
    return None


def _code(status: int, sentence: str, otherwise: E) -> E:
    return next((code for part, code in SENTENCES.get(status, ()) if part in sentence), otherwise)


def _pause(answer: Answer, parameters: Parameters) -> float:
    wanted = retry_after(answer) if parameters.retry_after is None else parameters.retry_after
    return DEFAULT_PAUSE if wanted is None else min(max(wanted, 0.0), LONGEST_PAUSE)
