"""Parts are counted as the networks count them; smsutil, an independent counter, is the oracle."""

from __future__ import annotations

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.segments import GSM_BASIC, GSM_EXTENDED, count_segments


def test_the_alphabet_is_the_one_of_3gpp_ts_23_038() -> None:
    assert len(GSM_BASIC) == 127  # 128 places, one of which is the escape
    assert len(GSM_EXTENDED) == 10
    assert not GSM_BASIC & GSM_EXTENDED


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments", "remaining"),
    [
        ("", "GSM-7", 0, 0, 160),
        ("a", "GSM-7", 1, 1, 159),
        ("a" * 160, "GSM-7", 160, 1, 0),
        ("a" * 161, "GSM-7", 161, 2, 145),
        ("a" * 306, "GSM-7", 306, 2, 0),
        ("a" * 307, "GSM-7", 307, 3, 152),
        ("€" * 80, "GSM-7", 160, 1, 0),
        ("€" * 81, "GSM-7", 162, 2, 143),
        ("a" * 152 + "€" + "a" * 10, "GSM-7", 164, 2, 141),  # the escape pair moves to the second part whole
        ("ж" * 70, "UCS-2", 70, 1, 0),
        ("ж" * 71, "UCS-2", 71, 2, 63),
        ("ж" * 134, "UCS-2", 134, 2, 0),
        ("ж" * 66 + "😀" + "ж" * 10, "UCS-2", 78, 2, 55),  # nor is a surrogate pair cut in two
        ("😀" * 35, "UCS-2", 70, 1, 0),
    ],
)
def test_boundaries(text: str, encoding: str, units: int, segments: int, remaining: int) -> None:
    counted = count_segments(text)
    assert (counted.encoding, counted.units, counted.segments, counted.remaining) == (encoding, units, segments, remaining)


@pytest.mark.parametrize("character", ["ç", "`", "“", "’", "\xa0", "ł", "–", "…", "\t"])
def test_look_alikes_outside_the_alphabet_are_named(character: str) -> None:
    counted = count_segments(f"Hello {character} there {character}")
    assert counted.encoding == "UCS-2"
    assert counted.unsupported == (character,)


def test_what_the_alphabet_holds_is_never_blamed() -> None:
    counted = count_segments("Ç costs 5€, “he” said: {ok}")
    assert counted.unsupported == ("“", "”")


def test_a_part_holds_less_once_there_are_several() -> None:
    assert [count_segments("a" * length).per_segment for length in (160, 161)] == [160, 153]
    assert [count_segments("ж" * length).per_segment for length in (70, 71)] == [70, 67]


_CHARACTERS = st.sampled_from("aZ09 @é€^{}[]~|\\\n\fÇçж“😀🇰")


@given(st.text(_CHARACTERS, min_size=1, max_size=500) | st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
def test_agrees_with_an_independent_counter(text: str) -> None:
    counted, oracle = count_segments(text), smsutil.split(text)
    assert counted.segments == len(oracle.parts)
    assert (counted.encoding == "GSM-7") == smsutil.is_valid_gsm(text)


@given(st.integers(100, 170), st.integers(0, 3), st.sampled_from(["€", "😀", "ж", "a"]))
def test_agrees_at_every_boundary(before: int, double: int, character: str) -> None:
    for start in ("a" * before, "ж" * (before - 100)):
        text = start + character * double + "b" * 100
        assert count_segments(text).segments == len(smsutil.split(text).parts)


@given(st.text(_CHARACTERS, max_size=400))
def test_units_and_free_space_add_up(text: str) -> None:
    counted = count_segments(text)
    assert 0 <= counted.remaining <= 160
    if counted.segments <= 1:
        assert counted.units + counted.remaining == counted.per_segment
    else:
        wasted = counted.segments * counted.per_segment - counted.units - counted.remaining
        assert 0 <= wasted < counted.segments  # at most one unit a part, where a pair did not fit
