"""BulkSMS: what is sent, what each answer means, what its webhooks say; and the whole of it against the simulator."""

from __future__ import annotations

import json

import pytest

from tests.providers.channels import channel_of
from tests.simulators.bulksms import TOKEN_ID, TOKEN_SECRET, BulkSmsSimulator
from tidings.core.ids import new_id, show_id
from tidings.providers import provider
from tidings.providers.base import (
    Accepted,
    Balance,
    ErrorCode,
    Outgoing,
    ProviderError,
    SendFailed,
    SendUncertain,
)
from tidings.providers.bulksms.answers import read_send
from tidings.providers.bulksms.marks import deduplication_id, pack
from tidings.providers.bulksms.provider import MOST_REQUESTS, send_request
from tidings.providers.http import Answer, Http

BULKSMS = provider("bulksms")
CHANNEL = channel_of("bulksms")


def message(number: int = 0, text: str = "Habari", to: str | None = None) -> Outgoing:
    return Outgoing(id=show_id("msg", new_id()), to=to or f"+2547110{number:05}", text=text)


# --- the request ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "settings", "expected"),
    [
        ("TIDINGS", {}, {"type": "ALPHANUMERIC", "address": "TIDINGS"}),
        ("+27007654321", {}, {"type": "INTERNATIONAL", "address": "+27007654321"}),
        ("27007654321", {}, {"type": "INTERNATIONAL", "address": "27007654321"}),
        ("20880", {}, {"type": "SHORTCODE", "address": "20880"}),
        ("", {}, None),
        ("", {"repliable": "yes"}, {"type": "REPLIABLE"}),
        ("", {"repliable": "no"}, None),
    ],
)
def test_the_sender(sender: str, settings: dict, expected: dict | None) -> None:
    request = send_request(channel_of("bulksms", sender=sender, settings={"token_id": TOKEN_ID, **settings}), [message()])
    assert request.json[0].get("from") == expected


def test_the_request() -> None:
    batch = [message(1, "Grüße"), message(2, "Other")]
    request = send_request(CHANNEL, batch)
    assert (request.method, request.url) == ("POST", "https://api.bulksms.com/v1/messages")
    assert request.query == {"auto-unicode": "true", "deduplication-id": str(deduplication_id([one.id for one in batch]))}
    assert request.auth == (TOKEN_ID, TOKEN_SECRET)
    assert request.json[0] == {
        "to": [{"type": "INTERNATIONAL", "address": "+254711000001"}],
        "body": "Grüße",
        "from": {"type": "ALPHANUMERIC", "address": "TIDINGS"},
        "routingGroup": "STANDARD",
        "longMessageMaxParts": 99,
        "deliveryReports": "ALL",
        "userSuppliedId": pack(batch[0].id),
    }


# --- the answer -----------------------------------------------------------------------------------------------------------


def taken(one: Outgoing, number: str, **changes) -> dict:
    status = {"id": "ACCEPTED.null", "type": "ACCEPTED", "subtype": None}
    mark = pack(one.id)
    return {"id": number, "type": "SENT", "to": one.to[1:], "body": one.text, "status": status, "userSuppliedId": mark, **changes}


def read(batch: list[Outgoing], *messages: dict, status: int = 201):
    return read_send(Answer(status=status, body=json.dumps(list(messages)).encode()), batch)


def ids(outcomes: list) -> list:
    return [getattr(one, "provider_message_id", type(one)) for one in outcomes]


def test_each_message_is_found_by_its_mark_in_whatever_order() -> None:
    one, two = message(1), message(1)
    assert ids(read([one, two], taken(two, "22"), taken(one, "11"))) == ["11", "22"]


def test_without_marks_it_is_the_order_and_the_address() -> None:
    one, two = message(1), message(2)
    unmarked = [taken(one, "11", userSuppliedId=None), taken(two, "22", userSuppliedId=None)]
    assert ids(read([one, two], *unmarked)) == ["11", "22"]
    assert ids(read([one, two], *unmarked[::-1])) == [SendUncertain, SendUncertain]
    assert ids(read([one, two], unmarked[0])) == [SendUncertain, SendUncertain]


def test_the_answer_to_another_submission_proves_nothing() -> None:
    """Two submissions with the same deduplication number: the second is told what became of the first."""
    one, other = message(1), message(1)
    [outcome] = read([one], taken(other, "11"))
    assert isinstance(outcome, SendUncertain)
    assert "does not mention" in outcome.detail


