from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.local_time import BadMoment, read_local, write_local

PLACES = sorted(name for name in available_timezones() if "/" in name)


def test_a_time_is_read_on_the_workspaces_clock() -> None:
    assert read_local("2026-11-21T09:30", "Africa/Nairobi") == datetime(2026, 11, 21, 6, 30, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(BadMoment, match="clocks"):
        read_local("2026-03-29T02:30", "Europe/Berlin")


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    assert read_local("2026-10-25T02:30", "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00", "09:30", "9999-12-31T23:59", "0001-01-01T00:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadMoment):
        read_local(text, "UTC")


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda one: one.replace(second=0, microsecond=0, tzinfo=UTC)),
    st.sampled_from(PLACES),
)
def test_a_moment_shown_in_a_form_comes_back_as_it_was_or_an_hour_or_so_earlier_in_autumn(moment: datetime, place: str) -> None:
    shown = write_local(moment, place)
    again = read_local(shown, place)
    assert again <= moment
    assert write_local(again, place) == shown
