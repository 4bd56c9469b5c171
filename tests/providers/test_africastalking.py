"""Africa's Talking: one request for many numbers, one verdict for each, and its unsigned hooks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from tests.providers.channels import HOOK, channel_of, outgoing
from tests.simulators.africastalking import API_KEY, AfricasTalkingSimulator
from tidings.providers import provider
from tidings.providers.africastalking.answers import read_send
from tidings.providers.africastalking.provider import send_request
from tidings.providers.base import (
    Accepted,
    Balance,
    Cost,
    ErrorCode,
    HookRefused,
    HookRequest,
    Inbound,
    ProviderError,
    ProviderOptOut,
    Receipt,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, Http

BATCH = [outgoing(number) for number in range(3)]


# --- the request --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "host", "sender"),
    [
        ({}, "https://api.sandbox.africastalking.com", {"from": "TIDINGS"}),
        ({"sender": ""}, "https://api.sandbox.africastalking.com", {}),
        ({"settings": {"username": "shop"}}, "https://api.africastalking.com", {"from": "TIDINGS"}),
        ({"url": "http://127.0.0.1:1/"}, "http://127.0.0.1:1", {"from": "TIDINGS"}),
    ],
)
def test_the_request(changes: dict, host: str, sender: dict) -> None:
    channel = channel_of("africastalking", **changes)
    request = send_request(channel, BATCH)
    assert (request.method, request.url) == ("POST", f"{host}/version1/messaging")
    assert request.form == {
        "username": channel.settings["username"],
        "to": "+254711000000,+254711000001,+254711000002",
        "message": "Hello there",
        "bulkSMSMode": "1",
        **sender,
    }
    assert request.headers == {"apiKey": API_KEY, "Accept": "application/json"}


# --- the answer ---------------------------------------------------------------------------------------------------------


def verdict(number: int, code: int = 101, **changes) -> dict:
    good = {"statusCode": code, "number": f"+2547110{number:05}", "status": "Success", "cost": "KES 0.8000", "messageId": f"ATXid_{number}"}
    return {**good, **({} if code <= 102 else {"status": "Refused", "cost": "0", "messageId": "None"}), **changes}


def answer(*verdicts: dict, message: str = "Sent to 3/3 Total Cost: KES 2.4000", status: int = 201) -> Answer:
    return Answer(status=status, body=json.dumps({"SMSMessageData": {"Message": message, "Recipients": verdicts}}).encode())


def test_each_number_has_its_own_verdict_in_any_order() -> None:
    outcomes = read_send(answer(verdict(2), verdict(0, messageParts=2), verdict(1, 403, status="InvalidPhoneNumber")), BATCH)
    assert outcomes == [
        Accepted(provider_message_id="ATXid_0", segments=2, cost=Cost(micros=800_000, currency="KES")),
        SendFailed(code=ErrorCode.INVALID_ADDRESS, detail="Africa's Talking: InvalidPhoneNumber", provider_code="403"),
        Accepted(provider_message_id="ATXid_2", cost=Cost(micros=800_000, currency="KES")),
    ]


@pytest.mark.parametrize(
    ("code", "expected", "retryable"),
    [
        (401, "rejected_content", False),
        (402, "invalid_credentials", False),
        (403, "invalid_address", False),
        (404, "unsupported", False),
        (405, "insufficient_balance", False),
        (406, "opted_out", False),
        (407, "unreachable", False),
        (409, "blocked", False),
        (500, "provider_unavailable", True),
        (501, "provider_unavailable", True),
        (502, "unreachable", False),
        (599, "internal", False),
        (0, "internal", False),
    ],
)
def test_a_refusal_by_code(code: int, expected: str, retryable: bool) -> None:
    [outcome] = read_send(answer(verdict(0, code)), BATCH[:1])
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable, outcome.provider_code) == (expected, retryable, str(code))


@pytest.mark.parametrize("code", [100, 101, 102])
def test_processed_sent_and_queued_are_taken(code: int) -> None:
    assert isinstance(read_send(answer(verdict(0, code)), BATCH[:1])[0], Accepted)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("InvalidPhoneNumber", ErrorCode.INVALID_ADDRESS),
        ("InvalidSenderId", ErrorCode.INVALID_CREDENTIALS),
        ("InsufficientBalance", ErrorCode.INSUFFICIENT_BALANCE),
        ("Sent to 0/3 Total Cost: 0", ErrorCode.INTERNAL),
        ("", ErrorCode.INTERNAL),
    ],
)
def test_an_empty_list_refuses_all_for_one_reason(message: str, code: ErrorCode) -> None:
    outcomes = read_send(answer(message=message), BATCH)
    assert [(type(outcome), outcome.code) for outcome in outcomes] == [(SendFailed, code)] * 3


def test_an_empty_list_that_claims_to_have_sent_is_a_doubt() -> None:
    assert {type(outcome) for outcome in read_send(answer(), BATCH)} == {SendUncertain}


def test_a_number_that_is_not_mentioned_is_a_doubt() -> None:
    assert [type(outcome) for outcome in read_send(answer(verdict(0), verdict(2)), BATCH)] == [Accepted, SendUncertain, Accepted]


def test_a_success_without_an_id_is_a_doubt() -> None:
    assert isinstance(read_send(answer(verdict(0, messageId="None")), BATCH[:1])[0], SendUncertain)


def test_a_cost_without_a_currency_is_no_cost() -> None:
    assert read_send(answer(verdict(0, cost="0")), BATCH[:1]) == [Accepted(provider_message_id="ATXid_0")]


def test_xml_is_a_doubt_and_plain_text_is_told() -> None:
    [refused] = read_send(Answer(status=401, body=b"The supplied authentication is invalid"), BATCH[:1])
    assert isinstance(refused, SendFailed)
    assert (refused.code, refused.detail) == (ErrorCode.INVALID_CREDENTIALS, "HTTP 401: The supplied authentication is invalid")


# --- against the simulator ------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator():
    async with AfricasTalkingSimulator() as running:
        yield running


async def test_a_batch_goes_through_in_one_request(simulator: AfricasTalkingSimulator, http: Http) -> None:
    batch = [outgoing(number, text="Habari €") for number in range(100)]
    outcomes = await provider("africastalking").send(http, channel_of("africastalking", simulator.url), batch)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert [simulator.messages[outcome.provider_message_id].to for outcome in outcomes] == [message.to for message in batch]
    assert len({entry["form"]["to"] for entry in simulator.log}) == 1


async def test_the_same_number_twice_gets_two_messages_and_two_ids(simulator: AfricasTalkingSimulator, http: Http) -> None:
    batch = [outgoing(1, "+254711000009"), outgoing(2), outgoing(3, "+254711000009"), outgoing(4, "+254711000009")]
    outcomes = await provider("africastalking").send(http, channel_of("africastalking", simulator.url), batch)
    ids = [outcome.provider_message_id for outcome in outcomes]
    assert len(set(ids)) == 4
    assert [simulator.messages[each].to for each in ids] == [message.to for message in batch]
    assert simulator.requests == {"+254711000009": 3, "+254711000002": 1}


async def test_some_of_a_batch_may_fail(simulator: AfricasTalkingSimulator, http: Http) -> None:
    simulator.faults.add(kind="status", code=406, numbers=["+254711000001"])
    simulator.faults.add(kind="no_balance", numbers=["+254711000002"])
    outcomes = await provider("africastalking").send(http, channel_of("africastalking", simulator.url), BATCH)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == [None, ErrorCode.OPTED_OUT, ErrorCode.INSUFFICIENT_BALANCE]


async def test_an_unregistered_sender_stops_the_channel(simulator: AfricasTalkingSimulator, http: Http) -> None:
    simulator.senders = {"OTHERS"}
    outcomes = await provider("africastalking").send(http, channel_of("africastalking", simulator.url), BATCH)
    assert {outcome.code for outcome in outcomes} == {ErrorCode.INVALID_CREDENTIALS}


async def test_balance_and_check(simulator: AfricasTalkingSimulator, http: Http) -> None:
    channel = channel_of("africastalking", simulator.url)
    assert await provider("africastalking").balance(http, channel) == Balance(micros=1_785_500_000, currency="KES")
    assert "KES 1,785.50 left" in await provider("africastalking").check(http, channel)
    simulator.balance = "a lot"
    with pytest.raises(ProviderError, match="not an amount"):
        await provider("africastalking").balance(http, channel)


async def test_check_tells_what_is_wrong(simulator: AfricasTalkingSimulator, http: Http) -> None:
    with pytest.raises(ProviderError, match="authentication is invalid") as error:
        await provider("africastalking").check(http, channel_of("africastalking", simulator.url, credentials={"api_key": "wrong"}))
    assert error.value.code == ErrorCode.INVALID_CREDENTIALS


# --- hooks ----------------------------------------------------------------------------------------------------------------


def read(**form: str):
    request = HookRequest(method="POST", url=HOOK, headers={}, body=urlencode(form).encode())
    [callback] = provider("africastalking").read_hook(channel_of("africastalking"), request).callbacks
    return callback


@pytest.mark.parametrize(
    ("word", "reason", "status", "code"),
    [
        ("Sent", "", "sent", None),
        ("Submitted", "", "sent", None),
        ("Buffered", "", "sent", None),
        ("Success", "", "delivered", None),
        ("Rejected", "UserInBlackList", "failed", ErrorCode.OPTED_OUT),
        ("Rejected", "InsufficientCredit", "failed", ErrorCode.INSUFFICIENT_BALANCE),
        ("Failed", "NotNetworkSubcriber", "failed", ErrorCode.INVALID_ADDRESS),
        ("Failed", "DoNotDisturbRejection", "failed", ErrorCode.BLOCKED),
        ("Failed", "A reason of 2030", "failed", ErrorCode.UNREACHABLE),
        ("Failed", "", "failed", ErrorCode.UNREACHABLE),
        ("AbsentSubscriber", "", "failed", ErrorCode.UNREACHABLE),
        ("Expired", "", "failed", ErrorCode.UNREACHABLE),
    ],
)
def test_a_delivery_report(word: str, reason: str, status: str, code: ErrorCode | None) -> None:
    receipt = read(id="ATXid_1", status=word, phoneNumber="+254711000123", networkCode="63902", failureReason=reason, retryCount="0")
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.status, receipt.provider_status, receipt.code) == ("ATXid_1", status, word, code)
    assert (reason in (receipt.detail or "")) if status == "failed" else receipt.detail is None


@pytest.mark.parametrize("date", ["2017-05-03T06:04:45Z", "2017-05-03 06:04:45", "2017-05-03T09:04:45+03:00"])
@pytest.mark.parametrize("sender", ["+254711000123", "254711000123", " 254711000123"])
def test_an_incoming_message(date: str, sender: str) -> None:
    inbound = read(date=date, **{"from": sender}, id="in-1", linkId="x", text="Sawa\n", to="12345", networkCode="63902")
    assert inbound == Inbound(
        provider_message_id="in-1",
        sender="+254711000123",
        recipient="12345",
        text="Sawa\n",
        at=datetime(2017, 5, 3, 6, 4, 45, tzinfo=UTC),
    )


def test_an_incoming_message_without_a_sensible_date() -> None:
    assert read(date="yesterday", **{"from": "+254711000123"}, id="in-1", text="").at is None


def test_an_opt_out() -> None:
    assert read(senderId="TIDINGS", phoneNumber="+254711000123") == ProviderOptOut(address="+254711000123")


@pytest.mark.parametrize(
    "form", [{}, {"id": "1"}, {"id": "1", "status": "Odd"}, {"phoneNumber": "+254711000123"}, {"from": "+2547", "text": "x"}]
)
def test_anything_else_is_a_bad_call(form: dict[str, str]) -> None:
    with pytest.raises(HookRefused) as error:
        read(**form)
    assert error.value.status_code == 400
