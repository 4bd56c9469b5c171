"""WhatsApp by MyOperator: what we ask, what we make of its answers, and of both kinds of webhook it posts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from msgspec import structs

from tests.providers.channels import channel_of, outgoing
from tests.simulators.myoperator import API_KEY, COMPANY_ID, PHONE_NUMBER_ID, REFUSALS, WABA_ID, MyOperatorSimulator
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Button,
    ErrorCode,
    Media,
    Outcome,
    Outgoing,
    ProviderError,
    SendFailed,
    SendUncertain,
    Templates,
    TemplateUse,
)
from tidings.providers.http import Answer, Http
from tidings.providers.myoperator.provider import MyOperator, read_send, send_request

ASHA = "+919800012345"
PICTURE = Media(kind="image", content_type="image/png", url="https://shop.example/files/a.png?v=1")
CHANNEL = channel_of("myoperator")


def message(text: str = "Namaste", to: str = ASHA, **parts: object) -> Outgoing:
    return structs.replace(outgoing(7, to, text), **parts)


# --- the request --------------------------------------------------------------------------------------------------------------


def test_the_request() -> None:
    request = send_request(CHANNEL, message(reply_to="5"))
    assert (request.method, request.url) == ("POST", "https://publicapi.myoperator.co/chat/messages")
    assert request.headers == {"Authorization": f"Bearer {API_KEY}", "X-MYOP-COMPANY-ID": COMPANY_ID}
    assert request.json == {
        "waba_id": WABA_ID,
        "phone_number_id": PHONE_NUMBER_ID,
        "customer_country_code": "91",
        "customer_number": "9800012345",
        "data": {"type": "text", "context": {"body": "Namaste", "preview_url": False}},
        "reply_to": "5",
        "myop_ref_id": "msg_00000000000000000000000007",
    }


def test_another_path() -> None:
    channel = channel_of("myoperator", settings={**CHANNEL.settings, "send_path": "/v2/send", "waba_id": ""})
    request = send_request(channel, message())
    assert request.url == "https://publicapi.myoperator.co/v2/send"
    assert "waba_id" not in request.json


@pytest.mark.parametrize(
    ("to", "country", "national"),
    [
        ("+254711000123", "254", "711000123"),
        ("+15005550006", "1", "5005550006"),
        ("+390612345678", "39", "0612345678"),
        ("+6621234567", "66", "21234567"),
    ],
)
def test_a_number_is_split_as_its_country_does(to: str, country: str, national: str) -> None:
    body = send_request(CHANNEL, message(to=to)).json
    assert (body["customer_country_code"], body["customer_number"]) == (country, national)


ORDER = TemplateUse(name="order_ready", language="en", body={"1": "Asha", "2": "7"})


@pytest.mark.parametrize(
    ("parts", "data"),
    [
        ({"text": "https://a.b"}, {"type": "text", "context": {"body": "https://a.b", "preview_url": True}}),
        (
            {"text": "Look", "media": PICTURE},
            {"type": "image", "link": PICTURE.url, "filename": "a.png", "caption": "Look", "mime_type": "image/png"},
        ),
        (
            {"text": "", "template": ORDER},
            {"type": "template", "context": {"template_name": "order_ready", "language": "en", "body": {"1": "Asha", "2": "7"}}},
        ),
        (
            {
                "text": "",
                "template": TemplateUse(
                    name="season",
                    language="fr",
                    body={"first_name": "Asha"},
                    header_media=PICTURE,
                    buttons=("", "https://shop.example/o/7"),
                ),
            },
            {
                "type": "template",
                "context": {
                    "template_name": "season",
                    "language": "fr",
                    "body": {"first_name": "Asha"},
                    "header": {"media_url": PICTURE.url},
                    "buttons": [{"index": 1, "id": "https://shop.example/o/7"}],
                },
            },
        ),
    ],
)
def test_each_kind_of_message(parts: dict, data: dict) -> None:
    assert send_request(CHANNEL, message(**parts)).json["data"] == data


@pytest.mark.parametrize(
    "parts",
    [
        {"to": "KE.13491208655302741918"},
        {"media": replace(PICTURE, kind="video")},
        {"media": replace(PICTURE, url="", content=b"x")},
        {"buttons": (Button(label="Yes"),)},
        {"text": "", "template": replace(ORDER, header_text="7")},
    ],
)
async def test_what_it_documents_no_form_for_is_told_and_not_sent_in_part(http: Http, parts: dict) -> None:
    async with MyOperatorSimulator() as simulator:
        [outcome] = await provider("myoperator").send(http, channel_of("myoperator", simulator.url), [message(**parts)])
        assert not simulator.requests
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable) == (ErrorCode.UNSUPPORTED, False)


# --- the answer ---------------------------------------------------------------------------------------------------------------


def answer(http_status: int, /, **body: object) -> Answer:
    return Answer(status=http_status, body=json.dumps(body).encode())


@pytest.mark.parametrize("spelling", ["conversation_id", "conversaton_id"])
@pytest.mark.parametrize("words", ["Accepted", "Message Sent"])
def test_a_message_taken(spelling: str, words: str) -> None:
    [outcome] = read_send(answer(200, status="success", code="200", message=words, data={spelling: "c", "message_id": "6d7b"}))
    assert outcome == Accepted(provider_message_id="6d7b")


@pytest.mark.parametrize("http_status", [200, 400, 402, 500])
@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("CHAT_4001", "insufficient_balance"),
        ("CHAT_0302", "invalid_credentials"),
        ("CHAT_0303", "invalid_credentials"),
        ("CHAT_0304", "invalid_credentials"),
    ],
)
def test_a_documented_refusal_is_one_whatever_http_says(http_status: int, code: str, ours: str) -> None:
    [outcome] = read_send(answer(http_status, status="error", code=code, message="No"))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.provider_code, outcome.detail, outcome.retryable) == (ours, code, f"MyOperator {code}: No", False)


@pytest.mark.parametrize(
    ("status", "body", "ours"),
    [
        (401, {"message": "Unauthorized"}, "invalid_credentials"),
        (403, {"Message": "User is not authorized … explicit deny"}, "invalid_credentials"),
        (403, {"status": "error", "code": "403", "message": "Invalid company ID!"}, "invalid_credentials"),
        (400, {"status": "error", "code": "CHAT_9999", "message": "Odd"}, "internal"),
        (400, {"code": ["odd"]}, "internal"),
        (404, {"message": "Not Found"}, "internal"),
        (429, {"message": "Too Many Requests"}, "rate_limited"),
    ],
)
def test_other_refusals_are_read_by_http(status: int, body: dict, ours: str) -> None:
    [outcome] = read_send(answer(status, **body))
    assert isinstance(outcome, SendFailed)
    assert outcome.code == ours


@pytest.mark.parametrize("body", [b'{"message":null}', b'{"message": null}', b'{"message": "Internal server error"}', b"<html>", b""])
def test_a_500_is_a_doubt_even_without_a_word(body: bytes) -> None:
    [outcome] = read_send(Answer(status=500, body=body))
    assert isinstance(outcome, SendUncertain)
    assert ("switch the WhatsApp API on" in outcome.detail) == (b"null" in body)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "code": "200", "message": "Accepted"},
        {"status": "success", "data": {"message_id": ""}},
        {"status": "queued", "data": {"message_id": "5"}},
        {"status": "error", "code": "CHAT_9999"},
    ],
)
def test_a_success_that_proves_nothing_is_a_doubt(body: dict) -> None:
    assert isinstance(read_send(answer(200, **body))[0], SendUncertain)


# --- against the simulator ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator() -> AsyncIterator[MyOperatorSimulator]:
    async with MyOperatorSimulator() as running:
        yield running


async def send(simulator: MyOperatorSimulator, http: Http, **parts: object) -> Outcome:
    [outcome] = await provider("myoperator").send(http, channel_of("myoperator", simulator.url), [message(**parts)])  # type: ignore[arg-type]
    return outcome


async def test_messages_go_through(simulator: MyOperatorSimulator, http: Http) -> None:
    for parts in ({}, {"media": PICTURE}, {"text": "", "template": ORDER}):
        outcome = await send(simulator, http, **parts)
        assert isinstance(outcome, Accepted), outcome
        assert simulator.bodies[outcome.provider_message_id]["myop_ref_id"] == "msg_00000000000000000000000007"
    assert simulator.taken == {ASHA: 3}


@pytest.mark.parametrize("code", REFUSALS)
async def test_refusals_stop_the_channel(simulator: MyOperatorSimulator, http: Http, code: str) -> None:
    simulator.refusing = code
    outcome = await send(simulator, http)
    assert isinstance(outcome, SendFailed)
    assert outcome.code in {ErrorCode.INSUFFICIENT_BALANCE, ErrorCode.INVALID_CREDENTIALS}


async def test_check_tells_what_is_wrong(simulator: MyOperatorSimulator, http: Http) -> None:
    myoperator, channel = provider("myoperator"), channel_of("myoperator", simulator.url)
    assert "knows the key and the company, and has templates" in await myoperator.check(http, channel)
    for changes in ({"credentials": {"api_key": "wrong"}}, {"settings": {**channel.settings, "company_id": "wrong"}}):
        with pytest.raises(ProviderError) as error:
            await myoperator.check(http, replace(channel, **changes))
        assert error.value.code == ErrorCode.INVALID_CREDENTIALS
    simulator.provisioned = False
    with pytest.raises(ProviderError, match="switch the WhatsApp API on"):
        await myoperator.check(http, channel)
    with pytest.raises(ProviderError, match="no way to ask"):
        await myoperator.balance(http, channel)


async def test_the_template_list_goes_through_all_pages(simulator: MyOperatorSimulator) -> None:
    myoperator = MyOperator()
    assert isinstance(myoperator, Templates)
    simulator.templates = [{**simulator.templates[0], "name": f"t{number}"} for number in range(200)] + simulator.templates[1:]
    async with Http() as http:
        found = await myoperator.templates(http, channel_of("myoperator", simulator.url))
    assert [each.name for each in found] == [*(f"t{number}" for number in range(200)), "order_ready", "season", "tired"]
    assert (found[200].status, found[200].parameters, found[-1].status) == ("approved", ("1", "2"), "paused")
