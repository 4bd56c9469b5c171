"""MyOperator has no client library of its own: the simulator is held to what its documents and live users say, by raw requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.simulators.faults import KINDS
from tests.simulators.myoperator import API_KEY, COMPANY_ID, PHONE_NUMBER_ID, MyOperatorSimulator

GOOD = {"Authorization": f"Bearer {API_KEY}", "X-MYOP-COMPANY-ID": COMPANY_ID}
TEXT: dict[str, Any] = {
    "phone_number_id": PHONE_NUMBER_ID,
    "customer_country_code": "91",
    "customer_number": "9800012345",
    "data": {"type": "text", "context": {"body": "Namaste", "preview_url": False}},
    "reply_to": None,
    "myop_ref_id": None,
}


@pytest.fixture
async def simulator() -> AsyncIterator[MyOperatorSimulator]:
    async with MyOperatorSimulator() as running:
        yield running


async def post(simulator: MyOperatorSimulator, headers: dict[str, str] = GOOD, **changes: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=False, timeout=5) as browser:
        return await browser.post(f"{simulator.url}/chat/messages", headers=headers, json={**TEXT, **changes})


async def test_the_request_that_live_users_send_is_taken(simulator: MyOperatorSimulator) -> None:
    answer = await post(simulator)
    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (200, "success", "200")
    assert simulator.messages[answer.json()["data"]["message_id"]].text == "Namaste"


async def test_the_gateway_is_as_strict_as_the_real_one(simulator: MyOperatorSimulator) -> None:
    assert (await post(simulator, {})).json() == {"message": "Unauthorized"}
    lower = {**GOOD, "Authorization": f"bearer {API_KEY}"}
    assert "explicit deny" in (await post(simulator, lower)).json()["Message"]
    assert (await post(simulator, {**GOOD, "X-MYOP-COMPANY-ID": "x"})).json()["message"] == "Invalid company ID!"
    simulator.provisioned = False
    refused = await post(simulator)
    assert (refused.status_code, refused.json()) == (500, {"message": None})


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"phone_number_id": "1"},
        {"customer_number": "+91 98"},
        {"data": {"type": "poem"}},
        {"data": {"type": "text", "context": {}}},
        {"data": {"type": "image", "link": "https://a/b"}},
        {"data": {"type": "template", "context": {"template_name": "none", "language": "en", "body": {}}}},
        {"data": {"type": "template", "context": {"template_name": "order_ready", "language": "en", "body": {"1": "x"}}}},
    ],
)
async def test_what_the_documents_do_not_have_is_refused(simulator: MyOperatorSimulator, changes: dict[str, Any]) -> None:
    assert (await post(simulator, **changes)).status_code == 400
    assert not simulator.taken


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fault_can_be_played(simulator: MyOperatorSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, count=1, seconds=0.05)
    try:
        answer = await post(simulator)
        assert kind in {"slow", "garbage", "html", "empty"} or answer.status_code != 200
    except httpx2.TransportError:
        assert kind in {"truncated", "reset", "hang"}
    assert (await post(simulator)).status_code == 200
