"""Apprise: a service of the long tail, told honestly although the library tells so little."""

from __future__ import annotations

import asyncio
import sys

import pytest
from apprise.manager_plugins import NotificationManager
from apprise.plugins.discord import NotifyDiscord

from tests.providers.channels import CHANNELS, channel_of
from tests.simulators.discord import WEBHOOK_ID, WEBHOOK_TOKEN, DiscordSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.apprise import library
from tidings.providers.apprise import provider as module
from tidings.providers.apprise.schemas import ALLOWED, FORBIDDEN_OPTIONS, BadUrl, address_for, check_url
from tidings.providers.base import Accepted, ErrorCode, Outgoing, ProviderError, SendFailed, SendUncertain
from tidings.providers.http import Http

URL = CHANNELS["apprise"].credentials["url"]


def message(text: str = "Habari & karibu", to: str = "team") -> Outgoing:
    return Outgoing(id="msg_00000000000000000000000007", to=to, text=text)


@pytest.fixture
async def simulator(monkeypatch):
    """Apprise's Discord plugin, led to our simulated Discord."""
    async with DiscordSimulator() as running:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{running.url}/api/webhooks")
        monkeypatch.setattr(NotifyDiscord, "request_rate_per_sec", 0)
        yield running


async def send(http: Http, one: Outgoing | None = None, **changes):
    [outcome] = await provider("apprise").send(http, channel_of("apprise", **changes), [one or message()])
    return outcome


# --- sending ----------------------------------------------------------------------------------------------------------------


async def test_a_message_goes_through(simulator: DiscordSimulator, http: Http) -> None:
    assert await send(http) == Accepted(provider_message_id="msg_00000000000000000000000007")
    assert simulator.log[-1]["outcome"] == "taken"
    assert "Habari & karibu" in simulator.log[-1]["form"]["body"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (URL.replace(WEBHOOK_TOKEN, "another-token-0123456789-0123456789"), ErrorCode.INVALID_CREDENTIALS),
        (URL.replace(WEBHOOK_ID, "111111111111111111"), ErrorCode.INVALID_CREDENTIALS),
    ],
)
async def test_a_refusal_with_a_plain_status_is_a_failure(simulator: DiscordSimulator, http: Http, url: str, code: ErrorCode) -> None:
    outcome = await send(http, credentials={"url": url})
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (code, False)


@pytest.mark.parametrize("kind", ["server_error", "reset"])
async def test_a_bare_no_is_a_doubt(simulator: DiscordSimulator, http: Http, kind: str) -> None:
    simulator.faults.add(kind=kind, taken=True)
    outcome = await send(http)
    assert isinstance(outcome, SendUncertain)
    assert WEBHOOK_TOKEN not in outcome.detail


async def test_an_empty_text_is_not_even_tried(simulator: DiscordSimulator, http: Http) -> None:
    outcome = await send(http, message(""))
    assert (type(outcome), outcome.code) == (SendFailed, ErrorCode.REJECTED_CONTENT)
    assert not simulator.requests


async def test_with_several_targets_a_no_says_nothing_of_each() -> None:
    told = library.Told(taken=False, statuses=(401,), targets=2)
    assert isinstance(module._outcome(told, message(), URL), SendUncertain)
    mixed = library.Told(taken=False, statuses=(401, 500))
    assert isinstance(module._outcome(mixed, message(), URL), SendUncertain)


async def test_silence_ends_in_time_and_is_a_doubt(monkeypatch, http: Http) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(1)
        return Reply(204, content_type="text/plain")

    monkeypatch.setattr(module, "SECONDS", 0.3)
    async with Server(silence) as server:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{server.url}/api/webhooks")
        outcome = await send(http)
        assert (type(outcome), outcome.code) == (SendUncertain, ErrorCode.TIMEOUT)
        await asyncio.sleep(0.9)  # the thread ends by itself


