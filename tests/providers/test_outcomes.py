"""What HTTP alone proves about a send, and that nothing but an outcome ever comes out."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.channels import channel_of
from tests.simulators.wire import Reply, Server
from tidings.providers.amounts import micros, price
from tidings.providers.base import Accepted, ErrorCode, ProviderError, SendFailed, SendUncertain
from tidings.providers.http import Answer, Http, NoAnswer, NotSent, Request
from tidings.providers.outcomes import DEFAULT_PAUSE, LONGEST_PAUSE, by_status, converse, outcome_of, question, redact, retry_after

ANYTHING = msgspec.json.Decoder()
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (301, SendFailed, "provider_unavailable", True),
        (302, SendUncertain, "provider_unavailable", None),
        (303, SendUncertain, "provider_unavailable", None),
        (308, SendFailed, "provider_unavailable", True),
        (400, SendFailed, "internal", False),
        (401, SendFailed, "invalid_credentials", False),
        (402, SendFailed, "insufficient_balance", False),
        (403, SendFailed, "invalid_credentials", False),
        (404, SendFailed, "internal", False),
        (408, SendUncertain, "timeout", None),
        (413, SendFailed, "rejected_content", False),
        (429, SendFailed, "rate_limited", True),
        (500, SendUncertain, "provider_unavailable", None),
        (502, SendUncertain, "provider_unavailable", None),
        (503, SendUncertain, "provider_unavailable", None),
        (599, SendUncertain, "provider_unavailable", None),
        (200, SendUncertain, "provider_unavailable", None),
    ],
)
def test_a_status_proves_what_it_proves(status: int, kind: type, code: str, retryable: bool | None) -> None:
    outcome = by_status(Answer(status=status, body=b"because"))
    assert type(outcome) is kind
    assert outcome.code == code
    assert getattr(outcome, "retryable", None) == retryable
    assert "because" in outcome.detail


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("999999999", LONGEST_PAUSE),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 99 Oct 2026 07:28:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(Answer(status=429, headers={"retry-after": value, "date": DATE})) == seconds


def test_a_retry_after_date_without_a_date_header_is_measured_from_our_clock() -> None:
    at = 1_792_567_680.0  # 2026-10-21 07:28:00 UTC
    assert retry_after(Answer(status=429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, at=at)) == 30.0


@given(st.text(max_size=50))
def test_any_retry_after_is_bounded(value: str) -> None:
    seconds = retry_after(Answer(status=429, headers={"retry-after": value}))
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE


def test_a_429_that_names_no_time_still_costs_no_attempt() -> None:
    outcome = by_status(Answer(status=429))
    assert isinstance(outcome, SendFailed)
    assert outcome.retry_after == DEFAULT_PAUSE


def test_nothing_sent_is_a_failure_and_no_answer_is_a_doubt() -> None:
    assert outcome_of(NotSent("no connection")) == SendFailed(
        code=ErrorCode.PROVIDER_UNAVAILABLE, detail="Nothing was sent: no connection.", retryable=True
    )
    broken = outcome_of(NotSent("an odd header", retryable=False))
    assert isinstance(broken, SendFailed)
    assert (broken.code, broken.retryable) == (ErrorCode.INTERNAL, False)
    assert isinstance(outcome_of(NoAnswer("silence", timed_out=True)), SendUncertain)
    assert outcome_of(NoAnswer("silence", timed_out=True)).code == ErrorCode.TIMEOUT


# --- converse: an outcome for each message, whatever happens --------------------------------------------------------------


def fails(*_: object) -> Request:
    raise KeyError("a-secret-value")


async def one_exchange(http: Http, read, count: int = 2) -> list:
    async def handler(_) -> Reply:
        return Reply(body=b"{}")

    async with Server(handler) as server:
        return await converse(http, channel_of("twilio"), count, lambda: Request(url=server.url), read)


async def test_a_bug_before_the_request_leaves_is_a_failure(http: Http) -> None:
    outcomes = await converse(http, channel_of("twilio"), 2, fails, lambda _: [])
    assert [(type(each), each.code, each.retryable) for each in outcomes] == [(SendFailed, "internal", False)] * 2
    assert "a-secret-value" not in repr(outcomes)


async def test_a_bug_after_the_request_left_is_a_doubt(http: Http, caplog, capsys) -> None:
    outcomes = await one_exchange(http, fails)
    assert [(type(each), each.code) for each in outcomes] == [(SendUncertain, "internal")] * 2
    told = caplog.text + capsys.readouterr().out
    assert "KeyError" in told
    assert "a-secret-value" not in told


async def test_too_few_verdicts_are_a_doubt(http: Http) -> None:
    outcomes = await one_exchange(http, lambda _: [Accepted(provider_message_id="1")])
    assert [type(each) for each in outcomes] == [SendUncertain] * 2


async def test_what_is_accepted_comes_through(http: Http) -> None:
    accepted = [Accepted(provider_message_id="1"), Accepted(provider_message_id="2")]
    assert await one_exchange(http, lambda _: accepted) == accepted


async def test_a_question_that_is_refused_says_why(http: Http) -> None:
    async def handler(_) -> Reply:
        return Reply(401, b"The supplied authentication is invalid")

    async with Server(handler) as server:
        with pytest.raises(ProviderError, match="authentication is invalid") as error:
            await question(http, channel_of("twilio"), lambda: Request(method="GET", url=server.url), ANYTHING)
    assert error.value.code == ErrorCode.INVALID_CREDENTIALS
    with pytest.raises(ProviderError) as error:
        await question(http, channel_of("twilio"), lambda: Request(method="GET", url="http://127.0.0.1:1"), ANYTHING)
    assert error.value.code == ErrorCode.PROVIDER_UNAVAILABLE


def test_a_quoted_credential_is_blotted_out_in_every_spelling() -> None:
    channel = channel_of("twilio", credentials={"auth_token": "p/w+d=1&", "short": "abc"})
    basic = base64.b64encode(b"user:p/w+d=1&").decode()
    said = f"you sent p/w+d=1& or p%2Fw%2Bd%3D1%26 or Basic {basic}, abc"
    assert redact(said, channel, Request(url="", auth=("user", "p/w+d=1&"))) == "you sent ••• or ••• or Basic •••, abc"


# --- money --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KES 0.8000", (800_000, "KES")),
        ("KES 1785.50", (1_785_500_000, "KES")),
        ("UGX 1,785,500", (1_785_500_000_000, "UGX")),
        ("usd -0.0075", (-7_500, "USD")),
        ("NGN .5", (500_000, "NGN")),
        ("KES 0.0000004", (0, "KES")),
        ("KES 0.0000005", (1, "KES")),
        ("0", None),
        ("", None),
        ("KES", None),
        ("KES 1.2.3", None),
        ("KES 1e9", None),
        ("None", None),
    ],
)
def test_prices(text: str, expected: tuple[int, str] | None) -> None:
    assert price(text) == expected


@given(st.integers(-(10**12), 10**12))
def test_millionths_are_exact(amount: int) -> None:
    assert micros(f"{'-' if amount < 0 else ''}{abs(amount) // 10**6}.{abs(amount) % 10**6:06}") == amount


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_none(text: str) -> None:
    assert micros(text) is None or isinstance(micros(text), int)


def test_words_are_shortened_only_after_blotting_out() -> None:
    channel = channel_of("twilio", credentials={"auth_token": "0123456789" * 5})
    told = redact("x" * 280 + "0123456789" * 5, channel)
    assert told == "x" * 280 + "•••"
    assert len(redact("x" * 5000, channel)) == 300
