"""The pages of channels and alerts as a browser asks for them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.builders import ACCOUNT_SID, AUTH_TOKEN
from tests.simulators.twilio import TwilioSimulator
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in, submit
from tidings.channels.runtime import raise_alert, stop_channel
from tidings.core.ids import read_id
from tidings.providers import PROVIDERS
from tidings.settings import Settings

FIELDS = {"name": "Main", "sender": "+15005550006", "field_account_sid": ACCOUNT_SID, "field_auth_token": AUTH_TOKEN}


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN) as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path, twilio: TwilioSimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, public_url="https://tidings.example", allowed_api_base_urls=twilio.url)


@pytest.fixture
async def client(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


@pytest.fixture
async def channel(client: httpx2.AsyncClient, twilio: TwilioSimulator) -> str:
    """A Twilio channel that speaks to the simulator; its page's address."""
    answer = await submit(client, "/channels/new/twilio", **FIELDS, api_base_url=twilio.url)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def page(client: httpx2.AsyncClient, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    assert AUTH_TOKEN not in answer.text
    return answer.text


def id_of(address: str) -> UUID:
    found = read_id("chn", address.removeprefix("/channels/"))
    assert found
    return found


async def stop(app: FastAPI, address: str, code: str = "invalid_credentials") -> None:
    async with app.state.database.pool.acquire() as connection:
        await stop_channel(connection, id_of(address), code, "Twilio error 20003: Authenticate")


async def test_each_provider_has_a_form_made_of_its_own_fields(client: httpx2.AsyncClient) -> None:
    for kind, provider in PROVIDERS.items():
        text = await page(client, f"/channels/new/{kind}")
        for field in provider.description.fields:
            assert f'name="field_{field.name}"' in text
    await page(client, "/channels/new/carrier-pigeon", 404)


async def test_a_new_channel_is_checked_at_once(client: httpx2.AsyncClient, channel: str) -> None:
    text = await page(client, channel)
    assert "is set up. Signed in to the Twilio account" in text
    assert "USD 42.50" in text
    assert "https://tidings.example/hooks/" in text
    assert f"ends in …{AUTH_TOKEN[-4:]}" in text
    assert "A message comes in" in text


async def test_a_channel_whose_check_fails_stays_and_says_why(client: httpx2.AsyncClient, twilio: TwilioSimulator) -> None:
    answer = await submit(client, "/channels/new/twilio", **{**FIELDS, "field_auth_token": "f" * 32}, api_base_url=twilio.url)
    assert "but its check failed" in await page(client, answer.headers["location"])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "Fill this in."),
        ({"field_account_sid": "nonsense"}, "Account SID does not look right"),
        ({"field_auth_token": ""}, "Auth token is required."),
        ({"pace": "own", "per_second": "many"}, "This must be a number"),
        ({"pace": "own", "per_second": "0"}, "This must be 0.01 or more."),
        ({"burst": "1.5"}, "whole number"),
        ({"api_base_url": "https://evil.example"}, "is not among those that the operator allows"),
    ],
)
async def test_a_fault_is_told_at_its_field_and_nothing_is_saved(client: httpx2.AsyncClient, fields: dict[str, str], sentence: str) -> None:
    answer = await submit(client, "/channels/new/twilio", **{**FIELDS, **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert AUTH_TOKEN not in answer.text
    assert "No channels yet" in await page(client, "/channels")


async def test_a_name_that_is_taken_is_told_at_the_name(client: httpx2.AsyncClient, channel: str) -> None:
    answer = await submit(client, "/channels/new/sandbox", name="main")
    assert answer.status_code == 422
    assert re.search(r'id="error-name">There is a channel named', answer.text)


async def test_an_edit_keeps_the_secrets_that_are_left_empty_and_takes_new_limits(
    client: httpx2.AsyncClient, channel: str, app: FastAPI, twilio: TwilioSimulator
) -> None:
    form = await page(client, f"{channel}/edit")
    assert "Kept; leave empty to keep it" in form
    changed = {**FIELDS, "name": "Renamed", "field_auth_token": "", "pace": "own", "per_second": "7", "api_base_url": twilio.url}
    assert (await submit(client, f"{channel}/edit", **changed)).status_code == 303
    text = await page(client, channel)
    assert "Renamed" in text
    assert "7 a second" in text
    await submit(client, f"{channel}/check")
    assert "Signed in to the Twilio account" in await page(client, channel)


async def test_an_optional_secret_can_be_removed(client: httpx2.AsyncClient, channel: str, twilio: TwilioSimulator) -> None:
    base = {**FIELDS, "field_auth_token": "", "api_base_url": twilio.url}
    await submit(client, f"{channel}/edit", **base, field_webhook_key="a-long-signing-key")
    assert "Webhook signing key" in await page(client, channel)
    await submit(client, f"{channel}/edit", **base, remove_webhook_key="true")
    assert "Webhook signing key" not in await page(client, channel)


async def test_a_stopped_channel_says_how_to_mend_it_and_goes_on_when_it_is(
    client: httpx2.AsyncClient, channel: str, app: FastAPI, twilio: TwilioSimulator
) -> None:
    await stop(app, channel)
    text = await page(client, channel)
    assert "A key, a password, a sender or a setting is not right any more" in text
    twilio.status = "suspended"
    await submit(client, f"{channel}/restart")
    assert "The channel stays stopped" in await page(client, channel)
    twilio.status = "active"
    await submit(client, f"{channel}/restart")
    assert "works and goes on" in await page(client, channel)
    assert "Start again" not in await page(client, channel)


async def test_an_alert_is_shown_with_what_to_do_and_closed_by_hand(client: httpx2.AsyncClient, channel: str, app: FastAPI) -> None:
    assert "Nothing needs you" in await page(client, "/alerts")
    await stop(app, channel, "insufficient_balance")
    text = await page(client, "/alerts")
    assert "Top up the account at Twilio" in text
    assert "1 open alert" in text
    (path,) = set(re.findall(r'action="(/alerts/alr_\w+/resolve)"', text))
    assert (await submit(client, path)).headers["location"] == "/alerts"
    assert "Nothing needs you" in await page(client, "/alerts")
    assert "over" in await page(client, "/alerts?show=all")


async def test_missing_keys_are_told_to_be_the_servers_and_not_the_accounts(client: httpx2.AsyncClient, channel: str, app: FastAPI) -> None:
    async with app.state.database.pool.acquire() as connection:
        workspace_id = await connection.fetchval("SELECT workspace_id FROM channels WHERE id = $1", id_of(channel))
        await raise_alert(
            connection, workspace_id, id_of(channel), "credentials_sealed", "Channel “Main” cannot be used: its key is missing."
        )
    text = await page(client, "/alerts")
    assert "Keys missing" in text
    assert 'href="/channels/guide/twilio#when-it-stops-working"' in text
    assert "Nothing at Twilio is wrong. Whoever runs this server has to put its keys back" in text


async def test_switches_and_default(client: httpx2.AsyncClient, channel: str) -> None:
    await submit(client, f"{channel}/disable")
    assert "This channel is off" in await page(client, channel)
    other = (await submit(client, "/channels/new/sandbox", name="Second")).headers["location"]
    await submit(client, f"{other}/default")
    assert "go by “Second” from now on" in await page(client, other)
    await submit(client, f"{channel}/enable")
    assert "This channel is off" not in await page(client, channel)


async def test_a_test_message_goes_the_way_of_every_message(client: httpx2.AsyncClient, workspace: Caller) -> None:
    sandbox = (await submit(client, "/channels/new/sandbox", name="Try-out")).headers["location"]
    answer = await submit(client, f"{sandbox}/test", to="0712 345 678", text="Hello")
    assert answer.headers["location"].startswith("/messages/msg_")
    message = await client.get(f"/api/v1{answer.headers['location']}", headers=workspace.headers)
    assert (message.json()["to"], message.json()["text"]) == ("+254712345678", "Hello")
    for to, sentence in (("", "needs somebody"), ("12", "too short")):
        answer = await submit(client, f"{sandbox}/test", to=to, text="Hello")
        assert answer.headers["location"] == sandbox
        assert sentence in await page(client, sandbox)


async def test_a_sender_that_cannot_be_one_is_told_before_anything_is_saved(client: httpx2.AsyncClient, twilio: TwilioSimulator) -> None:
    for sender in ("0711 000 123", "A NAME THAT IS TOO LONG", "254711000123"):
        answer = await submit(client, "/channels/new/twilio", **(FIELDS | {"sender": sender}), api_base_url=twilio.url)
        assert answer.status_code == 422
        assert "Sender does not look right, for example: +15005550006." in answer.text
    both = await submit(client, "/channels/new/twilio", **(FIELDS | {"sender": "0711", "field_account_sid": "me"}), api_base_url=twilio.url)
    assert "Sender does not look right" in both.text
    assert "Account SID does not look right" in both.text
    for sender, kept in (("+1 (500) 555-0006", "+15005550006"), ("DUKA ASHA", "DUKA ASHA"), ("12345", "12345")):
        answer = await submit(client, "/channels/new/twilio", **(FIELDS | {"name": sender, "sender": sender}), api_base_url=twilio.url)
        assert answer.status_code == 303, answer.text
        edit = await page(client, f"{answer.headers['location']}/edit")
        assert f'value="{kept}"' in edit


async def test_a_refused_key_is_told_in_the_providers_words_and_not_in_its_json(
    client: httpx2.AsyncClient, twilio: TwilioSimulator
) -> None:
    answer = await submit(client, "/channels/new/twilio", **(FIELDS | {"field_auth_token": "old"}), api_base_url=twilio.url)
    text = await page(client, answer.headers["location"])
    assert "its check failed: Twilio error 20003: Authenticate. Mend it under Edit." in text
    assert "more_info" not in text


async def test_what_is_missing_or_not_allowed_is_told_at_its_field(client: httpx2.AsyncClient) -> None:
    empty = await submit(client, "/channels/new/discord", name="Bot")
    assert (empty.status_code, "Bot token is required, unless there is a webhook address." in empty.text) == (422, True)
    hook = f"https://discord.com/api/webhooks/{'9' * 18}/{'t' * 60}"
    half = await submit(client, "/channels/new/discord", name="Bot", field_webhook_url=hook)
    assert "channel id is required with a webhook address." in half.text
    local = await submit(client, "/channels/new/apprise", name="Push", field_url="json://localhost/x")
    assert (local.status_code, "Apprise address cannot be used. Only services on the internet" in local.text) == (422, True)


async def test_nothing_was_sent_is_said_once(client: httpx2.AsyncClient) -> None:
    sandbox = (await submit(client, "/channels/new/sandbox", name="Try-out")).headers["location"]
    await submit(client, f"{sandbox}/test", to="12", text="Hello")
    assert (await page(client, sandbox)).count("Nothing was sent.") == 1


async def test_a_channel_with_waiting_messages_is_not_deleted(client: httpx2.AsyncClient, channel: str) -> None:
    await submit(client, f"{channel}/test", to="+254712345678", text="Hello")
    assert (await submit(client, f"{channel}/delete")).headers["location"] == channel
    assert "still have to leave" in await page(client, channel)


async def test_a_deleted_channel_is_gone(client: httpx2.AsyncClient, channel: str) -> None:
    assert (await submit(client, f"{channel}/delete")).headers["location"] == "/channels"
    assert "secrets are destroyed" in await page(client, "/channels")
    await page(client, channel, 404)


async def test_without_a_public_address_the_page_says_what_is_missing(
    client: httpx2.AsyncClient, channel: str, app: FastAPI, settings: Settings
) -> None:
    app.state.settings = settings.model_copy(update={"public_url": ""})
    text = await page(client, channel)
    assert "TIDINGS_PUBLIC_URL" in text
    assert "/hooks/" not in text


async def test_somebody_elses_channel_is_unknown(client: httpx2.AsyncClient, channel: str, other_workspace: Caller) -> None:
    await client.post("/logout", data={})
    client.cookies.clear()
    await log_in(client, other_workspace.owner_email)
    await page(client, channel, 404)
    await page(client, f"{channel}/edit", 404)
    for act in ("check", "balance", "restart", "enable", "disable", "default", "test", "delete", "edit"):
        assert (await submit(client, f"{channel}/{act}", to="+254712345678", text="x")).status_code == 404, act


async def test_more_channels_take_no_more_queries(client: httpx2.AsyncClient) -> None:
    await submit(client, "/channels/new/sandbox", name="First")
    with counted() as few:
        await page(client, "/channels")
    for number in range(5):
        await submit(client, "/channels/new/sandbox", name=f"Channel {number}")
    with counted() as many:
        await page(client, "/channels")
    assert len(many) == len(few) <= 9


async def test_a_viewer_sees_no_secret_path_and_no_buttons(
    client: httpx2.AsyncClient, channel: str, app: FastAPI, workspace: Caller
) -> None:
    await app.state.database.pool.execute("UPDATE members SET role = 'viewer' WHERE workspace_id = $1", workspace.id)
    text = await page(client, channel)
    assert "/hooks/" not in text
    assert f"{channel}/delete" not in text
    for path in ("/channels/new", f"{channel}/edit"):
        await page(client, path, 403)
    for act in ("check", "balance", "restart", "enable", "disable", "default", "test", "delete"):
        assert (await submit(client, f"{channel}/{act}")).status_code == 403, act


async def test_a_sender_too_long_is_told_in_our_own_words(client: httpx2.AsyncClient) -> None:
    answer = await submit(client, "/channels/new/twilio", **{**FIELDS, "sender": "x" * 101})
    assert answer.status_code == 422
    assert "This may have 100 characters at most." in answer.text


async def test_a_linked_device_is_not_asked_for_a_sender(client: httpx2.AsyncClient) -> None:
    assert 'name="sender"' not in await page(client, "/channels/new/whatsapp_linked")


async def test_an_edit_keeps_the_api_address_that_its_form_does_not_show(client: httpx2.AsyncClient, channel: str, app: FastAPI) -> None:
    """An email channel's was given through the API, say; emptied, messages meant for a test server would reach people."""
    values = {name: value for name, value in FIELDS.items() if name != "field_auth_token"} | {"field_auth_token": ""}
    assert (await submit(client, f"{channel}/edit", **(values | {"name": "Renamed"}))).status_code == 303
    read = "SELECT api_base_url FROM channels WHERE id = $1"
    assert str(await app.state.database.pool.fetchval(read, id_of(channel))).startswith("http://127.0.0.1")
    await submit(client, f"{channel}/edit", **values, api_base_url="")
    assert await app.state.database.pool.fetchval(read, id_of(channel)) == ""


async def test_a_channel_that_asks_needs_no_address_and_says_so(client: httpx2.AsyncClient, twilio: TwilioSimulator) -> None:
    token = {"field_bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"}
    made = await submit(client, "/channels/new/telegram", name="Bot", **token, receive="polling", api_base_url=twilio.url)
    text = await page(client, made.headers["location"])
    assert "This server asks Telegram for what people write; it needs no address." in text
    assert "/hooks/" not in text