async def test_a_message_that_never_got_a_thread_was_not_sent(monkeypatch, simulator: DiscordSimulator, http: Http) -> None:
    import threading

    monkeypatch.setattr(module, "SECONDS", 0.2)
    free = threading.Event()
    busy = [library.POOL.submit(free.wait, 5) for _ in range(library.THREADS)]
    try:
        outcome = await send(http)
    finally:
        free.set()
    assert (type(outcome), outcome.code, outcome.retryable) == (SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True)
    assert all(one.result(5) for one in busy)
    assert not simulator.requests


def test_a_recipients_address_is_put_in_and_opens_nothing_else() -> None:
    assert address_for("tgram://123:abc/{to}/", "#a/b?verify=no&x") == "tgram://123:abc/%23a%2Fb%3Fverify%3Dno%26x/"
    assert address_for("pover://user@token", "anybody") == "pover://user@token"


# --- what may be used ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "dbus://", "syslog://", "windows://", "gnome://", "macosx://", "exec://ls", "json://10.0.0.1/x", "jsons://h", "xml://h",
        "form://h", "mailto://a:b@h", "ntfy://h/t", "gotify://h/t", "matrix://h", "rsyslog://h", "mqtt://h", "smpp://h", "apprise://h", "signal://h",
        "https://discord.com/api/webhooks/1/2", "discord", "discord://a/b discord://c/d", "discord://a/b\n", "discord://[/?a=1",
        *(f"discord://{WEBHOOK_ID}/{WEBHOOK_TOKEN}/?{name}=x" for name in sorted(FORBIDDEN_OPTIONS)),
        f"discord://{WEBHOOK_ID}/{WEBHOOK_TOKEN}/?Verify=no",
    ],
)  # fmt: skip
async def test_what_is_local_or_leads_anywhere_is_refused(simulator: DiscordSimulator, http: Http, url: str) -> None:
    with pytest.raises(BadUrl):
        check_url(url)
    outcome = await send(http, credentials={"url": url})
    assert isinstance(outcome, SendFailed)
    assert outcome.code is ErrorCode.INVALID_CREDENTIALS
    assert WEBHOOK_TOKEN not in outcome.detail
    assert not simulator.requests


def test_every_service_that_may_be_used_is_known_and_takes_no_host() -> None:
    plugins = NotificationManager()
    plugins.load_modules()
    for schema in ALLOWED:
        plugin = plugins[schema]
        assert plugin is not None, schema
        assert plugin.enabled, schema
        assert not [template for template in plugin.templates if "{host}" in template], schema
        secure = plugin.secure_protocol
        assert schema in ((secure,) if isinstance(secure, str) else secure), schema


# --- questions --------------------------------------------------------------------------------------------------------------


async def test_check_claims_no_more_than_it_knows(http: Http) -> None:
    apprise = provider("apprise")
    assert "one of Discord. Whether it works shows with the first message" in await apprise.check(http, channel_of("apprise"))
    for credentials, words in (
        ({}, "no apprise address"),
        ({"url": "file:///etc/passwd"}, "“file” is none of them"),
        ({"url": "tgram://nonsense"}, "does not understand"),
    ):
        with pytest.raises(ProviderError, match=words) as error:
            await apprise.check(http, channel_of("apprise", credentials=credentials))
        assert error.value.code is ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError, match="balance"):
        await apprise.balance(http, channel_of("apprise"))


async def test_without_the_library_it_is_listed_and_says_what_to_do(monkeypatch, http: Http) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert provider("apprise").description.label == "Apprise"
    outcome = await send(http)
    assert (type(outcome), outcome.code) == (SendFailed, ErrorCode.INVALID_CREDENTIALS)
    assert "pip install 'tidings[apprise]'" in outcome.detail
    with pytest.raises(ProviderError, match="not installed"):
        await provider("apprise").check(http, channel_of("apprise"))


async def test_its_log_gives_no_secret_away(simulator: DiscordSimulator, http: Http, caplog) -> None:
    simulator.faults.add(kind="status", code=50006)
    await send(http)
    assert WEBHOOK_TOKEN not in caplog.text
