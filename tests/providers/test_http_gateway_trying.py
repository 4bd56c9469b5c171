"""A request to a gateway as it is shown before the channel is saved: what left, what came back, and no secret in either."""

from __future__ import annotations

import pytest

from tests.providers.test_http_gateway import channel, message
from tests.simulators.gateway import API_KEY, USER, GatewaySimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import Accepted, ChannelConfig, SendFailed, SendUncertain, Tried, TriesOut
from tidings.providers.http import Http
from tidings.providers.http_gateway.trying import MOST_SHOWN

SHORT = "k&1"
"""Too short to be found and blotted out, and written in another way in each place."""


async def tried(config: ChannelConfig, url: str) -> Tried:
    gateway = provider("http")
    assert isinstance(gateway, TriesOut)
    async with Http(may_reach=lambda address: address.startswith(url)) as http:
        return await gateway.try_out(http, config, message("Hello & goodbye"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"headers": "", "basic_user": USER, "body_kind": "form", "send_url": "{url}/form", "body": "to={{to}}&text={{text}}", "success_path": "ok", "success_values": "true", "id_path": "id"},
        {"body_kind": "raw", "content_type": "text/xml", "send_url": "{url}/xml", "body": "<sms><to>{{to}}</to><text>{{text}}</text></sms>", "success_path": "ok", "success_values": "true", "id_path": "id"},
        {"send_method": "GET", "headers": "", "body": "", "send_url": "{url}/send?to={{to}}&text={{text}}&key={{api_key}}", "success_path": "", "success_values": "0: accepted", "failure_values": "", "id_path": ""},
    ],
    ids=["json", "form with basic authentication", "xml", "get"],
)  # fmt: skip
async def test_every_way_of_asking_is_shown_whole_and_without_secrets(changes: dict[str, str]) -> None:
    async with GatewaySimulator() as simulator:
        filled = {name: value.replace("{url}", simulator.url) for name, value in changes.items()}
        told = await tried(channel(simulator.url, **filled), simulator.url)
    assert isinstance(told.outcome, Accepted), told
    first, *_ = told.request.splitlines()
    assert first.startswith(f"{filled.get('send_method', 'POST')} {simulator.url}/")
    assert "goodbye" in told.request
    assert told.answer is not None
    assert told.answer.startswith("HTTP 20")
    for secret in (API_KEY, "simulated%2Bkey", "simulated+key"):
        assert secret not in told.request + told.answer
    assert ("authorization: Basic shop:•••" in told.request) == ("basic_user" in changes)


async def test_a_short_secret_is_stood_in_for_wherever_it_stands() -> None:
    async def answer(_: Call) -> Reply:
        return Reply(200, b'{"status": "queued", "data": {"id": 1}}')

    async with Server(answer) as server:
        config = channel(server.url, headers="X-Key: {{api_key}}", body='{"t": "{{text}}", "to": "{{to}}", "k": "{{api_key}}"}')
        told = await tried(ChannelConfig(sender="", settings=config.settings, credentials={"api_key": SHORT}), server.url)
    assert told.request.count("SECRET-API-KEY") == 2
    assert SHORT not in told.request


async def test_an_answer_that_quotes_secrets_or_has_no_end_is_shown_without_and_short() -> None:
    quoted = f"<a>{API_KEY.replace('&', '&amp;')}</a> {API_KEY} ".encode()

    async def answer(_: Call) -> Reply:
        return Reply(200, quoted + b"x" * 50_000)

    async with Server(answer) as server:
        told = await tried(channel(server.url), server.url)
    assert isinstance(told.outcome, SendUncertain)
    assert told.answer is not None
    assert API_KEY not in told.answer
    assert len(told.answer) < 2 * MOST_SHOWN
    assert "characters in all" in told.answer


async def test_an_address_that_may_not_be_called_gets_no_request_and_is_told() -> None:
    told = await tried(channel("http://169.254.169.254"), "http://nowhere.example")
    assert isinstance(told.outcome, SendFailed)
    assert told.answer is None
    assert "169.254.169.254" in told.request