def test_a_message_without_an_id_is_a_doubt() -> None:
    one = message()
    assert ids(read([one], taken(one, ""))) == [SendUncertain]


@pytest.mark.parametrize(
    ("subtype", "code"),
    [
        ("EXPIRED", "unreachable"),
        ("HANDSET_ERROR", "unreachable"),
        ("BLOCKED", "opted_out"),
        ("NOT_SENT", "unreachable"),
        ("ODD", "unreachable"),
    ],
)
def test_a_message_failed_at_once(subtype: str, code: str) -> None:
    one = message()
    status = {"id": f"FAILED.{subtype}", "type": "FAILED", "subtype": subtype}
    [outcome] = read([one], taken(one, "11", status=status))
    assert isinstance(outcome, SendFailed)
    assert (outcome.code, outcome.provider_code, outcome.retryable) == (code, f"FAILED.{subtype}", False)


def problem(status: int, kind: str, **changes) -> Answer:
    body = {"type": kind, "title": "A title", "status": status, "detail": "the detail", **changes}
    return Answer(status=status, body=json.dumps(body).encode())


ERRORS = "https://developer.bulksms.com/json/v1/errors"


@pytest.mark.parametrize(
    ("answer", "code", "name"),
    [
        (problem(403, f"{ERRORS}#insufficient-credits"), "insufficient_balance", "insufficient-credits"),
        (problem(403, f"{ERRORS}/#insufficient-credits"), "insufficient_balance", "insufficient-credits"),
        (problem(403, f"{ERRORS}#forbidden"), "invalid_credentials", "forbidden"),
        (problem(403, "about:blank"), "invalid_credentials", None),
        (problem(401, f"{ERRORS}#unauthorized"), "invalid_credentials", "unauthorized"),
        (problem(400, f"{ERRORS}#bad-request"), "rejected_content", "bad-request"),
        (problem(404, f"{ERRORS}/#not-found"), "internal", "not-found"),
        (problem(429, f"{ERRORS}#too-many"), "rate_limited", "too-many"),
        (Answer(status=400, body=b"<html>"), "internal", None),
    ],
)
def test_a_problem_by_its_type(answer: Answer, code: str, name: str | None) -> None:
    outcomes = read_send(answer, [message(), message()])
    assert [(one.code, one.provider_code) for one in outcomes] == [(code, name)] * 2
    assert outcomes[0].retryable == (code == "rate_limited")
    if name:
        assert outcomes[0].detail == "BulkSMS: A title: the detail" or code == "internal"


@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_problem_of_the_server_is_a_doubt(status: int) -> None:
    assert ids(read_send(problem(status, f"{ERRORS}#bad-request"), [message()])) == [SendUncertain]


# --- against the simulator --------------------------------------------------------------------------------------------------


@pytest.fixture
async def http():
    """With room for whole answers: they repeat every text."""
    async with Http(connect_seconds=1, total_seconds=5) as opened:
        yield opened


@pytest.fixture
async def simulator():
    async with BulkSmsSimulator() as running:
        yield running


def at(simulator: BulkSmsSimulator, **changes):
    return channel_of("bulksms", simulator.url, **changes)


async def test_a_batch_goes_through_in_one_request(simulator: BulkSmsSimulator, http: Http) -> None:
    batch = [message(number, text) for number, text in enumerate(["Habari", "Grüße ğ 😀", "x" * 3_200, "😀" * 3_200])]
    outcomes = await BULKSMS.send(http, at(simulator), batch)
    assert [simulator.messages[one.provider_message_id].text for one in outcomes] == [one.text for one in batch]
    assert len(simulator.submissions) == 1


async def test_a_batch_whose_answer_would_be_too_long_is_parted(simulator: BulkSmsSimulator, http: Http) -> None:
    batch = [message(number, "😀" * 1_000) for number in range(100)]
    assert {type(one) for one in await BULKSMS.send(http, at(simulator), batch)} == {Accepted}
    assert len(simulator.submissions) == 2
    assert set(simulator.taken.values()) == {1}
    short = [message(number, "x" * 160) for number in range(1_000)]
    assert {type(one) for one in await BULKSMS.send(http, at(simulator), short)} == {Accepted}
    assert len(simulator.submissions) == 3


