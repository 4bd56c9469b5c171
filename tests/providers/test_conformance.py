"""What every provider must do when its service misbehaves. A new provider is in here by being in the registry."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.channels import CHANNELS, channel_of, outgoing
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, Server
from tidings.providers import PROVIDERS, UnknownProvider, logo, provider
from tidings.providers.base import (
    Accepted,
    ErrorCode,
    HookRefused,
    HookRequest,
    Outcome,
    Provider,
    ProviderError,
    SendFailed,
    SendUncertain,
)
from tidings.providers.http import Http

ALL = sorted(PROVIDERS)
WITH_NETWORK = [kind for kind in ALL if PROVIDERS[kind].description.api_base_url or kind == "http"]
UNCERTAIN = ["server_error", "html", "empty", "garbage", "truncated", "reset", "hang"]


def batch_of(kind: str) -> list:
    return [outgoing(number) for number in range(min(PROVIDERS[kind].description.capabilities.max_batch, 5))]


async def sent_to(kind: str, http: Http, answer) -> list[Outcome]:
    async def handler(call: Call) -> Reply:
        return answer if isinstance(answer, Reply) else await answer(call)

    async with Server(handler) as server:
        return await PROVIDERS[kind].send(http, channel_of(kind, server.url), batch_of(kind))


# --- what it says of itself -----------------------------------------------------------------------------------------------


def test_there_is_a_test_channel_for_every_provider() -> None:
    assert sorted(CHANNELS) == ALL


@pytest.mark.parametrize("kind", ALL)
def test_the_description_can_be_shown_and_obeyed(kind: str) -> None:
    each = provider(kind)
    assert isinstance(each, Provider)
    description = each.description
    assert description.kind == kind
    assert description.label
    assert description.summary.endswith(".")
    assert description.capabilities.mediums
    assert description.capabilities.max_batch >= 1
    assert description.limits.burst >= 1
    assert description.limits.concurrency >= 1
    assert len({field.name for field in description.fields}) == len(description.fields)
    for field in description.fields:
        assert field.label
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field.name)
        assert not (field.secret and field.default), "a secret has no default"
        if field.pattern and field.example:
            assert re.fullmatch(field.pattern, field.example)


@pytest.mark.parametrize("kind", ALL)
def test_the_test_channel_fits_the_fields(kind: str) -> None:
    for field in provider(kind).description.fields:
        held = (CHANNELS[kind].credentials if field.secret else CHANNELS[kind].settings).get(field.name)
        assert held or not field.required
        assert not (held and field.pattern) or re.fullmatch(field.pattern, held)


@pytest.mark.parametrize("kind", ALL)
def test_the_logo_is_a_square_drawing_that_runs_nothing(kind: str) -> None:
    text = logo(kind).read_text()
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    width, height = root.attrib["viewBox"].split()[2:]
    assert width == height
    assert not re.search(r"<script|\son\w+=|href=|url\(", text)


def test_an_unknown_kind_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownProvider, match=r"“carrier_pigeon”.*twilio"):
        provider("carrier_pigeon")


# --- sending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize("fault", UNCERTAIN)
async def test_no_trustworthy_answer_is_a_doubt(kind: str, fault: str, http: Http) -> None:
    outcomes = await sent_to(kind, http, Fault(fault).reply())
    assert [type(outcome) for outcome in outcomes] == [SendUncertain] * len(batch_of(kind))


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_a_huge_answer_is_a_doubt(kind: str, http: Http) -> None:
    outcomes = await sent_to(kind, http, Reply(201, b'{"a":"' + b"a" * 50_000 + b'"}'))
    assert {type(outcome) for outcome in outcomes} == {SendUncertain}


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize(
    "body", [b"null", b"[]", b"{}", b"1", b'"ok"', b'{"sid": 5, "SMSMessageData": []}', b'{"sid": "", "SMSMessageData": null}']
)
async def test_json_of_another_shape_is_a_doubt(kind: str, body: bytes, http: Http) -> None:
    assert {type(outcome) for outcome in await sent_to(kind, http, Reply(201, body))} == {SendUncertain}


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_silence_is_a_doubt_by_time(kind: str, http: Http) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(1)
        return Reply()

    outcomes = await sent_to(kind, http, silence)
    assert {(type(outcome), outcome.code) for outcome in outcomes} == {(SendUncertain, ErrorCode.TIMEOUT)}


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_no_connection_is_a_failure_to_try_again(kind: str, http: Http) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        channel = channel_of(kind, f"http://127.0.0.1:{taken.getsockname()[1]}")
        outcomes = await PROVIDERS[kind].send(http, channel, batch_of(kind))
    assert len(outcomes) == len(batch_of(kind))
    assert {(type(outcome), outcome.code, outcome.retryable) for outcome in outcomes} == {
        (SendFailed, ErrorCode.PROVIDER_UNAVAILABLE, True)
    }


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize("body", [b"", b"Too many", b'{"code": 20429, "message": "Too Many Requests"}'])
async def test_429_pauses_the_channel_for_as_long_as_it_says(kind: str, body: bytes, http: Http) -> None:
    outcomes = await sent_to(kind, http, Reply(429, body, headers={"Retry-After": "7"}))
    assert {(outcome.code, outcome.retryable, outcome.retry_after) for outcome in outcomes} == {(ErrorCode.RATE_LIMITED, True, 7.0)}


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_the_channels_fault(kind: str, status: int, http: Http) -> None:
    outcomes = await sent_to(kind, http, Reply(status, b"<h1>No</h1>", "text/html"))
    assert {(type(outcome), outcome.code, outcome.retryable) for outcome in outcomes} == {
        (SendFailed, ErrorCode.INVALID_CREDENTIALS, False)
    }


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_a_redirect_is_not_followed(kind: str, http: Http) -> None:
    elsewhere: list[Call] = []

    async def trap(call: Call) -> Reply:
        elsewhere.append(call)
        return Reply()

    async with Server(trap) as other:
        outcomes = await sent_to(kind, http, Reply(307, headers={"Location": other.url}))
    assert {type(outcome) for outcome in outcomes} == {SendFailed}
    assert not elsewhere


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_cancelling_a_send_ends_it(kind: str, http: Http) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(5)
        return Reply()

    sending = asyncio.create_task(sent_to(kind, http, silence))
    await asyncio.sleep(0.1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_a_channel_without_its_settings_sends_nothing_and_raises_nothing(kind: str, http: Http) -> None:
    channel = channel_of(kind, "http://127.0.0.1:1", settings={}, credentials={})
    outcomes = await PROVIDERS[kind].send(http, channel, batch_of(kind))
    assert {(type(outcome), outcome.code, outcome.retryable) for outcome in outcomes} == {(SendFailed, ErrorCode.INTERNAL, False)}


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize("ask", ["balance", "check"])
async def test_a_channel_without_its_settings_gets_a_provider_error(kind: str, ask: str, http: Http) -> None:
    with pytest.raises(ProviderError):
        await getattr(PROVIDERS[kind], ask)(http, channel_of(kind, "http://127.0.0.1:1", settings={}, credentials={}))


@pytest.mark.parametrize("kind", WITH_NETWORK)
async def test_a_credential_that_no_header_can_carry_is_no_crash(kind: str, http: Http) -> None:
    broken = {name: f"{value}\nwith a line break" for name, value in CHANNELS[kind].credentials.items()}
    outcomes = await PROVIDERS[kind].send(http, channel_of(kind, "http://127.0.0.1:1", credentials=broken), batch_of(kind))
    assert {type(outcome) for outcome in outcomes} == {SendFailed}


# --- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize("ask", ["balance", "check"])
@pytest.mark.parametrize("fault", [*UNCERTAIN, "rate_limited"])
async def test_a_question_with_no_good_answer_is_a_provider_error(kind: str, ask: str, fault: str, http: Http) -> None:
    async def handler(_: Call) -> Reply:
        return Fault(fault).reply()

    async with Server(handler) as server:
        with pytest.raises(ProviderError):
            await getattr(PROVIDERS[kind], ask)(http, channel_of(kind, server.url))


# --- secrets ----------------------------------------------------------------------------------------------------------


def spellings(kind: str) -> list[str]:
    return [spelling for value in CHANNELS[kind].credentials.values() for spelling in (value, quote(value, safe=""))]


@pytest.mark.parametrize("kind", WITH_NETWORK)
@pytest.mark.parametrize("status", [200, 201, 302, 307, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("as_json", [False, True])
async def test_a_service_that_quotes_our_credentials_gives_none_away(kind: str, status: int, as_json: bool, http: Http, capsys) -> None:
    """The answer repeats every header and the whole body it got, as chatty proxies do."""

    async def echo(call: Call) -> Reply:
        said = " ".join([*spellings(kind), *call.headers.values(), call.body.decode()])
        body = {"code": 21211, "message": said, "sid": "SM1", "status": "failed", "SMSMessageData": {"Message": said, "Recipients": []}}
        return Reply(status, json.dumps(body).encode() if as_json else said.encode())

    with structlog.testing.capture_logs() as logs:
        told = repr(await sent_to(kind, http, echo))
        async with Server(echo) as server:
            for ask in ("balance", "check"):
                try:
                    told += repr(await getattr(PROVIDERS[kind], ask)(http, channel_of(kind, server.url)))
                except ProviderError as error:
                    told += f"{error!r} {error.detail}"
    told += repr(logs) + "".join(capsys.readouterr())
    assert told
    for secret in spellings(kind):
        assert secret not in told
    assert "Basic QUM1" not in told


@pytest.mark.parametrize("kind", ALL)
def test_a_channels_repr_shows_no_credential(kind: str) -> None:
    for secret in spellings(kind):
        assert secret not in repr(channel_of(kind))


@pytest.mark.parametrize("kind", ALL)
def test_outcomes_cannot_be_changed(kind: str) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Accepted(provider_message_id=kind).provider_message_id = "another"  # type: ignore[misc]


# --- hooks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{",
        b"[[[[",
        b"\xff\xfe\x00",
        b"a=1&a=2&=3",
        b"&" * 5000,
        b"x=" + b"y" * 100_000,
        b"MessageStatus=sent",
        b"id=1&status=Odd",
        b"{}",
    ],
)
def test_a_strange_hook_call_is_refused_and_nothing_else(kind: str, body: bytes) -> None:
    request = HookRequest(method="POST", url="https://tidings.example/hooks/in/x", headers={}, body=body)
    with pytest.raises(HookRefused) as refused:
        PROVIDERS[kind].read_hook(channel_of(kind), request)
    assert refused.value.status_code in {400, 401, 403}


_ODD = st.text(max_size=30)
_HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "x-twilio-signature", "x-twilio-webhooks-signature-settings", "x-odd"]),
    _ODD | st.sampled_from(["application/json", "application/x-www-form-urlencoded", "algorithm=HMAC_SHA256"]),
)
_ADDRESSES = st.builds("https://{}/hooks/in/x?{}".format, st.sampled_from(["a", "a:443", "a:b", "[::1", "[::1]:9", "é", ""]) | _ODD, _ODD)
_BODIES = st.binary(max_size=100) | st.dictionaries(
    st.sampled_from(["id", "status", "from", "text", "phoneNumber", "senderId", "to"]), _ODD
).map(lambda form: urlencode(form).encode())


@pytest.mark.parametrize("kind", ALL)
@given(url=_ADDRESSES, headers=_HEADERS, body=_BODIES, method=st.sampled_from(["POST", "GET"]))
def test_no_hook_call_whatever_it_holds_is_a_crash(kind: str, url: str, headers: dict[str, str], body: bytes, method: str) -> None:
    with contextlib.suppress(HookRefused):
        answer = PROVIDERS[kind].read_hook(channel_of(kind), HookRequest(method=method, url=url, headers=headers, body=body))
        assert not PROVIDERS[kind].description.capabilities.signed_hooks, f"believed an unsigned {answer}"
