"""The simulator before Africa's Talking's own client library; and what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import httpx2
import pytest
from africastalking.Application import ApplicationService
from africastalking.Service import AfricasTalkingException
from africastalking.SMS import SMSService

from tests.simulators.africastalking import API_KEY, USERNAME, AfricasTalkingSimulator
from tests.simulators.wire import Call, Reply, Server


@pytest.fixture
async def simulator() -> AsyncIterator[AfricasTalkingSimulator]:
    async with AfricasTalkingSimulator() as running:
        yield running


async def official(kind, simulator: AfricasTalkingSimulator, work, api_key: str = API_KEY):
    service = kind(USERNAME, api_key)
    service._baseUrl = f"{simulator.url}/version1"  # the library has no setting for it
    return await asyncio.to_thread(work, service)


async def test_the_official_library_sends(simulator: AfricasTalkingSimulator) -> None:
    numbers = ["+254711000001", "+254711000002"]
    answer = await official(SMSService, simulator, lambda sms: sms.send("Habari", numbers, sender_id="TIDINGS"))
    data = answer["SMSMessageData"]
    assert data["Message"] == "Sent to 2/2 Total Cost: KES 1.6000"
    assert [(each["number"], each["statusCode"], each["cost"]) for each in data["Recipients"]] == [
        (number, 101, "KES 0.8000") for number in numbers
    ]
    assert simulator.requests == dict.fromkeys(numbers, 1)


async def test_the_official_library_reads_the_balance(simulator: AfricasTalkingSimulator) -> None:
    answer = await official(ApplicationService, simulator, lambda application: application.fetch_application_data())
    assert answer == {"UserData": {"balance": "KES 1785.50"}}


async def test_the_official_library_meets_wrong_credentials(simulator: AfricasTalkingSimulator) -> None:
    with pytest.raises(AfricasTalkingException, match="The supplied authentication is invalid"):
        await official(SMSService, simulator, lambda sms: sms.send("Habari", ["+254711000001"]), api_key="wrong")


async def post(simulator: AfricasTalkingSimulator, accept: str = "application/json", **form: str) -> httpx2.Response:
    async with httpx2.AsyncClient(verify=False) as client:
        headers = {"apiKey": API_KEY, "Accept": accept}
        return await client.post(f"{simulator.url}/version1/messaging", data={"username": USERNAME, **form}, headers=headers)


async def test_without_accept_it_speaks_xml(simulator: AfricasTalkingSimulator) -> None:
    assert (await post(simulator, accept="*/*", to="+254711000001", message="x")).text.startswith("<AfricasTalkingResponse>")


async def test_when_all_numbers_are_wrong_the_list_is_empty(simulator: AfricasTalkingSimulator) -> None:
    assert (await post(simulator, to="0711,0722", message="x")).json() == {
        "SMSMessageData": {"Message": "InvalidPhoneNumber", "Recipients": []}
    }
    mixed = (await post(simulator, to="0711,+254711000001", message="x")).json()["SMSMessageData"]
    assert [each["statusCode"] for each in mixed["Recipients"]] == [403, 101]
    assert mixed["Recipients"][0]["messageId"] == "None"


async def test_a_missing_field_is_refused(simulator: AfricasTalkingSimulator) -> None:
    answer = await post(simulator, to="+254711000001")
    assert (answer.status_code, "message" in answer.text) == (400, True)


async def test_long_texts_cost_more(simulator: AfricasTalkingSimulator) -> None:
    [recipient] = (await post(simulator, to="+254711000001", message="x" * 161)).json()["SMSMessageData"]["Recipients"]
    assert (recipient["cost"], recipient["messageParts"]) == ("KES 1.6000", 2)


@pytest.mark.parametrize("kind", ["rate_limited", "server_error", "wrong_credentials", "html"])
async def test_one_faulty_number_spoils_the_whole_request(simulator: AfricasTalkingSimulator, kind: str) -> None:
    simulator.faults.add(kind=kind, numbers=["+254711000002"])
    answer = await post(simulator, to="+254711000001,+254711000002", message="x")
    assert answer.status_code != 201
    assert not simulator.taken
    assert simulator.requests == {"+254711000001": 1, "+254711000002": 1}


async def test_reports_answers_and_opt_outs_are_posted(simulator: AfricasTalkingSimulator) -> None:
    got: list[dict[str, str]] = []

    async def handler(call: Call) -> Reply:
        got.append(dict(parse_qsl(call.body.decode(), keep_blank_values=True)))
        return Reply(200)

    async with Server(handler) as ours:
        async with httpx2.AsyncClient(verify=False, base_url=simulator.url) as client:
            await client.post(
                "/_sim/receipts",
                json={"url": ours.url, "statuses": ["Sent", "Success"], "failing": ["+254711000002"], "failing_status": "Failed"},
            )
            await post(simulator, to="+254711000001,+254711000002", message="x")
            await client.get("/_sim/callbacks?wait=1")
            await client.post("/_sim/inbound", json={"url": ours.url, "sender": "+254711000001", "text": "Sawa"})
        await simulator.post_opt_out(ours.url, "+254711000001")
    assert sorted((form["phoneNumber"][-1], form["status"], form.get("failureReason")) for form in got[:4]) == [
        ("1", "Sent", None),
        ("1", "Success", None),
        ("2", "Failed", "DeliveryFailure"),
        ("2", "Sent", None),
    ]
    assert (got[4]["from"], got[4]["text"]) == ("+254711000001", "Sawa")
    assert got[5] == {"senderId": "AFRICASTKNG", "phoneNumber": "+254711000001"}
    assert (await post(simulator, to="+254711000001", message="x")).json()["SMSMessageData"]["Recipients"][0]["statusCode"] == 406
