"""MyOperator's known refusals and WhatsApp's failures in its webhooks, each over real HTTP: our word for it, and what follows.

Sources: MyOperator's help centre and the public clients that cite its Postman collection (documenter.getpostman.com/view/38426694/2sAXqy3evq);
its gateway's own answers are those of Amazon's API Gateway (docs.aws.amazon.com/apigateway: `{"message": "Unauthorized"}`, explicit deny).
MyOperator publishes no whole list. The numbers in webhooks are WhatsApp's, whose table test_whatsapp_cloud goes through.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.providers.channels import HOOK, channel_of, outgoing
from tests.providers.consequences import consequence
from tests.simulators.myoperator import REFUSALS, MyOperatorSimulator
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import Callback, HookRequest, Outcome, Receipt
from tidings.providers.http import Http
from tidings.providers.myoperator.errors import CODES

ASHA = "+919800012345"


@pytest.fixture
async def simulator() -> AsyncIterator[MyOperatorSimulator]:
    async with MyOperatorSimulator() as running:
        yield running


async def send(simulator: MyOperatorSimulator, http: Http, **changes: Any) -> Outcome:
    [outcome] = await provider("myoperator").send(http, channel_of("myoperator", simulator.url, **changes), [outgoing(to=ASHA)])
    return outcome


@pytest.mark.parametrize("status", [200, 400, 402, 403, 500])
@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("CHAT_4001", "insufficient_balance"),
        ("CHAT_0302", "invalid_credentials"),
        ("CHAT_0303", "invalid_credentials"),
        ("CHAT_0304", "invalid_credentials"),
    ],
)
async def test_a_documented_code_stops_the_channel_whatever_http_says(
    simulator: MyOperatorSimulator, http: Http, code: str, ours: str, status: int
) -> None:
    simulator.faults.add(kind="status", words=code, http=status)
    outcome = await send(simulator, http)
    assert (outcome.code, outcome.provider_code, consequence(outcome)) == (ours, code, "stops")
    assert not simulator.taken


def test_every_code_of_our_table_is_known_to_the_simulator() -> None:
    assert CODES.keys() == REFUSALS.keys()


@pytest.mark.parametrize(
    ("code", "status", "ours", "follows"),
    [
        ("CHAT_9999", 400, "internal", "final"),
        ("CHAT_9999", 403, "invalid_credentials", "stops"),
        ("CHAT_9999", 429, "rate_limited", "waits 5"),
        ("CHAT_9999", 200, "provider_unavailable", "unknown"),
        ("CHAT_9999", 500, "provider_unavailable", "unknown"),
        ("400", 400, "internal", "final"),
        ("404", 404, "internal", "final"),
        ("503", 503, "provider_unavailable", "unknown"),
        ("504", 504, "provider_unavailable", "unknown"),
    ],
)
async def test_a_code_that_nobody_documents_is_told_by_its_status(
    simulator: MyOperatorSimulator, http: Http, code: str, status: int, ours: str, follows: str
) -> None:
    simulator.faults.add(kind="status", words=code, http=status)
    outcome = await send(simulator, http)
    assert (outcome.code, consequence(outcome)) == (ours, follows)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"credentials": {"api_key": "wrong"}}, id="403-explicit-deny"),
        pytest.param({"settings": {**channel_of("myoperator").settings, "company_id": "wrong"}}, id="403-invalid-company-id"),
    ],
)
async def test_a_wrong_key_or_company_stops_the_channel(simulator: MyOperatorSimulator, http: Http, changes: dict) -> None:
    assert consequence(await send(simulator, http, **changes)) == "stops"


async def test_unauthorized_stops_the_channel(simulator: MyOperatorSimulator, http: Http) -> None:
    simulator.faults.add(kind="wrong_credentials")
    outcome = await send(simulator, http)
    assert (outcome.detail, consequence(outcome)) == ("HTTP 401: Unauthorized", "stops")


async def test_an_account_that_is_not_switched_on_is_a_doubt_that_says_so(simulator: MyOperatorSimulator, http: Http) -> None:
    simulator.provisioned = False
    outcome = await send(simulator, http)
    assert consequence(outcome) == "unknown"
    assert "switch the WhatsApp API on" in outcome.detail


@pytest.mark.parametrize("meta", [False, True], ids=["its-own-webhook", "metas-webhook"])
@pytest.mark.parametrize(
    ("number", "ours"),
    [
        ("131026", "unreachable"),
        ("131047", "template_required"),
        ("131050", "opted_out"),
        ("131049", "blocked"),
        ("131021", "invalid_address"),
        ("131042", "insufficient_balance"),
        ("131031", "invalid_credentials"),
        ("131056", "rate_limited"),
        ("131053", "rejected_content"),
        ("131051", "unsupported"),
        ("131000", "provider_unavailable"),
        ("999999", "unreachable"),
    ],
)
async def test_a_failure_that_whatsapp_tells_later(simulator: MyOperatorSimulator, http: Http, number: str, ours: str, meta: bool) -> None:
    got: list[Callback] = []

    async def hook(call: Call) -> Reply:
        request = HookRequest(method=call.method, url=HOOK, headers=call.headers, body=call.body)
        got.extend(provider("myoperator").read_hook(channel_of("myoperator"), request).callbacks)
        return Reply()

    async with Server(hook) as server:
        simulator.meta_webhooks, simulator.plan.url = meta, server.url
        outcome = await send(simulator, http)
        await simulator.post_status(simulator.messages[outcome.provider_message_id], "failed", number)
    [receipt] = got
    assert isinstance(receipt, Receipt)
    assert (receipt.status, receipt.code) == ("failed", ours)
    assert number in (receipt.detail or "")
