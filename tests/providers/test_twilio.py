"""Twilio: what we ask, what we make of its answers, and of what it posts to us."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from tests.providers.channels import HOOK, channel_of, outgoing
from tests.simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, MAGIC_FROM, MAGIC_TO, SENDER, TwilioSimulator
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Balance,
    Cost,
    ErrorCode,
    HookRefused,
    HookRequest,
    Inbound,
    ProviderError,
    Receipt,
    ReceivedMedia,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Answer, Http
from tidings.providers.twilio.provider import read_send, send_request

CHANNEL = channel_of("twilio")
SERVICE = "MG" + "0" * 32
KEY = "SK" + "0" * 32


@pytest.mark.parametrize(
    ("changes", "form", "auth"),
    [
        (
            {},
            {"From": SENDER, "StatusCallback": f"{HOOK}?m=msg_00000000000000000000000007"},
            (ACCOUNT_SID, AUTH_TOKEN),
        ),
        ({"hook_url": ""}, {"From": SENDER}, (ACCOUNT_SID, AUTH_TOKEN)),
        (
            {"hook_url": f"{HOOK}?k=1"},
            {"From": SENDER, "StatusCallback": f"{HOOK}?k=1&m=msg_00000000000000000000000007"},
            (ACCOUNT_SID, AUTH_TOKEN),
        ),
        (
            {"hook_url": "", "sender": "", "settings": {"account_sid": ACCOUNT_SID, "messaging_service_sid": SERVICE}},
            {"MessagingServiceSid": SERVICE},
            (ACCOUNT_SID, AUTH_TOKEN),
        ),
        (
            {
                "hook_url": "",
                "settings": {"account_sid": ACCOUNT_SID, "api_key_sid": KEY},
                "credentials": {"auth_token": AUTH_TOKEN, "api_key_secret": "hush"},
            },
            {"From": SENDER},
            (KEY, "hush"),
        ),
    ],
)
def test_the_request(changes: dict, form: dict, auth: tuple) -> None:
    request = send_request(channel_of("twilio", **changes), outgoing(7, "+254711000123", "Grüße"))
    assert request.method == "POST"
    assert request.url == f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
    assert request.form == {"To": "+254711000123", "Body": "Grüße", **form}
    assert request.auth == auth
    assert request.json is None


# --- the answer ---------------------------------------------------------------------------------------------------------


def taken(**changes) -> bytes:
    return json.dumps(
        {"sid": "SM" + "a" * 32, "status": "queued", "num_segments": "2", "price": None, "price_unit": "USD", **changes}
    ).encode()


def refused(code: int | None, message: str = "No", status: int = 400) -> bytes:
    return json.dumps({"code": code, "message": message, "status": status}).encode()


@pytest.mark.parametrize(
    ("body", "segments", "cost"),
    [
        (taken(), 2, None),
        (taken(status="accepted", num_segments="0"), None, None),
        (taken(num_segments=None), None, None),
        (taken(price="-0.00750"), 2, Cost(micros=7_500, currency="USD")),
        (taken(sid="MM" + "a" * 32), 2, None),
        (taken(status="a-word-of-2030"), 2, None),
    ],
)
def test_a_message_taken(body: bytes, segments: int | None, cost: Cost | None) -> None:
    [outcome] = read_send(Answer(status=201, body=body))
    assert isinstance(outcome, Accepted)
    assert outcome.provider_message_id == json.loads(body)["sid"]
    assert (outcome.status, outcome.segments, outcome.cost) == ("sent", segments, cost)


@pytest.mark.parametrize(
    ("status", "code", "expected", "retryable", "pause"),
    [
        (400, 21211, "invalid_address", False, None),
        (400, 21614, "invalid_address", False, None),
        (400, 21612, "unreachable", False, None),
        (400, 21408, "unsupported", False, None),
        (400, 21610, "opted_out", False, None),
        (400, 21617, "rejected_content", False, None),
        (400, 21602, "rejected_content", False, None),
        (400, 21606, "invalid_credentials", False, None),
        (401, 20003, "invalid_credentials", False, None),
        (404, 20404, "invalid_credentials", False, None),
        (403, 20005, "insufficient_balance", False, None),
        (400, 10001, "insufficient_balance", False, None),
        (400, 63016, "template_required", False, None),
        (429, 20429, "rate_limited", True, 5.0),
        (400, 21611, "rate_limited", True, 60.0),
        (400, 99999, "internal", False, None),
        (401, 99999, "invalid_credentials", False, None),
        (429, 99999, "rate_limited", True, 5.0),
    ],
)
def test_a_refusal_by_code(status: int, code: int, expected: str, retryable: bool, pause: float | None) -> None:
    [outcome] = read_send(Answer(status=status, body=refused(code, "because of you", status)))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.retryable, outcome.retry_after, outcome.provider_code) == (expected, retryable, pause, str(code))
    assert outcome.detail == f"Twilio error {code}: because of you"


@pytest.mark.parametrize(("value", "pause"), [("0", 0.0), ("7", 7.0), ("soon", 5.0)])
def test_the_pause_is_the_one_twilio_names(value: str, pause: float) -> None:
    [outcome] = read_send(Answer(status=429, headers={"retry-after": value}, body=refused(20429, status=429)))
    assert isinstance(outcome, SendFailed)
    assert outcome.retry_after == pause


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503])
@pytest.mark.parametrize("body", [b"", b"<html>", refused(20500), refused(21211), refused(None)])
def test_a_status_of_doubt_is_one_whatever_the_body_says(status: int, body: bytes) -> None:
    assert isinstance(read_send(Answer(status=status, body=body))[0], SendUncertain)


def test_a_refusal_without_a_code_is_read_by_its_status() -> None:
    [outcome] = read_send(Answer(status=400, body=b'{"message": "Something is off"}'))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.detail) == (ErrorCode.INTERNAL, "HTTP 400: Something is off")


def test_a_message_failed_at_once_is_a_failure() -> None:
    [outcome] = read_send(Answer(status=201, body=taken(status="failed", error_code=30006, error_message="Landline")))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.provider_code) == (ErrorCode.INVALID_ADDRESS, "30006")


def test_an_answer_with_no_message_in_it_is_a_doubt() -> None:
    assert isinstance(read_send(Answer(status=200, body=taken(sid="")))[0], SendUncertain)


# --- against the simulator ------------------------------------------------------------------------------------------------


@pytest.fixture
async def simulator():
    async with TwilioSimulator() as running:
        yield running


async def test_a_message_goes_through(simulator: TwilioSimulator, http: Http) -> None:
    [outcome] = await provider("twilio").send(http, channel_of("twilio", simulator.url), [outgoing(text="Grüße & 50% €")])
    assert isinstance(outcome, Accepted)
    assert simulator.messages[outcome.provider_message_id].text == "Grüße & 50% €"
    assert simulator.requests == {"+254711000000": 1}


@pytest.mark.parametrize(("to", "number"), MAGIC_TO.items())
async def test_magic_recipients(simulator: TwilioSimulator, http: Http, to: str, number: int) -> None:
    [outcome] = await provider("twilio").send(http, channel_of("twilio", simulator.url), [outgoing(to=to)])
    assert isinstance(outcome, SendFailed)
    assert outcome.provider_code == str(number)
    assert outcome.code != ErrorCode.INTERNAL


@pytest.mark.parametrize(("sender", "number"), MAGIC_FROM.items())
async def test_magic_senders(simulator: TwilioSimulator, http: Http, sender: str, number: int) -> None:
    [outcome] = await provider("twilio").send(http, channel_of("twilio", simulator.url, sender=sender), [outgoing()])
    assert isinstance(outcome, SendFailed)
    assert outcome.provider_code == str(number)
    assert outcome.code in {ErrorCode.INVALID_CREDENTIALS, ErrorCode.RATE_LIMITED}


async def test_balance_and_check(simulator: TwilioSimulator, http: Http) -> None:
    channel = channel_of("twilio", simulator.url)
    assert await provider("twilio").balance(http, channel) == Balance(micros=42_500_000, currency="USD")
    assert "“Simulated”, which is active" in await provider("twilio").check(http, channel)


async def test_check_tells_what_is_wrong(simulator: TwilioSimulator, http: Http) -> None:
    twilio = provider("twilio")
    with pytest.raises(ProviderError, match=r"^Twilio error 20003: Authenticate$") as error:
        await twilio.check(http, channel_of("twilio", simulator.url, credentials={"auth_token": "wrong"}))
    assert error.value.code == ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError, match="needs a sender"):
        await twilio.check(http, channel_of("twilio", simulator.url, sender=""))
    simulator.status = "suspended"
    with pytest.raises(ProviderError, match="suspended") as error:
        await twilio.check(http, channel_of("twilio", simulator.url))
    assert error.value.code == ErrorCode.INSUFFICIENT_BALANCE
    simulator.balance = "plenty"
    with pytest.raises(ProviderError, match="not a number"):
        await twilio.balance(http, channel_of("twilio", simulator.url))


# --- hooks ----------------------------------------------------------------------------------------------------------------


def signed(form: dict[str, str], url: str = HOOK, token: str = AUTH_TOKEN, **headers: str) -> HookRequest:
    signature = RequestValidator(token).compute_signature(url, form)
    return HookRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature, **headers},
        body=urlencode(form).encode(),
    )


def read(form: dict[str, str], url: str = HOOK):
    [callback] = provider("twilio").read_hook(CHANNEL, signed(form, url)).callbacks
    return callback


SID = "SM" + "b" * 32


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", "sent"),
        ("queued", "sent"),
        ("sending", "sent"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_a_status_callback(word: str, status: str) -> None:
    receipt = read({"MessageSid": SID, "MessageStatus": word, "To": "+1", "From": "+2"}, f"{HOOK}?m=msg_7")
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.status, receipt.provider_status, receipt.reference) == (SID, status, word, "msg_7")
    assert (receipt.code is None) == (status != "failed")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("30002", ErrorCode.INSUFFICIENT_BALANCE),
        ("30003", ErrorCode.UNREACHABLE),
        ("30004", ErrorCode.BLOCKED),
        ("30005", ErrorCode.INVALID_ADDRESS),
        ("30007", ErrorCode.REJECTED_CONTENT),
        ("21610", ErrorCode.OPTED_OUT),
        ("", ErrorCode.UNREACHABLE),
        ("99999", ErrorCode.UNREACHABLE),
        ("9" * 50, ErrorCode.UNREACHABLE),
        ("²", ErrorCode.UNREACHABLE),
    ],
)
def test_a_failure_says_why(number: str, code: ErrorCode) -> None:
    receipt = read({"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": number})
    assert receipt.code == code
    assert receipt.detail.startswith("Twilio: undelivered")
    assert receipt.reference is None


def test_an_incoming_message() -> None:
    form = {"MessageSid": SID, "From": "+254711000123", "To": SENDER, "Body": "Nini? 😀", "NumMedia": "0", "SmsStatus": "received"}
    answer = provider("twilio").read_hook(CHANNEL, signed(form))
    assert list(answer.callbacks) == [Inbound(provider_message_id=SID, sender="+254711000123", recipient=SENDER, text="Nini? 😀")]
    assert (answer.content_type, answer.body[-11:]) == ("text/xml", b"<Response/>")


def test_an_incoming_picture() -> None:
    form = {"MessageSid": SID, "From": "+2547", "Body": "", "NumMedia": "2", "MediaUrl0": "https://a/0", "MediaUrl1": "https://a/1"}
    typed = {**form, "MediaContentType0": "image/jpeg", "MediaContentType1": "application/pdf"}
    picture = ReceivedMedia(kind="image", url="https://a/0", content_type="image/jpeg")
    paper = ReceivedMedia(kind="document", url="https://a/1", content_type="application/pdf")
    assert read(typed).media == (picture, paper)
    assert read({**typed, "NumMedia": "999999999999"}).media == ()
    assert read({**typed, "NumMedia": "900"}).media == (picture, paper)


@pytest.mark.parametrize(("word", "keyword"), [("STOP", "stop"), ("START", "start"), ("HELP", "help"), ("", None), ("ODD", None)])
def test_twilios_own_reading_of_a_keyword(word: str, keyword: str | None) -> None:
    assert read({"MessageSid": SID, "From": "+2547", "Body": "Arrêt", "OptOutType": word}).keyword == keyword


@pytest.mark.parametrize(
    "form",
    [{"MessageSid": SID}, {"MessageStatus": "sent"}, {"MessageStatus": "odd", "MessageSid": SID}, {"From": "+1", "Body": "no id"}],
)
def test_a_signed_call_that_holds_nothing_is_a_bad_one(form: dict[str, str]) -> None:
    with pytest.raises(HookRefused) as error:
        provider("twilio").read_hook(CHANNEL, signed(form))
    assert error.value.status_code == 400


def test_an_unsigned_or_altered_call_is_refused() -> None:
    good = signed({"MessageSid": SID, "MessageStatus": "sent"})
    forged = [
        HookRequest(method="POST", url=good.url, headers={}, body=good.body),
        HookRequest(method="POST", url=good.url, headers={**good.headers, "x-twilio-signature": "é"}, body=good.body),
        HookRequest(method="POST", url=good.url, headers=good.headers, body=good.body + b"&x=1"),
        HookRequest(method="POST", url=f"{good.url}?m=msg_other", headers=good.headers, body=good.body),
        signed({"MessageSid": SID, "MessageStatus": "sent"}, token="another token"),
    ]
    for request in forged:
        with pytest.raises(HookRefused) as error:
            provider("twilio").read_hook(CHANNEL, request)
        assert error.value.status_code == 403


def test_a_call_under_a_shared_key() -> None:
    form = {"MessageSid": SID, "MessageStatus": "sent"}
    key = CHANNEL.credentials["webhook_key"]
    signature = RequestValidator(key).compute_signature(HOOK, form, "HMAC_SHA256")
    headers = {"x-twilio-signature": signature, "x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    request = HookRequest(method="POST", url=HOOK, headers=headers, body=urlencode(form).encode())
    assert provider("twilio").read_hook(CHANNEL, request).callbacks
    without = channel_of("twilio", credentials={"auth_token": AUTH_TOKEN})
    with pytest.raises(HookRefused, match="holds no key"):
        provider("twilio").read_hook(without, request)
    odd = HookRequest(
        method="POST", url=HOOK, headers={**headers, "x-twilio-webhooks-signature-settings": "algorithm=MD5"}, body=request.body
    )
    with pytest.raises(HookRefused, match="MD5"):
        provider("twilio").read_hook(CHANNEL, odd)


def test_without_a_token_nothing_is_believed() -> None:
    with pytest.raises(HookRefused):
        provider("twilio").read_hook(channel_of("twilio", credentials={}), signed({"MessageSid": SID, "MessageStatus": "sent"}, token=""))
