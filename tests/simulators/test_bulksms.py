"""The simulator before a client library that others wrote, so that it is not only our reading of BulkSMS; and its strictness."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.simulators.bulksms import FAILING, TOKEN_ID, TOKEN_SECRET, BulkSmsSimulator
from tests.simulators.faults import KINDS
from tests.simulators.wire import Call, Reply, Server

# Run in a process of its own: the library turns on debug logging for the whole of the one that imports it.
LIBRARY = """
import json, sys
from bulksms.api import BulkSMS
url, token, secret, call = sys.argv[1:]
BulkSMS.api_base = url + "/v1"
library = BulkSMS(token_id=token, token_secret=secret, sender="+27007654321")
try:
    print(json.dumps(eval(call)))
except Exception as error:
    print(json.dumps([type(error).__name__, getattr(error, "code", None)]))
"""


@pytest.fixture
async def simulator() -> AsyncIterator[BulkSmsSimulator]:
    async with BulkSmsSimulator() as running:
        yield running


@pytest.fixture
async def browser(simulator: BulkSmsSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=False, base_url=simulator.url, auth=(TOKEN_ID, TOKEN_SECRET)) as client:
        yield client


async def library(simulator: BulkSmsSimulator, call: str, secret: str = TOKEN_SECRET) -> Any:
    command = [sys.executable, "-c", LIBRARY, simulator.url, TOKEN_ID, secret, call]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def entry(to: str = "+254711000123", body: str = "x", **more: Any) -> dict[str, Any]:
    return {"to": [{"type": "INTERNATIONAL", "address": to}], "body": body, **more}


async def test_anothers_library_sends_and_asks(simulator: BulkSmsSimulator) -> None:
    numbers = await library(simulator, 'library.send(["+254711000001", "+254711000002"], "Habari, Grüße ğ")')
    assert [simulator.messages[number].to for number in numbers] == ["+254711000001", "+254711000002"]
    assert simulator.messages[numbers[0]].text == "Habari, Grüße ğ"
    assert await library(simulator, f'library.msg_delivery_status("{numbers[0]}")') == "SENT"
    assert await library(simulator, f'library.msg_cost("{numbers[0]}")') == 1.0


async def test_anothers_library_understands_refusals(simulator: BulkSmsSimulator) -> None:
    assert await library(simulator, 'library.send("+254711000001", "x")', secret="wrong") == ["HTTPError", 401]
    simulator.faults.add(kind="no_balance")
    assert await library(simulator, 'library.send("+254711000001", "x")') == ["HTTPError", 403]


# --- strictness -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ([], ""),
        ([{"body": "x"}], ""),
        ([entry("0711")], ""),
        ([entry(body="")], ""),
        ([entry(), entry("nobody")], ""),
        ([entry(userSuppliedId="x" * 21)], ""),
        ([entry(longMessageMaxParts="99")], ""),
        ([entry(body="x" * 500)], ""),
        ([entry(body="😀")], ""),
        ([entry(surprise=1)], ""),
        ([entry(routingGroup="FAST")], ""),
        ([entry(**{"from": {"type": "ALPHANUMERIC", "address": "x" * 12}})], ""),
        ([entry(**{"from": {"type": "SHORTCODE", "address": "1234567"}})], ""),
        ([entry(**{"from": {"type": "REPLIABLE", "address": "1"}})], ""),
        ([entry()], "?deduplication-id=x"),
        ([entry()], "?deduplication-id=2147483648"),
        ([entry()], "?auto-unicode=yes"),
        ([entry()], "?surprise=1"),
    ],
)
async def test_a_wrong_submission_is_refused_as_a_whole(
    browser: httpx2.AsyncClient, simulator: BulkSmsSimulator, body: list, query: str
) -> None:
    answer = await browser.post(f"/v1/messages{query}", json=body)
    assert (answer.status_code, answer.json()["type"].partition("#")[2]) == (400, "bad-request")
    assert not simulator.taken


async def test_foreign_paths_and_forms_are_refused(browser: httpx2.AsyncClient) -> None:
    assert (await browser.post("/v1/messages", data={"to": "1"})).status_code == 415
    assert (await browser.get("/v1/nothing")).status_code == 404
    assert (await browser.get("/v1/profile", auth=("a", "b"))).status_code == 401


async def test_the_short_forms_of_the_prose_are_taken(browser: httpx2.AsyncClient, simulator: BulkSmsSimulator) -> None:
    for body in ({"to": "+27001234567", "body": "x"}, {"to": ["+27001234567"], "body": "x", "from": "SHOP"}):
        assert (await browser.post("/v1/messages", json=body)).status_code == 201
    assert [one.sender for one in simulator.messages.values()] == ["", "SHOP"]


async def test_the_same_number_is_the_same_submission(browser: httpx2.AsyncClient, simulator: BulkSmsSimulator) -> None:
    answers = [(await browser.post("/v1/messages?deduplication-id=7", json=[entry()])).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert simulator.taken == {"+254711000123": 1}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(browser: httpx2.AsyncClient, simulator: BulkSmsSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    try:
        answer = await browser.post("/v1/messages", json=[entry()])
        assert kind in {"slow", "garbage"} or answer.status_code != 201
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await browser.post("/v1/messages", json=[entry()])).status_code == 201


# --- webhooks ---------------------------------------------------------------------------------------------------------------


async def test_a_webhook_is_tested_with_an_empty_list_and_called_from_then_on(
    browser: httpx2.AsyncClient, simulator: BulkSmsSimulator
) -> None:
    got: list[Any] = []

    async def ours(call: Call) -> Reply:
        got.append(call.json())
        return Reply(200 if call.path == "/hook" else 403)

    async with Server(ours) as server:
        for scope in ("SENT", "RECEIVED"):
            hook = {"name": scope, "url": f"{server.url}/hook", "triggerScope": scope, "invokeOption": "MANY"}
            assert (await browser.post("/v1/webhooks", json=hook)).status_code == 200
        wrong = {"name": "x", "url": f"{server.url}/other", "triggerScope": "SENT"}
        assert "403" in (await browser.post("/v1/webhooks", json=wrong)).json()["detail"]
        assert (await browser.post("/v1/webhooks", json={**wrong, "triggerScope": "sent"})).status_code == 400
        simulator.plan.statuses = ["SENT", "DELIVERED"]
        await browser.post("/v1/messages", json=[entry(FAILING)])
        await simulator.poster.idle()
        assert (
            await browser.post("/_sim/inbound", json={"url": f"{server.url}/hook", "sender": "+254711000123", "text": "Hi"})
        ).status_code == 200
    assert got[:3] == [[], [], []]
    assert [message["status"]["id"] for [message] in got[3:]] == ["FAILED.NOT_SENT", "FAILED.NOT_SENT", "RECEIVED.null"]


@pytest.mark.parametrize("module", ["tests.simulators.bulksms", "tests.simulators.gateway"])
def test_each_runs_as_a_process_that_tells_its_port(module: str) -> None:
    with subprocess.Popen([sys.executable, "-m", module, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["url"]
            assert httpx2.get(f"{address}/_sim/requests", timeout=5).status_code == 200
        finally:
            process.terminate()
        assert process.wait(5) == 0
