"""Discord's documented JSON error codes that a post can meet, each over real HTTP: our word for it, and what follows.

Source: docs.discord.com/developers/topics/opcodes-and-status-codes#json, whose meanings stand beside the codes. Discord does not document
the HTTP status of each; those here are what its three tables of HTTP statuses, codes and rate limits suggest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.providers.channels import channel_of
from tests.providers.consequences import consequence
from tests.simulators.discord import CHANNEL, DiscordSimulator
from tidings.providers import provider
from tidings.providers.base import Outcome, Outgoing
from tidings.providers.discord.errors import CODES
from tidings.providers.http import Http

ROWS = [
    # the account
    (10001, 404, "Unknown account", "invalid_credentials", "stops"),
    (10002, 404, "Unknown application", "invalid_credentials", "stops"),
    (10012, 404, "Unknown token", "invalid_credentials", "stops"),
    (10015, 404, "Unknown webhook", "invalid_credentials", "stops"),
    (20001, 403, "Bots cannot use this endpoint", "invalid_credentials", "stops"),
    (20002, 403, "Only bots can use this endpoint", "invalid_credentials", "stops"),
    (20012, 403, "You are not authorized to perform this action on this application", "invalid_credentials", "stops"),
    (40001, 401, "Unauthorized. Provide a valid token and try again", "invalid_credentials", "stops"),
    (40002, 403, "You need to verify your account in order to perform this action", "invalid_credentials", "stops"),
    (40012, 403, "Connection has been revoked", "invalid_credentials", "stops"),
    (50002, 400, "Invalid account type", "invalid_credentials", "stops"),
    (50010, 400, "OAuth2 application does not have a bot", "invalid_credentials", "stops"),
    (50014, 401, "Invalid authentication token provided", "invalid_credentials", "stops"),
    (50025, 401, "Invalid OAuth2 access token provided", "invalid_credentials", "stops"),
    (50026, 403, "Missing required OAuth2 scope", "invalid_credentials", "stops"),
    (50027, 401, "Invalid webhook token provided", "invalid_credentials", "stops"),
    (50178, 403, "The user account must first be verified", "invalid_credentials", "stops"),
    (60003, 403, "Two factor is required for this operation", "invalid_credentials", "stops"),
    # the recipient
    (10003, 404, "Unknown channel", "invalid_address", "final"),
    (10004, 404, "Unknown guild", "invalid_address", "final"),
    (10007, 404, "Unknown member", "invalid_address", "final"),
    (10013, 404, "Unknown user", "invalid_address", "final"),
    (50033, 400, "Invalid Recipient(s)", "invalid_address", "final"),
    (50055, 400, "Invalid Guild", "invalid_address", "final"),
    (20024, 403, "Under minimum age", "blocked", "final"),
    (40007, 403, "The user is banned from this guild", "blocked", "final"),
    (50001, 403, "Missing access", "blocked", "final"),
    (50007, 403, "Cannot send messages to this user", "blocked", "final"),
    (50009, 403, "Channel verification level is too high for you to gain access", "blocked", "final"),
    (50013, 403, "You lack permissions to perform that action", "blocked", "final"),
    (50278, 403, "Cannot send messages to this user due to having no mutual guilds", "unreachable", "final"),
    (50083, 400, "Tried to perform an operation on an archived thread", "unreachable", "final"),
    (50095, 403, "This server is not available in your location", "unreachable", "final"),
    (160005, 403, "Thread is locked", "unreachable", "final"),
    # what this place does not take
    (20015, 403, "This action requires a premium subscription", "unsupported", "final"),
    (20035, 400, "Guild premium subscription level too low", "unsupported", "final"),
    (40058, 400, "Cannot send a message in a forum channel", "unsupported", "final"),
    (40066, 400, "There are no tags available that can be set by non-moderators", "unsupported", "final"),
    (40067, 400, "A tag is required to create a forum post in this channel", "unsupported", "final"),
    (50003, 400, "Cannot execute action on a DM channel", "unsupported", "final"),
    (50008, 400, "Cannot send messages in a non-text channel", "unsupported", "final"),
    (50021, 403, "Cannot execute action on a system message", "unsupported", "final"),
    (50024, 400, "Cannot execute action on this channel type", "unsupported", "final"),
    (50101, 403, "This server needs more boosts to perform this action", "unsupported", "final"),
    (50173, 403, "You cannot send voice messages in this channel.", "unsupported", "final"),
    (160002, 403, "Cannot reply without permission to read message history", "unsupported", "final"),
    (220001, 400, "Webhooks posted to forum channels must have a thread_name or thread_id", "unsupported", "final"),
    (220002, 400, "Webhooks posted to forum channels cannot have both a thread_name and thread_id", "unsupported", "final"),
    (220003, 400, "Webhooks can only create threads in forum channels", "unsupported", "final"),
    (220004, 400, "Webhook services cannot be used in forum channels", "unsupported", "final"),
    (400001, 403, "Access to file uploads has been limited for this guild", "unsupported", "final"),
    # the message
    (10008, 404, "Unknown message", "rejected_content", "final"),
    (10014, 404, "Unknown emoji", "rejected_content", "final"),
    (20009, 403, "Explicit content cannot be sent to the desired recipient(s)", "rejected_content", "final"),
    (30015, 400, "Maximum number of attachments in a message reached (10)", "rejected_content", "final"),
    (40005, 413, "Request entity too large. Try sending something smaller in size", "rejected_content", "final"),
    (50006, 400, "Cannot send an empty message", "rejected_content", "final"),
    (50035, 400, "Invalid form body", "rejected_content", "final"),
    (50045, 400, "File uploaded exceeds the maximum size", "rejected_content", "final"),
    (50046, 400, "Invalid file uploaded", "rejected_content", "final"),
    (50068, 400, "Invalid message type", "rejected_content", "final"),
    (50110, 400, "The provided file is invalid.", "rejected_content", "final"),
    (50123, 400, "The provided file type is invalid.", "rejected_content", "final"),
    (50138, 400, "Failed to resize asset below the maximum size: 262144", "rejected_content", "final"),
    (50146, 400, "Uploaded file not found.", "rejected_content", "final"),
    (50151, 400, "The specified emoji is invalid", "rejected_content", "final"),
    (200000, 400, "Message was blocked by automatic moderation", "rejected_content", "final"),
    (200001, 400, "Title was blocked by automatic moderation", "rejected_content", "final"),
    (240000, 400, "Message blocked by harmful links filter", "rejected_content", "final"),
    # the pace
    (20016, 429, "This action cannot be performed due to slowmode rate limit", "rate_limited", "waits 5"),
    (20028, 429, "The write action you are performing on the channel has hit the write rate limit", "rate_limited", "waits 5"),
    (20029, 429, "The write action you are performing on the server has hit the write rate limit", "rate_limited", "waits 5"),
    (40003, 429, "You are opening direct messages too fast", "rate_limited", "waits 5"),
    (40062, 429, "Service resource is being rate limited", "rate_limited", "waits 5"),
    # Discord itself
    (40004, 403, "Send messages has been temporarily disabled", "provider_unavailable", "again"),
    (40006, 403, "This feature has been temporarily disabled server-side", "provider_unavailable", "again"),
    (40333, 403, "Cloudflare is blocking your request.", "provider_unavailable", "again"),
    (110001, 400, "Application not yet available. Try again later", "provider_unavailable", "again"),
    (130000, 400, "API resource is currently overloaded. Try again a little later", "provider_unavailable", "again"),
    # ourselves
    (50041, 400, "Invalid API version provided", "internal", "final"),
    (50109, 400, "The request body contains invalid JSON.", "internal", "final"),
]


@pytest.fixture
async def simulator() -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator() as running:
        yield running


async def send(simulator: DiscordSimulator, http: Http) -> Outcome:
    message = Outgoing(id="msg_00000000000000000000000007", to=CHANNEL, text="Habari")
    [outcome] = await provider("discord").send(http, channel_of("discord", simulator.api_url), [message])
    assert not simulator.taken
    return outcome


@pytest.mark.parametrize(("code", "status", "words", "ours", "follows"), ROWS, ids=[f"{row[0]}-{row[2][:40]}" for row in ROWS])
async def test_a_code_of_discords(
    simulator: DiscordSimulator, http: Http, code: int, status: int, words: str, ours: str, follows: str
) -> None:
    simulator.faults.add(kind="status", code=code, http=status, words=words)
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert outcome.detail == f"Discord error {code}: {words}"
    assert outcome.provider_code == str(code)


def test_no_code_stands_in_our_table_without_a_row_here() -> None:
    assert sorted(CODES) == sorted(row[0] for row in ROWS)


@pytest.mark.parametrize(
    ("code", "status", "ours", "follows"),
    [
        (0, 400, "internal", "final"),
        (0, 401, "invalid_credentials", "stops"),
        (0, 403, "blocked", "final"),
        (0, 404, "internal", "final"),
        (0, 405, "internal", "final"),
        (0, 429, "rate_limited", "waits 5"),
        (0, 500, "provider_unavailable", "unknown"),
        (0, 502, "provider_unavailable", "unknown"),
        (999_999, 400, "internal", "final"),
        (999_999, 403, "blocked", "final"),
        (999_999, 500, "provider_unavailable", "unknown"),
        (50001, 500, "provider_unavailable", "unknown"),
    ],
)
async def test_what_has_no_row_is_told_by_its_status(
    simulator: DiscordSimulator, http: Http, code: int, status: int, ours: str, follows: str
) -> None:
    """A 403 is about the place, and stops nothing: Discord answers a bad token with 401. A 5xx is a doubt whatever it says."""
    simulator.faults.add(kind="status", code=code, http=status, words="because")
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


async def test_the_wait_is_as_long_as_discord_says(simulator: DiscordSimulator, http: Http) -> None:
    simulator.faults.add(kind="rate_limited", retry_after="64.57")
    assert consequence(await send(simulator, http)) == "waits 64.57"
