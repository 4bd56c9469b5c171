"""What gateways post to us, read as the settings say; and the presets of docs/channels/http.md, which must be what they promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.providers.channels import HOOK, channel_of, outgoing
from tests.simulators.gateway import GatewaySimulator, settings
from tests.simulators.wire import Call, Reply, Server
from tidings.channels.rules import split_fields
from tidings.providers import provider
from tidings.providers.base import Callback, ErrorCode, HookRefused, HookRequest, Inbound, Receipt
from tidings.providers.http import Answer
from tidings.providers.http_gateway.answers import read_send
from tidings.providers.http_gateway.provider import send_request
from tidings.providers.http_gateway.receipts import read_hook

GATEWAY = provider("http")
DOCUMENT = Path(__file__).parents[2] / "docs" / "channels" / "http.md"


def read(given: object, url: str = HOOK, *, form: bool = False, **changes: str) -> list[Callback]:
    body = given if isinstance(given, bytes) else urlencode(given).encode() if form else json.dumps(given).encode()  # type: ignore[arg-type]
    held = {name: value for name, value in settings(**changes).items() if value}
    return list(read_hook(held, HookRequest(method="POST", url=url, headers={}, body=body)).callbacks)


@pytest.mark.parametrize(("word", "status"), [("ACCEPTD", "sent"), ("delivrd", "delivered"), ("SEEN", "read"), ("UNDELIV", "failed")])
@pytest.mark.parametrize("way", ["json", "form", "query"])
def test_a_receipt(word: str, status: str, way: str) -> None:
    given = {"id": "17", "ref": "msg_7", "status": word}
    [receipt] = read(b"", f"{HOOK}?{urlencode(given)}") if way == "query" else read(given, form=way == "form")
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.reference, receipt.status, receipt.provider_status) == ("17", "msg_7", status, word)
    assert (receipt.code is None) == (status != "failed")


@pytest.mark.parametrize(
    ("error", "code"), [("stopped", ErrorCode.OPTED_OUT), ("what", ErrorCode.UNREACHABLE), ("", ErrorCode.UNREACHABLE)]
)
def test_a_failure_says_why(error: str, code: ErrorCode) -> None:
    [receipt] = read({"id": 17, "status": "UNDELIV", "error": error})
    assert (receipt.code, receipt.detail) == (code, "The gateway says: UNDELIV" + (f", {error}" if error else ""))


def test_our_id_alone_is_enough_and_may_stand_in_the_address() -> None:
    [receipt] = read({"status": "DELIVRD"}, f"{HOOK}?ref=msg_7")
    assert (receipt.provider_message_id, receipt.reference) == ("msg_7", "msg_7")


def test_a_message_from_a_person() -> None:
    [inbound] = read({"id": "in1", "from": "254 711-000123", "to": 20880, "text": "Nini?"})
    assert inbound == Inbound(provider_message_id="in1", sender="+254711000123", recipient="20880", text="Nini?")
    [plain] = read({"id": "in1", "from": "user-9@host", "text": "x"}, inbound_addresses="plain")
    assert plain.sender == "user-9@host"
    [named] = read({"id": "in1", "from": "SAFARICOM", "text": "x"})
    assert named.sender == "SAFARICOM"


@pytest.mark.parametrize("address", ["254711000123@c.us", "+254711000123", "00254711000123", "254711000123@s.whatsapp.net"])
def test_ways_to_write_a_number(address: str) -> None:
    assert read({"id": "1", "from": address, "text": "x"})[0].sender == "+254711000123"


def test_a_message_without_an_id_is_known_again_all_the_same() -> None:
    first, again = (read({"from": "254711000123", "text": "Yes", "at": "12:00"})[0] for _ in range(2))
    other = read({"from": "254711000123", "text": "Yes", "at": "12:05"})[0]
    assert first.provider_message_id == again.provider_message_id != other.provider_message_id


def test_a_list_of_reports() -> None:
    reports = [{"id": "1", "status": "DELIVRD"}, {"id": "2", "from": "254711000123", "text": "Hi"}]
    assert [type(one) for one in read(reports)] == [Receipt, Inbound]
    assert [type(one) for one in read({"results": reports}, hook_items_path="results")] == [Receipt, Inbound]


def test_kinds_tell_reports_apart() -> None:
    kinds = {"hook_kind_path": "event", "receipt_kinds": "ack, nack", "inbound_kinds": "message"}
    both = {"id": "1", "status": "DELIVRD", "from": "254711000123", "text": "Hi"}
    assert [type(read({"event": event, **both}, **kinds)[0]) for event in ("ACK", "message")] == [Receipt, Inbound]
    assert read({"event": "presence", **both}, **kinds) == []
    with pytest.raises(HookRefused):
        read(both, **kinds)


@pytest.mark.parametrize(
    "given",
    [
        {"id": "1", "status": "A_WORD_OF_2030"}, {"status": "DELIVRD"}, {"id": "1"}, {"id": "1", "from": "x"}, {"id": {}, "status": "DELIVRD"}, [1], [[]],
        "text", None, b"{", b"\xff", b"[" * 100_000, [{"id": "1", "status": "DELIVRD"}] * 1001,
    ],
)  # fmt: skip
def test_what_the_settings_do_not_describe_is_refused(given: object) -> None:
    with pytest.raises(HookRefused) as refused:
        read(given)
    assert refused.value.status_code == 400


async def test_the_simulators_calls_are_understood() -> None:
    got: list[Callback] = []

    async def ours(call: Call) -> Reply:
        request = HookRequest(method=call.method, url=HOOK, headers=call.headers, body=call.body)
        got.extend(GATEWAY.read_hook(channel_of("http"), request).callbacks)
        return Reply()

    async with GatewaySimulator() as gateway, Server(ours) as server:
        gateway.plan.url = server.url
        await gateway.send("+254711000123", "Habari", "msg_7", gateway.json_answer)
        [sent] = gateway.messages.values()
        await gateway.post_status(sent, "DELIVRD")
        await gateway.post_inbound(url=server.url, sender="+254711000123", text="Asante")
    assert [type(one) for one in got] == [Receipt, Inbound]
    assert (got[0].reference, got[1].sender) == ("msg_7", "+254711000123")


# --- the presets of the document --------------------------------------------------------------------------------------------


def presets() -> dict[str, dict[str, str]]:
    """The JSON blocks of the document, by the heading they stand under."""
    found = re.findall(r"^### ([^\n]+)\n(?:(?!^#).)*?```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return {heading: json.loads(block) for heading, block in found}


def filled(name: str) -> tuple[dict[str, str], dict[str, str]]:
    given = presets()[name]
    secrets = {"api_key": "the-key", "api_secret": "the-secret"} | ({"basic_password": "word"} if "basic_user" in given else {})
    return split_fields(GATEWAY.description, {**given, **secrets})


@pytest.mark.parametrize("name", presets())
def test_a_preset_can_be_saved_and_makes_a_request(name: str) -> None:
    plain, secret = filled(name)
    request = send_request(channel_of("http", settings=plain, credentials=secret), outgoing(7, "+254711000123", "Habari"))
    assert "Habari" in f"{request.url} {request.json} {request.form}"
    assert "254711000123" in f"{request.url} {request.json} {request.form}"


def preset(name: str) -> dict[str, str]:
    return filled(name)[0]


def test_there_are_these_presets() -> None:
    assert list(presets()) == ["MyOperator (older address)", "WAHA", "SMS Gateway for Android", "Kannel"]


def told(name: str, call: dict) -> list[Callback]:
    request = HookRequest(method="POST", url=HOOK, headers={"content-type": "application/json"}, body=json.dumps(call).encode())
    return list(read_hook(preset(name), request).callbacks)


def test_wahas_events() -> None:
    message = {
        "id": "false_254711000123@c.us_AAA",
        "from": "254711000123@c.us",
        "fromMe": False,
        "body": "Nini?",
        "ack": 1,
        "ackName": "SERVER",
    }
    [inbound] = told("WAHA", {"event": "message", "session": "default", "payload": message})
    assert (inbound.sender, inbound.text, inbound.provider_message_id) == ("+254711000123", "Nini?", "false_254711000123@c.us_AAA")
    for word, status in (("ERROR", "failed"), ("SERVER", "sent"), ("DEVICE", "delivered"), ("READ", "read"), ("PLAYED", "read")):
        ack = {"id": "true_254711000123@c.us_BBB", "from": "254711000123@c.us", "fromMe": True, "ack": 2, "ackName": word}
        [receipt] = told("WAHA", {"event": "message.ack", "session": "default", "payload": ack})
        assert (receipt.provider_message_id, receipt.status) == ("true_254711000123@c.us_BBB", status)
    assert told("WAHA", {"event": "session.status", "payload": {"status": "WORKING"}}) == []


def test_the_android_gateways_events() -> None:
    name = "SMS Gateway for Android"
    for event, status in (("sms:sent", "sent"), ("sms:delivered", "delivered"), ("sms:failed", "failed")):
        call = {
            "deviceId": "d",
            "event": event,
            "id": "w",
            "payload": {"messageId": "m1", "phoneNumber": "+254711000123"},
            "webhookId": "h",
        }
        [receipt] = told(name, call)
        assert (receipt.provider_message_id, receipt.status) == ("m1", status)
    [inbound] = told(
        name, {"event": "sms:received", "id": "w1", "payload": {"messageId": "abc", "message": "Nini?", "phoneNumber": "+254711000123"}}
    )
    assert (inbound.sender, inbound.text, inbound.provider_message_id) == ("+254711000123", "Nini?", "w1")


def test_kannels_report_by_query() -> None:
    url = send_request(channel_of("http", settings=preset("Kannel"), credentials={"api_key": "u", "api_secret": "p"}), outgoing(7)).url
    assert "dlr-url=https%3A%2F%2Ftidings.example%2Fhooks%2Fin%2Fs3cr3t-p4th%3Fref%3Dmsg_00000000000000000000000007%26dlr%3D%25d" in url
    call = HookRequest(method="GET", url=f"{HOOK}?ref=msg_00000000000000000000000007&dlr=8", headers={}, body=b"")
    [receipt] = read_hook(preset("Kannel"), call).callbacks
    assert (receipt.reference, receipt.status) == ("msg_00000000000000000000000007", "sent")
    [accepted] = read_send(preset("Kannel"), "msg_7", Answer(status=202, body=b"0: Accepted for delivery"))
    assert accepted.provider_message_id == "msg_7"
