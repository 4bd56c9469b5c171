"""A gateway of one's own: templates filled in safely, answers read as the settings say, and all of it against a gateway on a socket."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.channels import HOOK, channel_of, outgoing
from tests.simulators.gateway import API_KEY, URL, USER, GatewaySimulator, settings
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import provider
from tidings.providers.base import Accepted, Balance, ChannelConfig, ErrorCode, Outgoing, ProviderError, SendFailed, SendUncertain
from tidings.providers.http import Answer, Http
from tidings.providers.http_gateway.answers import at, mapped, read_send
from tidings.providers.http_gateway.provider import send_request

GATEWAY = provider("http")
NASTY = 'Say "hi" & <b>bye</b>\n{{api_key}} \\ €😀 %20 +1 ../?#'


def channel(url: str = "", **changes: str) -> ChannelConfig:
    """A channel in its JSON form with these settings changed; an empty one is left out, as when it is saved."""
    made = {name: value.replace(URL, url or URL) for name, value in settings(**changes).items() if value}
    return channel_of("http", settings=made, credentials={"api_key": API_KEY, "basic_password": API_KEY})


def message(text: str = NASTY, to: str = "+254711000123") -> Outgoing:
    return outgoing(7, to, text)


# --- templates ------------------------------------------------------------------------------------------------------------


def test_the_request() -> None:
    request = send_request(channel(), message())
    assert (request.method, request.url, request.guarded) == ("POST", f"{URL}/messages", True)
    assert request.headers == {"X-Api-Key": API_KEY}
    assert request.json == {"to": "+254711000123", "text": NASTY, "from": "TIDINGS", "ref": "msg_00000000000000000000000007"}


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(ANY_TEXT)
def test_whatever_the_text_it_stays_in_its_place_in_json(text: str) -> None:
    body = '{"a": ["x {{text}} y", 1, null, true], "b": {"c": "{{ to }}"}, "{{text}}": "as it is"}'
    request = send_request(channel(body=body), message(text))
    assert request.json == {"a": [f"x {text} y", 1, None, True], "b": {"c": "+254711000123"}, "{{text}}": "as it is"}


@given(ANY_TEXT)
def test_and_in_a_form_and_an_address(text: str) -> None:
    form = send_request(channel(body_kind="form", body="to={{to_plain}}&\nm={{text}}&fixed=a+b%26c&empty="), message(text)).form
    assert form == {"to": "254711000123", "m": text, "fixed": "a b&c", "empty": ""}
    url = send_request(channel(send_method="GET", body="", send_url=f"{URL}/send?to={{{{to}}}}&m={{{{text}}}}&z=1"), message(text)).url
    assert dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) == {"to": "+254711000123", "m": text, "z": "1"}
    assert urlsplit(url).netloc == "gateway.example"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=60))
def test_and_in_xml(text: str) -> None:
    body = '<sms a="{{text}}"><to>{{to}}</to><text>{{text}}</text></sms>'
    request = send_request(channel(body_kind="raw", content_type="application/xml; charset=utf-8", body=body), message(text))
    assert request.body is not None
    assert request.headers is not None
    assert request.headers["content-type"] == "application/xml; charset=utf-8"
    read = ET.fromstring(request.body.decode())
    assert (read.findtext("text") or "", read.get("a")) == (text, text)


def test_a_raw_body_of_plain_text_is_as_it_is() -> None:
    request = send_request(channel(body_kind="raw", content_type="text/plain", body="{{to}}|{{text}}"), message("<a> & b"))
    assert request.body == b"+254711000123|<a> & b"


def test_letters_that_xml_forbids_are_replaced() -> None:
    body = "<a>{{text}}{{to}}</a>"
    request = send_request(channel(body_kind="raw", content_type="text/xml", body=body), message("a\x00\x1bb"))
    assert request.body == "<a>a\ufffd\ufffdb+254711000123</a>".encode()


@pytest.mark.parametrize("to", ["..", "."])
async def test_an_address_cannot_climb_out_of_its_path(http: Http, to: str) -> None:
    made = channel(send_url=f"{URL}/chats/{{{{to}}}}/send")
    [outcome] = await GATEWAY.send(http, made, [message(to=to)])
    assert (type(outcome), outcome.code) == (SendFailed, ErrorCode.INTERNAL)
    assert send_request(made, message(to="../x")).url == f"{URL}/chats/..%2Fx/send"


async def test_a_header_cannot_begin_another(http: Http) -> None:
    made = channel(headers="X-Text: {{text}}")
    for text in ("a\r\nX-Other: b", "a\nb", "a\x00b"):
        [outcome] = await GATEWAY.send(http, made, [message(text)])
        assert (type(outcome), outcome.code, outcome.retryable) == (SendFailed, ErrorCode.INTERNAL, False)


def test_all_placeholders() -> None:
    every = "{{to}} {{to_plain}} {{id}} {{sender}} {{hook_url}} {{api_key}} {{ text }}"
    [said] = send_request(channel(body=json.dumps([every])), message("T")).json
    assert said == f"+254711000123 254711000123 msg_00000000000000000000000007 TIDINGS {HOOK} {API_KEY} T"


# --- answers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": [1, {"c": "x"}]}), ("a.b.1.c", "x"), ("/a/b/1/c", "x"), ("a.b.0", 1), ("a.b.9", None), ("a.b.-1", None), ("a.b.x", None),
        ("no", None), ("a.b.1.c.d", None), ("/d~1e", "slash"), ("/f~0g", "tilde"), ("/", None), ("/h.i", "dot"),
    ],
)  # fmt: skip
def test_a_place_in_an_answer(path: str, found: object) -> None:
    assert at(path, {"a": {"b": [1, {"c": "x"}]}, "d/e": "slash", "f~g": "tilde", "h.i": "dot"}) == found


def test_words_are_mapped_line_by_line_or_with_commas() -> None:
    assert mapped("A = sent, b=failed\n\nx=y=read") == {"a": "sent", "b": "failed", "x=y": "read"}


def outcome(body: object, status: int = 200, headers: dict | None = None, **changes: str):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    [found] = read_send(channel(**changes).settings, "msg_7", Answer(status=status, body=raw, headers=headers or {}))
    return found


PLAIN = {"success_path": "", "success_values": "", "failure_values": "", "id_path": ""}


@pytest.mark.parametrize(
    ("changes", "body", "status", "number"),
    [
        ({}, {"status": "Queued", "data": {"id": "x1"}}, 201, "x1"),
        ({"id_path": "data.0.id"}, {"status": "sent", "data": [{"id": 17}]}, 200, "17"),
        ({"success_path": "ok", "success_values": "true"}, {"ok": True, "data": {"id": 17}}, 200, "17"),
        ({"id_path": ""}, {"status": "sent"}, 200, "msg_7"),
        (PLAIN, b"anything", 202, "msg_7"),
        ({**PLAIN, "success_values": "0:, ok"}, b"OK thanks", 200, "msg_7"),
        ({**PLAIN, "success_statuses": "200, 302"}, b"", 302, "msg_7"),
    ],
)
def test_a_success(changes: dict, body: object, status: int, number: str) -> None:
    assert outcome(body, status, **changes) == Accepted(provider_message_id=number)


@pytest.mark.parametrize(
    ("changes", "body", "status"),
    [
        ({}, {"status": "pending", "data": {"id": "x"}}, 200),
        ({}, {"data": {"id": "x"}}, 200),
        ({}, {"status": "sent"}, 200),
        ({}, {"status": "sent", "data": {"id": {}}}, 200),
        ({}, {"status": "sent", "data": {"id": "x" * 300}}, 200),
        ({}, {"status": "rejected", "error": {"code": "no_credit"}}, 500),
        ({}, {"status": "rejected"}, 302),
        ({"success_statuses": "201"}, {"status": "sent", "data": {"id": "x"}}, 200),
        ({**PLAIN, "success_values": "ok", "failure_values": "error"}, b"maybe", 200),
        ({**PLAIN, "success_values": "ok"}, b"", 200),
        ({**PLAIN, "failure_values": "error", "success_values": "ok"}, b"", 200),
    ],
)
def test_what_the_settings_do_not_name_is_a_doubt(changes: dict, body: object, status: int) -> None:
    assert isinstance(outcome(body, status, **changes), SendUncertain)


@pytest.mark.parametrize(
    ("body", "status", "code", "retryable"),
    [
        ({"status": "rejected", "error": {"code": "no_credit"}}, 200, "insufficient_balance", False),
        ({"status": "REJECTED", "error": {"code": "Bad_Number"}}, 200, "invalid_address", False),
        ({"status": "rejected", "error": {"code": "stopped"}}, 400, "opted_out", False),
        ({"status": "rejected", "error": {"code": "busy"}}, 200, "rate_limited", True),
        ({"status": "rejected", "error": {"code": "what"}}, 200, "internal", False),
        ({"status": "rejected"}, 200, "internal", False),
        ({"error": {"code": "what"}}, 401, "invalid_credentials", False),
        ({"error": {"code": "what"}}, 402, "insufficient_balance", False),
        ({"error": {"code": "what"}}, 422, "internal", False),
        (b"<html>", 404, "internal", False),
    ],
)
def test_a_refusal(body: object, status: int, code: str, retryable: bool) -> None:
    found = outcome(body, status)
    assert isinstance(found, SendFailed)
    assert (found.code, found.retryable) == (code, retryable)
    assert (found.retry_after is not None) == (code == "rate_limited")


def test_a_refusal_in_plain_words() -> None:
    found = outcome(b"Error 12: no credit", **{**PLAIN, "success_values": "ok", "failure_values": "error"})
    assert (type(found), found.detail) == (SendFailed, "The gateway says: Error 12: no credit")


@pytest.mark.parametrize("error", [API_KEY, json.dumps(API_KEY)])
async def test_a_gateway_that_quotes_the_key_as_its_error_gives_it_not_away(http: Http, error: str) -> None:
    async def handler(_: Call) -> Reply:
        return Reply(200, json.dumps({"status": "rejected", "error": {"code": error}}).encode())

    async with Server(handler) as server:
        [found] = await GATEWAY.send(http, channel(server.url), [message()])
    assert isinstance(found, SendFailed)
    assert API_KEY not in repr(found)


# --- against a gateway ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def gateway():
    async with GatewaySimulator() as running:
        yield running


WAYS = {
    "json": {},
    "form": {
        "send_url": f"{URL}/form", "headers": "", "body_kind": "form", "body": "to={{to}}&text={{text}}", "basic_user": USER,
        "success_path": "ok", "success_values": "true", "failure_values": "false", "id_path": "id",
    },
    "xml": {
        "send_url": f"{URL}/xml", "body_kind": "raw", "content_type": "text/xml", "body": "<sms><to>{{to}}</to><text>{{text}}</text></sms>",
        "success_path": "", "success_values": "", "failure_values": "", "id_path": "id",
    },
    "get": {
        "send_method": "GET", "send_url": f"{URL}/send?to={{{{to}}}}&text={{{{text}}}}&key={{{{api_key}}}}", "headers": "", "body": "",
        **PLAIN, "success_values": "0: accepted",
    },
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_a_message_goes_through(gateway: GatewaySimulator, http: Http, way: str) -> None:
    text = NASTY.replace("\n", " ")
    [found] = await GATEWAY.send(http, channel(gateway.url, **WAYS[way]), [message(text)])
    assert isinstance(found, Accepted)
    [taken] = gateway.messages.values()
    assert (taken.to, taken.text) == ("+254711000123", text)
    assert found.provider_message_id == ("msg_00000000000000000000000007" if way == "get" else taken.id)


@pytest.mark.parametrize(
    ("fault", "code"), [("no_balance", "insufficient_balance"), ("status", "opted_out"), ("wrong_credentials", "invalid_credentials")]
)
async def test_its_refusals_are_understood(gateway: GatewaySimulator, http: Http, fault: str, code: str) -> None:
    gateway.faults.add(kind=fault)
    [found] = await GATEWAY.send(http, channel(gateway.url), [message()])
    assert (type(found), found.code) == (SendFailed, code)


async def test_balance_and_check(gateway: GatewaySimulator, http: Http) -> None:
    assert await GATEWAY.balance(http, channel(gateway.url)) == Balance(micros=1_785_500_000, currency="KES")
    gateway.balance = 12
    assert (await GATEWAY.balance(http, channel(gateway.url))).micros == 12_000_000
    assert "as it should (HTTP 200)" in await GATEWAY.check(http, channel(gateway.url))
    assert "its balance: 12.00 KES" in await GATEWAY.check(http, channel(gateway.url, check_url="", check_text=""))
    gateway.balance = "plenty"
    with pytest.raises(ProviderError):
        await GATEWAY.balance(http, channel(gateway.url))
    with pytest.raises(ProviderError, match="no balance request") as error:
        await GATEWAY.balance(http, channel(gateway.url, balance_url=""))
    assert error.value.code == ErrorCode.UNSUPPORTED
    with pytest.raises(ProviderError, match="does not hold"):
        await GATEWAY.check(http, channel(gateway.url, check_text="something else"))
    assert not gateway.requests


QUIET = {"check_url": "", "check_text": "", "balance_url": ""}


async def test_without_a_free_request_the_check_says_what_it_looked_at(http: Http) -> None:
    said = await GATEWAY.check(http, channel("http://127.0.0.1:9", **QUIET))
    assert "was not asked" in said
    assert "127.0.0.1 may be called" in said


async def test_a_private_address_is_told_by_the_check_and_by_the_send(gateway: GatewaySimulator) -> None:
    async with Http(connect_seconds=1, total_seconds=1) as http:
        for changes in ({}, QUIET):
            with pytest.raises(ProviderError, match="TIDINGS_ALLOWED_API_BASE_URLS"):
                await GATEWAY.check(http, channel(gateway.url, **changes))
        [found] = await GATEWAY.send(http, channel(gateway.url), [message()])
    assert (type(found), found.code, found.retryable) == (SendFailed, ErrorCode.INTERNAL, False)
    assert not gateway.requests
