"""A gateway of one's own has no documented codes: what its HTTP statuses mean, and each of our words that its settings can give to its errors.

Sources: RFC 9110 15 (HTTP statuses), RFC 6585 4 (429); docs/api.md has our words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.providers.consequences import consequence
from tests.providers.test_http_gateway import channel
from tests.simulators.gateway import GatewaySimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import ErrorCode, Outcome, Outgoing
from tidings.providers.http import Http

GATEWAY = provider("http")
MESSAGE = Outgoing(id="msg_00000000000000000000000007", to="+254711000123", text="Habari")
WORDS = {
    "invalid_address": "final",
    "unreachable": "final",
    "blocked": "final",
    "opted_out": "opts out",
    "rate_limited": "waits 5",
    "insufficient_balance": "stops",
    "invalid_credentials": "stops",
    "rejected_content": "final",
    "template_required": "final",
    "provider_unavailable": "again",
    "timeout": "again",
    "unsupported": "final",
    "internal": "final",
}


@pytest.fixture
async def gateway() -> AsyncIterator[GatewaySimulator]:
    async with GatewaySimulator() as running:
        yield running


async def send(gateway: GatewaySimulator, http: Http, **settings: str) -> Outcome:
    [outcome] = await GATEWAY.send(http, channel(gateway.url, **settings), [MESSAGE])
    return outcome


@pytest.mark.parametrize("status", [200, 400, 403, 422])
@pytest.mark.parametrize(("ours", "follows"), WORDS.items())
async def test_an_error_that_the_settings_give_one_of_our_words(
    gateway: GatewaySimulator, http: Http, ours: str, follows: str, status: int
) -> None:
    gateway.faults.add(kind="status", words="E-17", http=status)
    outcome = await send(gateway, http, error_codes=f"other=internal\ne-17 = {ours}")
    assert (outcome.code, outcome.provider_code, consequence(outcome)) == (ours, "E-17", follows)


def test_there_is_a_row_for_each_of_our_words() -> None:
    assert WORDS.keys() == set(ErrorCode)


@pytest.mark.parametrize(
    ("status", "ours", "follows"),
    [
        (301, "provider_unavailable", "again"),
        (302, "provider_unavailable", "unknown"),
        (307, "provider_unavailable", "again"),
        (400, "internal", "final"),
        (401, "invalid_credentials", "stops"),
        (402, "insufficient_balance", "stops"),
        (403, "invalid_credentials", "stops"),
        (404, "internal", "final"),
        (405, "internal", "final"),
        (408, "timeout", "unknown"),
        (409, "internal", "final"),
        (410, "internal", "final"),
        (413, "rejected_content", "final"),
        (415, "internal", "final"),
        (422, "internal", "final"),
        (429, "rate_limited", "waits 5"),
        (451, "internal", "final"),
        (500, "provider_unavailable", "unknown"),
        (502, "provider_unavailable", "unknown"),
        (503, "provider_unavailable", "unknown"),
        (504, "provider_unavailable", "unknown"),
        (200, "internal", "final"),
    ],
)
async def test_an_error_that_the_settings_do_not_know_is_told_by_its_status(
    gateway: GatewaySimulator, http: Http, status: int, ours: str, follows: str
) -> None:
    """With 200 and one of the settings' words for failure nothing was sent, and nobody knows why."""
    gateway.faults.add(kind="status", words="something_new", http=status)
    outcome = await send(gateway, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_5xx_is_a_doubt_even_where_the_settings_know_its_error(gateway: GatewaySimulator, http: Http, status: int) -> None:
    gateway.faults.add(kind="status", words="stopped", http=status)
    assert consequence(await send(gateway, http)) == "unknown"


@pytest.mark.parametrize(("status", "words"), [(429, "busy"), (400, "busy"), (200, "busy"), (429, "something_new")])
async def test_a_wait_that_the_gateway_names_is_kept(http: Http, status: int, words: str) -> None:
    async def busy(_: Call) -> Reply:
        body = f'{{"status": "rejected", "error": {{"code": "{words}"}}}}'
        return Reply(status, body.encode(), headers={"Retry-After": "42"})

    async with Server(busy) as server:
        [outcome] = await GATEWAY.send(http, channel(server.url), [MESSAGE])
    assert consequence(outcome) == "waits 42"


@pytest.mark.parametrize("kind", ["html", "empty", "garbage", "truncated", "reset"])
async def test_an_answer_that_is_none_is_a_doubt(gateway: GatewaySimulator, http: Http, kind: str) -> None:
    gateway.faults.add(kind=kind)
    assert consequence(await send(gateway, http)) == "unknown"
