"""Shares, waits and verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.channels.lifecycle import Facts, Probe, actual_of, judge
from tidings.providers.base import ErrorCode
from tidings.supervision.rules import LONGEST_WAIT_SECONDS, Spread, wait_after, worth_telling

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@given(wanted=st.integers(0, 5_000), capacities=st.lists(st.integers(1, 3_000), min_size=1, max_size=8))
def test_shares_together_cover_everything_that_fits(wanted: int, capacities: list[int]) -> None:
    spreads = [Spread(wanted=wanted, mine=0, capacity=one, capacity_of_all=sum(capacities)) for one in capacities]
    assert sum(one.share for one in spreads) >= min(wanted, sum(capacities))
    assert all(one.share <= one.capacity for one in spreads)


@given(wanted=st.integers(0, 5_000), mine=st.integers(0, 5_000), workers=st.integers(1, 8))
def test_nobody_takes_and_gives_at_once_and_after_giving_nobody_takes_back(wanted: int, mine: int, workers: int) -> None:
    before = Spread(wanted=wanted, mine=mine, capacity=2_500, capacity_of_all=2_500 * workers)
    given_back = before.to_give(10_000)
    assert not (given_back and before.to_take(500))
    after = Spread(wanted=wanted, mine=mine - given_back, capacity=2_500, capacity_of_all=2_500 * workers)
    assert not (given_back and (after.to_take(500) or after.to_give(500)))


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_waits_grow_to_a_bound_and_never_below_what_was_asked(failures: int, chance: float) -> None:
    assert 0.5 <= wait_after(failures, chance) <= LONGEST_WAIT_SECONDS
    assert wait_after(failures, chance, asked=500.0) == 500.0
    assert wait_after(failures + 1, chance) >= wait_after(failures, chance)


def test_an_outage_is_told_ever_more_seldom() -> None:
    assert [number for number in range(1, 100) if worth_telling(number)] == [1, 2, 4, 8, 16, 32, 64]


def _probe(code: ErrorCode | None = None) -> Probe:
    return Probe(ok=code is None, detail="said", latency_ms=12, code=code)


def test_three_failing_probes_hold_the_queue_and_one_good_one_frees_it() -> None:
    health, failures, held = "healthy", 0, []
    for _ in range(4):
        verdict = judge(_probe(ErrorCode.PROVIDER_UNAVAILABLE), health=health, failures_in_row=failures, every_seconds=180, chance=0.5)
        health, failures = verdict.health, verdict.failures_in_row
        held.append(verdict.hold)
    assert held == [False, False, True, True]
    assert health == "unhealthy"
    again = judge(_probe(), health="unhealthy", failures_in_row=4, every_seconds=180, chance=0.5)
    assert (again.health, again.failures_in_row, again.hold, again.next_seconds) == ("healthy", 0, False, 180)


def test_wrong_credentials_stop_at_once_and_a_refusal_to_answer_so_often_is_no_fault() -> None:
    assert judge(_probe(ErrorCode.INVALID_CREDENTIALS), health="healthy", failures_in_row=0, every_seconds=180, chance=0).stop
    limited = judge(_probe(ErrorCode.RATE_LIMITED), health="healthy", failures_in_row=1, every_seconds=180, chance=0)
    assert (limited.health, limited.failures_in_row, limited.hold) == ("healthy", 1, False)


@given(chance=st.floats(0, 1), failures=st.integers(0, 50))
def test_the_next_probe_is_never_far_from_its_time(chance: float, failures: int) -> None:
    for code in (None, ErrorCode.TIMEOUT):
        verdict = judge(_probe(code), health="healthy", failures_in_row=failures, every_seconds=180, chance=chance)
        assert 8 <= verdict.next_seconds <= 217


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"enabled": False, "stopped_at": NOW}, "stopped"),
        ({"stopped_at": NOW, "run_state": "degraded"}, "failed"),
        ({"is_run": True}, "starting"),
        ({"is_run": True, "run_state": "running"}, "running"),
        ({"is_run": True, "run_state": "running", "health": "unhealthy"}, "degraded"),
        ({"run_state": "degraded"}, "degraded"),
        ({"health": "healthy", "health_since": NOW + timedelta(hours=1)}, "running"),
        ({}, "running"),
    ],
)
def test_one_word_says_how_a_channel_fares(facts: dict[str, object], state: str) -> None:
    actual = actual_of(Facts(**({"enabled": True, "switched_at": NOW} | facts)))  # type: ignore[arg-type]
    assert actual.state == state
    assert actual.since >= NOW
