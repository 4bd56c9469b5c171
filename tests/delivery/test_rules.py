"""What follows from the end of an attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tidings.channels.pace import allowance, reserve
from tidings.delivery.rules import BREAKER_THRESHOLD, RetryPolicy, Status, breaker_pause, settle
from tidings.providers.base import CHANNEL_FATAL, Accepted, ErrorCode, SendFailed, SendUncertain

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = RetryPolicy()

failed = st.builds(
    SendFailed,
    code=st.sampled_from(list(ErrorCode)),
    detail=st.just("no"),
    retryable=st.booleans(),
    retry_after=st.none() | st.floats(0, 100_000),
)
uncertain = st.builds(SendUncertain, detail=st.just("?"))
accepted = st.builds(Accepted, provider_message_id=st.just("x"), status=st.sampled_from(["sent", "delivered"]))
outcomes = st.one_of(failed, uncertain, accepted)
deliveries = st.sampled_from(["at_least_once", "at_most_once"])


def decide(outcome, failures=0, delivery="at_most_once"):
    return settle(outcome, failures=failures, delivery=delivery, policy=POLICY, now=NOW)


@given(outcome=outcomes, failures=st.integers(0, 10), delivery=deliveries)
def test_every_outcome_ends_in_a_state_and_a_requeued_message_has_a_time(outcome, failures, delivery):
    end = decide(outcome, failures, delivery)
    assert end.status in {Status.SENT, Status.DELIVERED, Status.FAILED, Status.UNKNOWN, Status.QUEUED}
    assert (end.status is Status.QUEUED) == (end.due_at is not None)
    if end.due_at is not None:
        assert end.due_at >= NOW


@given(outcome=outcomes, failures=st.integers(0, 10))
def test_at_most_once_is_never_sent_again_after_doubt(outcome, failures):
    end = decide(outcome, failures, "at_most_once")
    assert not end.possible_duplicate
    if isinstance(outcome, SendUncertain):
        assert end.status is Status.UNKNOWN


@given(failures=st.integers(0, 10), delivery=deliveries, outcome=uncertain)
def test_doubt_never_ends_as_failed(failures, delivery, outcome):
    assert decide(outcome, failures, delivery).status is not Status.FAILED


@given(outcome=outcomes, failures=st.integers(0, 10), delivery=deliveries)
def test_only_a_message_in_doubt_is_marked_as_possibly_sent_twice(outcome, failures, delivery):
    end = decide(outcome, failures, delivery)
    assert end.possible_duplicate == (end.status is Status.QUEUED and isinstance(outcome, SendUncertain))


def test_too_much_to_one_person_holds_back_that_person_alone():
    slow = SendFailed(code=ErrorCode.RATE_LIMITED, detail="slow", retryable=True, retry_after=60.0, pauses="recipient")
    end = decide(slow)
    assert (end.status, end.pause_seconds, end.failed, end.due_at) == (Status.QUEUED, None, False, NOW + timedelta(seconds=60))


@given(seconds=st.floats(0, 1_000_000), failures=st.integers(0, 10))
def test_retry_after_costs_no_attempt_and_pauses_the_channel(seconds, failures):
    end = decide(SendFailed(code=ErrorCode.RATE_LIMITED, detail="slow", retryable=True, retry_after=seconds), failures)
    assert end.status is Status.QUEUED
    assert not end.failed
    assert end.pause_seconds == min(seconds, 3600)


def test_a_429_that_names_no_time_pauses_too():
    assert decide(SendFailed(code=ErrorCode.RATE_LIMITED, detail="slow"), 2).pause_seconds == 5.0


def test_retries_wait_5_10_15_minutes_and_the_last_attempt_fails_for_good():
    down = SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="down", retryable=True)
    assert decide(down, 0).due_at == NOW + timedelta(minutes=5)
    assert decide(down, 1).due_at == NOW + timedelta(minutes=10)
    assert decide(down, 2).status is Status.FAILED
    patient = RetryPolicy(retry_minutes=(5, 10, 15), max_attempts=5)
    assert settle(down, failures=3, delivery="at_most_once", policy=patient, now=NOW).due_at == NOW + timedelta(minutes=15)


def test_a_final_error_fails_at_once_with_its_code():
    end = decide(SendFailed(code=ErrorCode.INVALID_ADDRESS, detail="no such number", provider_code="21211"))
    assert (end.status, end.code, end.provider_code) == (Status.FAILED, ErrorCode.INVALID_ADDRESS, "21211")


def test_the_channels_own_faults_stop_it_and_cost_the_message_nothing():
    for code in CHANNEL_FATAL:
        end = decide(SendFailed(code=code, detail="empty"), 2)
        assert (end.status, end.stop_channel, end.failed) == (Status.QUEUED, True, False)


def test_at_least_once_in_doubt_is_sent_again_until_attempts_end_as_unknown():
    doubt = SendUncertain(detail="time-out")
    assert decide(doubt, 0, "at_least_once").status is Status.QUEUED
    assert decide(doubt, 2, "at_least_once").status is Status.UNKNOWN


@given(st.integers(0, 100))
def test_the_breaker_holds_longer_with_every_failed_probe_and_never_for_more_than_ten_minutes(failures):
    seconds = breaker_pause(failures)
    assert (seconds is None) == (failures < BREAKER_THRESHOLD)
    if seconds is not None:
        assert 15 <= seconds <= 600
        assert seconds <= (breaker_pause(failures + 1) or 0)


@given(
    per_second=st.floats(0.1, 500),
    burst=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 200)), min_size=1, max_size=30),
)
def test_no_window_ever_holds_more_than_the_pace_and_the_burst(per_second, burst, steps):
    """However claims fall, any stretch of time sees at most rate x time + burst messages leave."""
    now, next_free_at = NOW, datetime(2000, 1, 1, tzinfo=UTC)
    leaves: list[datetime] = []
    for wait, wanted in steps:
        now += timedelta(seconds=wait)
        count = min(wanted, allowance(per_second=per_second, burst=burst, next_free_at=next_free_at, now=now, horizon=timedelta(seconds=1)))
        if count == 0:
            continue
        reserved = reserve(count=count, per_second=per_second, burst=burst, next_free_at=next_free_at, now=now)
        next_free_at = reserved.next_free_at
        leaves += [max(now, reserved.slot(index)) for index in range(count)]
        assert leaves[-1] <= now + timedelta(seconds=1)
    for start in range(0, len(leaves), max(1, len(leaves) // 20)):
        for end in range(start, len(leaves), max(1, len(leaves) // 20)):
            span = (leaves[end] - leaves[start]).total_seconds()
            assert end - start + 1 <= span * per_second + burst + 1e-3 * per_second + 1e-6
