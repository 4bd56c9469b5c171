from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.ui import filters
from tidings.ui.words import FAMILIES, find_reason, find_word

NOW = datetime(2026, 11, 21, 8, 15, 2, tzinfo=UTC)


def test_a_time_is_relative_and_tells_both_clocks_on_hover() -> None:
    shown = filters.ago(NOW - timedelta(minutes=5), now=NOW, timezone="Africa/Nairobi")
    assert ">5 min ago</time>" in shown
    assert 'title="21 Nov 2026, 11:10:02 Africa/Nairobi · 21 Nov 08:10:02 UTC"' in shown


def test_a_time_to_come_is_told_as_such() -> None:
    assert ">in 2 hr</time>" in filters.ago(NOW + timedelta(hours=2), now=NOW, timezone="UTC")


def test_what_is_not_known_is_a_dash_not_a_zero() -> None:
    for shown in (filters.ago(None, now=NOW, timezone="UTC"), filters.number(None), filters.money(None, "KES"), filters.percent(3, 0)):
        assert shown == filters.NOTHING


@pytest.mark.parametrize(
    ("micros", "currency", "shown"),
    [
        (800_000, "KES", "KES 0.80"),
        (7_900, "USD", "USD 0.0079"),
        (12_400_000_000, "KES", "KES 12,400.00"),
        (0, "USD", "USD 0.00"),
        (-2_500_000, "EUR", "EUR -2.50"),
    ],
)
def test_money_keeps_the_fractions_of_a_cent(micros: int, currency: str, shown: str) -> None:
    assert filters.money(micros, currency).replace("\xa0", " ").replace("-EUR 2.50", "EUR -2.50") == shown


@given(part=st.integers(0, 10**7), rest=st.integers(1, 10**7))
def test_a_share_that_is_not_all_is_never_shown_as_all(part: int, rest: int) -> None:
    assert filters.percent(part, part + rest) != "100%"
    assert filters.percent(part + rest, part + rest) == "100%"
    if part:
        assert filters.percent(part, part + rest) not in {"0%", "0.0%"}


def test_phone_numbers_are_grouped_and_other_addresses_left_alone() -> None:
    assert filters.phone("+254711111111") == "+254 711 111111"
    assert filters.phone("ada@example.com") == "ada@example.com"


@pytest.mark.parametrize(("seconds", "shown"), [(48, "48 s"), (720, "12 min"), (4800, "1 h 20 min"), (273_600, "3 d 4 h")])
def test_spans_are_told_in_two_units_at_most(seconds: float, shown: str) -> None:
    assert filters.duration(seconds) == shown


def test_every_state_of_the_schema_has_its_word() -> None:
    """A state without one would still be shown, but grey and unexplained."""
    states = "scheduled queued sending sent delivered read failed unknown suppressed cancelled expired received"
    assert set(states.split()) <= set(FAMILIES["message"])
    assert {"draft", "scheduled", "launching", "sending", "paused", "done", "cancelled"} <= set(FAMILIES["campaign"])
    assert find_word("message", "new_state").label == "New state"
    assert find_reason("invalid_address").meaning
