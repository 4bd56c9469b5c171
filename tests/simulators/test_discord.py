"""The simulated Discord: its own Python library must work against it, and it must be as strict."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator

import aiohttp
import discord
import httpx2
import pytest
from discord.http import HTTPClient, Route, handle_message_parameters

from tests.providers.channels import channel_of
from tests.simulators.discord import BOT_TOKEN, CHANNEL, WEBHOOK_ID, WEBHOOK_TOKEN, DiscordSimulator
from tests.simulators.faults import KINDS
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import HookRefused, HookRequest, Inbound

PATH = f"/api/v10/channels/{CHANNEL}/messages"
HEADERS = {"authorization": f"Bot {BOT_TOKEN}", "user-agent": "DiscordBot (https://tidings.example, 1)"}


@pytest.fixture
async def simulator(monkeypatch) -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator() as running:
        monkeypatch.setattr(Route, "BASE", running.api_url)
        yield running


@pytest.fixture
async def client(simulator: DiscordSimulator) -> AsyncIterator[HTTPClient]:
    import asyncio

    opened = HTTPClient(asyncio.get_running_loop(), max_ratelimit_timeout=30)
    await opened.static_login(BOT_TOKEN)
    yield opened
    await opened.close()


@pytest.fixture
async def browser(simulator: DiscordSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=False, base_url=simulator.url, headers=HEADERS) as opened:
        yield opened


# --- the library most bots are written with ---------------------------------------------------------------------------------


async def test_the_library_signs_in_and_posts(simulator: DiscordSimulator, client: HTTPClient) -> None:
    button = discord.ui.Button(label="Shop", url="https://shop.example")
    view = discord.ui.View().add_item(button)
    with handle_message_parameters("Habari", nonce="abc", view=view) as params:
        first = await client.send_message(CHANNEL, params=params)
        again = await client.send_message(CHANNEL, params=params)
    assert first["content"] == "Habari"
    assert first["id"] == again["id"]
    assert simulator.taken[CHANNEL] == 1


async def test_the_library_uploads_a_file(simulator: DiscordSimulator, client: HTTPClient) -> None:
    file = discord.File(io.BytesIO(b"\x89PNG"), filename="a.png")
    with handle_message_parameters("Picha", file=file) as params:
        posted = await client.send_message(CHANNEL, params=params)
    assert simulator.messages[posted["id"]].form["files"] == "files[0]:4"


async def test_the_library_waits_out_a_limit(simulator: DiscordSimulator, client: HTTPClient) -> None:
    simulator.faults.add(kind="rate_limited", count=1, retry_after="0.1")
    with handle_message_parameters("Habari") as params:
        await client.send_message(CHANNEL, params=params)
    assert simulator.requests[CHANNEL] == 2


@pytest.mark.parametrize(
    ("to", "kind", "code"), [("1100000000000050001", discord.Forbidden, 50001), ("1100000000000010003", discord.NotFound, 10003)]
)
async def test_the_library_understands_refusals(client: HTTPClient, to: str, kind: type, code: int) -> None:
    with handle_message_parameters("Habari") as params, pytest.raises(kind) as error:
        await client.send_message(to, params=params)
    assert error.value.code == code


async def test_the_library_posts_by_a_webhook(simulator: DiscordSimulator) -> None:
    async with aiohttp.ClientSession() as session:
        webhook = discord.Webhook.partial(int(WEBHOOK_ID), WEBHOOK_TOKEN, session=session)
        assert (await webhook.fetch()).name == "Shop"
        posted = await webhook.send("Habari", username="Duka", wait=True)
    assert simulator.messages[str(posted.id)].sender == "Duka"


# --- strictness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": ""}, 400, 50006),
        ({"content": "x" * 2001}, 400, 50035),
        ({"content": "x", "nonce": "n" * 26}, 400, 50035),
        ({"content": "x", "text": "y"}, 400, 50035),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 400, 50035),
        ({"content": "x", "components": [{"type": 1, "components": []}]}, 400, 50035),
        ({"content": "x", "components": [{"type": 1, "components": [{"type": 2, "style": 5, "label": "a", "url": "shop"}]}]}, 400, 50035),
        ([], 400, 50109),
    ],
)
async def test_a_wrong_body_is_refused(browser: httpx2.AsyncClient, simulator: DiscordSimulator, body, status: int, code: int) -> None:
    answer = await browser.post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not simulator.taken


async def test_a_stranger_is_refused(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post(PATH, json={"content": "x"}, headers={"authorization": f"Bearer {BOT_TOKEN}"})).status_code == 401
    assert (await browser.post(PATH, json={"content": "x"}, headers={"user-agent": "curl/8"})).json()["code"] == 40333
    assert (await browser.get("/api/v10/nothing")).status_code == 404
    assert (await browser.post(f"/api/webhooks/{WEBHOOK_ID}/wrong", json={"content": "x"})).json()["code"] == 50027
    assert (await browser.post(f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}", json={"content": "x"})).status_code == 204


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(browser: httpx2.AsyncClient, simulator: DiscordSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    try:
        answer = await browser.post(PATH, json={"content": "x"})
        assert kind == "slow" or answer.status_code != 200 or not answer.content.startswith(b'{"id"')
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await browser.post(PATH, json={"content": "x"})).status_code == 200


# --- interactions -----------------------------------------------------------------------------------------------------------


async def test_commands_and_presses_are_signed_and_answered(browser: httpx2.AsyncClient, simulator: DiscordSimulator) -> None:
    got: list[Inbound] = []

    async def handler(call: Call) -> Reply:
        try:
            request = HookRequest(method=call.method, url=f"{server.url}{call.target}", headers=call.headers, body=call.body)
            answer = provider("discord").read_hook(channel_of("discord"), request)
        except HookRefused as refused:
            return Reply(refused.status_code)
        got.extend(answer.callbacks)
        return Reply(200, answer.body, answer.content_type)

    buttons = [{"type": 1, "components": [{"type": 2, "style": 2, "label": "Yes", "custom_id": "0:yes"}]}]
    posted = (await browser.post(PATH, json={"content": "x", "components": buttons})).json()["id"]
    async with Server(handler) as server:
        url = f"{server.url}/hook"
        command = await browser.post("/_sim/inbound", json={"url": url, "sender": CHANNEL, "text": "/order 42"})
        await browser.post("/_sim/inbound", json={"url": url, "sender": CHANNEL, "text": "", "button": "0:yes", "message": posted})
    assert command.json()["answer"] == 200
    assert json.loads(command.json()["said"])["type"] == 4
    assert [(one.text, one.button, one.reply_to, one.sender_name) for one in got] == [
        ("/order 42", None, None, "Asha"),
        ("Yes", "yes", posted, "Asha"),
    ]
