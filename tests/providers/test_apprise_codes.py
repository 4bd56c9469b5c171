"""What apprise's services refuse with is known by HTTP status alone: each over real HTTP, our word for it, and what follows.

Sources: RFC 9110 15 (HTTP statuses); apprise 2.3.0, whose plugins write `error=<status>` to its log and nothing else that could be trusted;
core.telegram.org/bots/api#making-requests for Telegram's statuses.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.telegram import NotifyTelegram

from tests.providers.channels import channel_of
from tests.providers.consequences import consequence
from tests.simulators.discord import WEBHOOK_ID, WEBHOOK_TOKEN, DiscordSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import Outcome, Outgoing
from tidings.providers.http import Http


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordSimulator]:
    """Apprise's Discord plugin, led to our simulated Discord."""
    async with DiscordSimulator() as running:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{running.url}/api/webhooks")
        monkeypatch.setattr(NotifyDiscord, "request_rate_per_sec", 0)
        yield running


async def send(http: Http, url: str = "", to: str = "team") -> Outcome:
    channel = channel_of("apprise", credentials={"url": url}) if url else channel_of("apprise")
    [outcome] = await provider("apprise").send(http, channel, [Outgoing(id="msg_00000000000000000000000007", to=to, text="Habari")])
    return outcome


@pytest.mark.parametrize(
    ("status", "ours", "follows"),
    [
        (301, "provider_unavailable", "again"),
        (400, "internal", "final"),
        (401, "invalid_credentials", "stops"),
        (402, "insufficient_balance", "stops"),
        (403, "invalid_credentials", "stops"),
        (404, "invalid_credentials", "stops"),
        (405, "internal", "final"),
        (408, "provider_unavailable", "unknown"),
        (410, "invalid_credentials", "stops"),
        (413, "rejected_content", "final"),
        (422, "internal", "final"),
        (429, "rate_limited", "waits 5"),
        (500, "provider_unavailable", "unknown"),
        (502, "provider_unavailable", "unknown"),
        (503, "provider_unavailable", "unknown"),
    ],
)
async def test_a_status_of_a_service_with_one_place_to_write_to(
    simulator: DiscordSimulator, http: Http, status: int, ours: str, follows: str
) -> None:
    """A place that is gone is gone for every message of the channel, as a wrong token would be wrong for all."""
    simulator.faults.add(kind="status", http=status, code=0)
    outcome = await send(http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)
    assert not simulator.taken


@pytest.mark.parametrize(("status", "ours", "follows"), [(404, "invalid_address", "final"), (401, "invalid_credentials", "stops")])
async def test_a_status_where_each_message_has_its_own_recipient(
    simulator: DiscordSimulator, http: Http, status: int, ours: str, follows: str
) -> None:
    simulator.faults.add(kind="status", http=status, code=0)
    outcome = await send(http, f"discord://{WEBHOOK_ID}/{{to}}/", to=WEBHOOK_TOKEN)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


@pytest.mark.parametrize(
    ("status", "sentence", "ours", "follows"),
    [
        (400, "Bad Request: chat not found", "internal", "final"),
        (401, "Unauthorized", "invalid_credentials", "stops"),
        (403, "Forbidden: bot was blocked by the user", "blocked", "final"),
        (404, "Not Found", "invalid_credentials", "stops"),
        (429, "Too Many Requests: retry after 7", "rate_limited", "waits 5"),
        (500, "Internal Server Error: restart", "provider_unavailable", "unknown"),
    ],
)
async def test_one_person_who_blocked_a_telegram_bot_does_not_stop_its_channel(
    monkeypatch: pytest.MonkeyPatch, http: Http, status: int, sentence: str, ours: str, follows: str
) -> None:
    async def telegram(_: Call) -> Reply:
        return Reply(status, json.dumps({"ok": False, "error_code": status, "description": sentence}).encode())

    async with Server(telegram) as server:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{server.url}/bot")
        monkeypatch.setattr(NotifyTelegram, "request_rate_per_sec", 0)
        outcome = await send(http, "tgram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8/{to}/", to="254711000")
    assert (outcome.code, consequence(outcome)) == (ours, follows)
