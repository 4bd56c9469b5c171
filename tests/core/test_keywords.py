"""STOP and its sisters: many languages, whole messages only."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.keywords import confirmation, keyword_language, read_keyword
from tidings.core.segments import count_segments


@pytest.mark.parametrize(
    "text",
    # Twilio's defaults, AWS's required list, Telnyx's and Canada's, and other languages' plain words
    [
        "STOP",
        "UNSUBSCRIBE",
        "END",
        "QUIT",
        "STOPALL",
        "REVOKE",
        "OPTOUT",
        "CANCEL",
        "ARRET",
        "OPT-OUT",
        "REMOVE",
        "TD",
        "STOP ALL",
        "Arrêt",
        "stop.",
        "« Stop ! »",
        " stop\n",
        "ＳＴＯＰ",
        "ALTO",
        "Baja",
        "parar",
        "STOPP",
        "abmelden",
        "SAIR",
        "acha",
        "simamisha",
        "стоп",
        "توقف",
        "停止",
        "berhenti",
        "desabonner",
        "DÉSABONNER",
    ],
)
def test_stop_words_stop(text: str) -> None:
    assert read_keyword(text) == "stop"


@pytest.mark.parametrize("text", ["START", "unstop", "Yes", "anza", "Sí", "oui", "ja"])
def test_start_words_start(text: str) -> None:
    assert read_keyword(text) == "start"


@pytest.mark.parametrize("text", ["HELP", "info", "Aide", "ayuda", "msaada", "Hilfe!"])
def test_help_words_help(text: str) -> None:
    assert read_keyword(text) == "help"


@pytest.mark.parametrize(
    "text", ["", " ", "!!!", "STOP PLEASE", "please stop", "stopping by at 5", "I said yes", "👍", "stop" * 20, "s t o p it"]
)
def test_anything_more_than_the_word_is_no_keyword(text: str) -> None:
    assert read_keyword(text) is None


@given(st.text(max_size=200))
def test_any_text_is_read_without_error(text: str) -> None:
    assert read_keyword(text) in {"stop", "start", "help", None}


@given(
    st.sampled_from(["stop", "arrêt", "simamisha", "стоп"]),
    st.sampled_from(["NFC", "NFD", "NFKC"]),
    st.sampled_from([str.upper, str.lower, str.title]),
)
def test_spelling_makes_no_difference(word: str, form: str, case) -> None:
    assert read_keyword(unicodedata.normalize(form, case(word))) == "stop"


def test_an_answer_is_in_the_language_of_the_word() -> None:
    assert keyword_language("ARRET") == "fr"
    assert keyword_language("STOP") == "en"
    assert keyword_language("Simamisha") == "sw"
    assert keyword_language("hello") is None
    assert "désabonné" in confirmation("stop", keyword_language("Arrêt"))


@pytest.mark.parametrize("locale", ["en", "fr", "es", "pt", "de", "sw", "it", "fr-CA", "pt_BR", "xx", None, ""])
@pytest.mark.parametrize("keyword", ["stop", "start", "help"])
def test_every_confirmation_is_short_and_tells_the_way_back(keyword, locale: str | None) -> None:
    text = confirmation(keyword, locale)
    assert len(text) <= 160  # the rule for short codes in Canada
    assert ("STOP" if keyword != "stop" else "START") in text
    assert count_segments(text).segments <= 2


def test_a_confirmation_never_reads_as_a_keyword_itself() -> None:
    # Two machines that answer each other would otherwise never stop.
    assert all(read_keyword(confirmation(keyword, "en")) is None for keyword in ("stop", "start", "help"))