async def test_the_same_batch_again_is_not_sent_twice(simulator: BulkSmsSimulator, http: Http) -> None:
    batch = [message(1), message(2)]
    first = await BULKSMS.send(http, at(simulator), batch)
    again = await BULKSMS.send(http, at(simulator), batch)
    assert first == again
    assert simulator.taken == {one.to: 1 for one in batch}
    assert simulator.requests == {one.to: 2 for one in batch}


async def test_one_whose_answer_was_lost_is_not_sent_twice(simulator: BulkSmsSimulator, http: Http) -> None:
    one = message()
    simulator.faults.add(kind="reset", count=1, taken=True)
    assert ids(await BULKSMS.send(http, at(simulator), [one])) == [SendUncertain]
    [outcome] = await BULKSMS.send(http, at(simulator), [one])
    assert isinstance(outcome, Accepted)
    assert simulator.taken == {one.to: 1}


async def test_a_bad_number_fails_alone(simulator: BulkSmsSimulator, http: Http) -> None:
    batch = [message(number) for number in range(100)]
    batch[37] = message(to="+0")
    outcomes = await BULKSMS.send(http, at(simulator), batch)
    assert [number for number, one in enumerate(outcomes) if isinstance(one, SendFailed)] == [37]
    assert (outcomes[37].code, outcomes[37].retryable) == (ErrorCode.REJECTED_CONTENT, False)
    assert set(simulator.taken.values()) == {1}
    assert len(simulator.taken) == 99


async def test_where_all_are_refused_the_search_ends(simulator: BulkSmsSimulator, http: Http) -> None:
    outcomes = await BULKSMS.send(http, at(simulator, sender="a name that is too long"), [message(number) for number in range(200)])
    assert {(type(one), one.code) for one in outcomes} == {(SendFailed, ErrorCode.REJECTED_CONTENT)}
    assert any(one.retryable for one in outcomes), "those never tried alone may be tried again"
    assert sum(simulator.requests.values()) / 200 * 10 > 20
    assert max(simulator.requests.values()) <= MOST_REQUESTS


@pytest.mark.parametrize("text", ["Hi {fn}", "{F0###}", "Dear {sn##}!"])
async def test_a_text_that_they_would_fill_in_is_not_sent(simulator: BulkSmsSimulator, http: Http, text: str) -> None:
    bad, good = await BULKSMS.send(http, at(simulator), [message(1, text), message(2, "Braces {like} these are fine")])
    assert (bad.code, type(good)) == (ErrorCode.REJECTED_CONTENT, Accepted)
    assert list(simulator.requests) == ["+254711000002"]
    assert ids(await BULKSMS.send(http, at(simulator), [message(1, text)])) == [SendFailed]


async def test_no_credits_and_a_wrong_token_stop_the_channel(simulator: BulkSmsSimulator, http: Http) -> None:
    simulator.faults.add(kind="no_balance", count=1)
    assert [one.code for one in await BULKSMS.send(http, at(simulator), [message(1), message(2)])] == ["insufficient_balance"] * 2
    wrong = at(simulator, credentials={"token_secret": "wrong"})
    assert [one.code for one in await BULKSMS.send(http, wrong, [message()])] == ["invalid_credentials"]


async def test_balance_and_check(simulator: BulkSmsSimulator, http: Http) -> None:
    assert await BULKSMS.balance(http, at(simulator)) == Balance(micros=812_500_000, currency="credits")
    assert await BULKSMS.check(http, at(simulator)) == "Signed in to BulkSMS as “simulated”, with 812.50 credits left."
    simulator.balance = -1
    assert (await BULKSMS.balance(http, at(simulator))).micros == -1_000_000


async def test_check_tells_what_is_wrong(simulator: BulkSmsSimulator, http: Http) -> None:
    with pytest.raises(ProviderError) as error:
        await BULKSMS.check(http, at(simulator, credentials={"token_secret": "wrong"}))
    assert error.value.code == ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError, match="at most 11"):
        await BULKSMS.check(http, at(simulator, sender="twelve chars"))
    with pytest.raises(ProviderError, match="no sender of its own"):
        await BULKSMS.check(http, at(simulator, settings={"token_id": TOKEN_ID, "repliable": "yes"}))
    simulator.balance = 1e300
    with pytest.raises(ProviderError, match="not a number"):
        await BULKSMS.balance(http, at(simulator))
