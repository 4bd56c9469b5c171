"""Telegram's documented refusals, each over real HTTP: our word for it, and what follows.

Sources: core.telegram.org/bots/api#making-requests (statuses, retry_after, migrate_to_chat_id); github.com/tdlib/telegram-bot-api, Client.cpp
(`check_chat`, `get_closing_error`, `fail_query_with_error`) and ClientManager.cpp; github.com/TelegramBotAPI/errors;
core.telegram.org/method/messages.sendMessage#possible-errors for the names in capitals, which the Bot API hands on as a 400.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.providers.channels import channel_of
from tests.providers.consequences import consequence
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.simulators.telegram_rules import STATES
from tidings.providers import provider
from tidings.providers.base import Outcome, Outgoing
from tidings.providers.http import Http

PERSON = "254711000"
ROWS = [
    # the recipient
    (400, "Bad Request: chat not found", "invalid_address", "final"),
    (400, "Bad Request: private chat not found", "invalid_address", "final"),
    (400, "Bad Request: user not found", "invalid_address", "final"),
    (400, "Bad Request: chat_id is empty", "invalid_address", "final"),
    (400, "Bad Request: group is deactivated", "invalid_address", "final"),
    (400, "Bad Request: group chat is deactivated", "invalid_address", "final"),
    (400, "Bad Request: group chat was deactivated", "invalid_address", "final"),
    (400, "Bad Request: channel not found", "invalid_address", "final"),
    (400, "Bad Request: group chat was upgraded to a supergroup chat", "invalid_address", "final"),
    (400, "Bad Request: PEER_ID_INVALID", "invalid_address", "final"),
    (400, "Bad Request: CHAT_ID_INVALID", "invalid_address", "final"),
    (400, "Bad Request: CHANNEL_INVALID", "invalid_address", "final"),
    (400, "Bad Request: USERNAME_INVALID", "invalid_address", "final"),
    (400, "Bad Request: USERNAME_NOT_OCCUPIED", "invalid_address", "final"),
    (400, "Bad Request: INPUT_USER_DEACTIVATED", "invalid_address", "final"),
    (400, "Bad Request: USER_DEACTIVATED", "invalid_address", "final"),
    (400, "Bad Request: USER_IS_BOT", "invalid_address", "final"),
    (403, "Forbidden: user is deactivated", "invalid_address", "final"),
    (403, "Forbidden: bot can't send messages to bots", "invalid_address", "final"),
    (403, "Forbidden: the group chat was deleted", "invalid_address", "final"),
    (403, "Forbidden: bot was blocked by the user", "opted_out", "opts out"),
    (400, "Bad Request: USER_IS_BLOCKED", "opted_out", "opts out"),
    (403, "Forbidden: bot can't initiate conversation with a user", "unreachable", "final"),
    (400, "Bad Request: TOPIC_DELETED", "unreachable", "final"),
    (400, "Bad Request: message thread not found", "unreachable", "final"),
    # the bot may not write there
    (403, "Forbidden: bot was kicked from the group chat", "blocked", "final"),
    (403, "Forbidden: bot was kicked from the supergroup chat", "blocked", "final"),
    (403, "Forbidden: bot was kicked from the channel chat", "blocked", "final"),
    (403, "Forbidden: bot is not a member of the group chat", "blocked", "final"),
    (403, "Forbidden: bot is not a member of the supergroup chat", "blocked", "final"),
    (403, "Forbidden: bot is not a member of the channel chat", "blocked", "final"),
    (403, "Forbidden: something nobody has heard of", "blocked", "final"),
    (400, "Bad Request: not enough rights to send text messages to the chat", "blocked", "final"),
    (400, "Bad Request: not enough rights to send photos to the chat", "blocked", "final"),
    (400, "Bad Request: have no rights to send a message", "blocked", "final"),
    (400, "Bad Request: have no write access to the chat", "blocked", "final"),
    (400, "Bad Request: need administrator rights in the channel chat", "blocked", "final"),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN", "blocked", "final"),
    (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", "blocked", "final"),
    (400, "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", "blocked", "final"),
    (400, "Bad Request: CHAT_GUEST_SEND_FORBIDDEN", "blocked", "final"),
    (400, "Bad Request: CHAT_FORBIDDEN", "blocked", "final"),
    (400, "Bad Request: CHAT_RESTRICTED", "blocked", "final"),
    (400, "Bad Request: CHAT_ADMIN_REQUIRED", "blocked", "final"),
    (400, "Bad Request: CHANNEL_PRIVATE", "blocked", "final"),
    (400, "Bad Request: USER_BANNED_IN_CHANNEL", "blocked", "final"),
    (400, "Bad Request: YOU_BLOCKED_USER", "blocked", "final"),
    (400, "Bad Request: PRIVACY_PREMIUM_REQUIRED", "blocked", "final"),
    (400, "Bad Request: ALLOW_PAYMENT_REQUIRED_50", "blocked", "final"),
    (400, "Bad Request: TOPIC_CLOSED", "blocked", "final"),
    (400, "Bad Request: VOICE_MESSAGES_FORBIDDEN", "unsupported", "final"),
    # the message
    (400, "Bad Request: message text is empty", "rejected_content", "final"),
    (400, "Bad Request: message is too long", "rejected_content", "final"),
    (400, "Bad Request: message caption is too long", "rejected_content", "final"),
    (400, "Bad Request: MESSAGE_TOO_LONG", "rejected_content", "final"),
    (400, "Bad Request: entities too long", "rejected_content", "final"),
    (400, "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"", "rejected_content", "final"),
    (400, "Bad Request: message to be replied not found", "rejected_content", "final"),
    (400, "Bad Request: BUTTON_URL_INVALID", "rejected_content", "final"),
    (400, "Bad Request: BUTTON_DATA_INVALID", "rejected_content", "final"),
    (400, "Bad Request: BUTTON_USER_PRIVACY_RESTRICTED", "rejected_content", "final"),
    (400, "Bad Request: reply markup is too long", "rejected_content", "final"),
    (400, "Bad Request: can't upload file by URL", "rejected_content", "final"),
    (400, "Bad Request: file is too big", "rejected_content", "final"),
    (400, "Bad Request: wrong file identifier/HTTP URL specified", "rejected_content", "final"),
    (400, "Bad Request: failed to get HTTP URL content", "rejected_content", "final"),
    (400, "Bad Request: wrong type of the web page content", "rejected_content", "final"),
    (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", "rejected_content", "final"),
    (400, "Bad Request: something nobody has heard of", "rejected_content", "final"),
    (413, "Request Entity Too Large", "rejected_content", "final"),
    # the bot
    (401, "Unauthorized", "invalid_credentials", "stops"),
    (401, "Unauthorized: invalid token specified", "invalid_credentials", "stops"),
    (404, "Not Found", "invalid_credentials", "stops"),
    (421, "Misdirected Request: unallowed token specified", "invalid_credentials", "stops"),
    (400, "Logged out", "invalid_credentials", "stops"),
    (400, "Bad Request: FROZEN_METHOD_INVALID", "invalid_credentials", "stops"),
    (400, "Bad Request: BALANCE_TOO_LOW", "insufficient_balance", "stops"),
    # the pace, and Telegram itself
    (429, "Too Many Requests", "rate_limited", "waits 5"),
    (409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", "provider_unavailable", "again"),
    (409, "Conflict: can't use getUpdates method while webhook is active", "provider_unavailable", "again"),
    (500, "Internal Server Error: restart", "provider_unavailable", "unknown"),
    (502, "Bad Gateway", "provider_unavailable", "unknown"),
    # a status that nobody documents
    (406, "Not Acceptable: something nobody has heard of", "internal", "final"),
    (418, "I'm a teapot", "internal", "final"),
]  # fmt: skip


@pytest.fixture
async def simulator() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as running:
        yield running


async def send(simulator: TelegramSimulator, http: Http) -> Outcome:
    [outcome] = await provider("telegram").send(http, channel_of("telegram", simulator.url), [Outgoing(id="msg_1", to=PERSON, text="Hi")])
    assert not simulator.taken
    return outcome


@pytest.mark.parametrize(
    ("status", "sentence", "ours", "follows"), ROWS, ids=[f"{row[0]}-{row[1].partition(': ')[2][:50] or row[1]}" for row in ROWS]
)
async def test_a_refusal_of_telegrams(
    simulator: TelegramSimulator, http: Http, status: int, sentence: str, ours: str, follows: str
) -> None:
    simulator.faults.add(kind="status", code=status, words=sentence)
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert sentence in outcome.detail


@pytest.mark.parametrize(
    ("state", "ours", "follows"),
    [
        ("missing", "invalid_address", "final"),
        ("blocked", "opted_out", "opts out"),
        ("deactivated", "invalid_address", "final"),
        ("not_started", "unreachable", "final"),
        ("kicked", "blocked", "final"),
        ("not_a_member", "blocked", "final"),
        ("deleted", "invalid_address", "final"),
        ("no_rights", "blocked", "final"),
        ("no_admin", "blocked", "final"),
    ],
)
async def test_what_is_the_matter_with_a_chat(simulator: TelegramSimulator, http: Http, state: str, ours: str, follows: str) -> None:
    assert state in STATES
    simulator.change(BOT_TOKEN, PERSON, state)
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


async def test_a_revoked_token_stops_the_channel(simulator: TelegramSimulator, http: Http) -> None:
    simulator.revoked.add(BOT_TOKEN)
    assert consequence(await send(simulator, http)) == "stops"


async def test_the_wait_is_as_long_as_telegram_says(simulator: TelegramSimulator, http: Http) -> None:
    simulator.faults.add(kind="rate_limited", retry_after="13")
    assert consequence(await send(simulator, http)) == "waits 13"
