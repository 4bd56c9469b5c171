"""Addresses of every medium in their one form."""

from __future__ import annotations

import pytest

from tidings.core.addresses import BadAddress, clean_address, is_group, is_phone


@pytest.mark.parametrize(
    ("medium", "written", "kept"),
    [
        ("sms", "0711 000 123", "+254711000123"),
        ("whatsapp", "+254 711 000123", "+254711000123"),
        ("whatsapp", "KE.13491208655302741918", "KE.13491208655302741918"),
        ("whatsapp", "98765432109876@lid", "98765432109876@lid"),
        ("telegram", " 123456789 ", "123456789"),
        ("telegram", "-1001234567890", "-1001234567890"),
        ("telegram", "@tidings_news", "@tidings_news"),
        ("email", "Amina@Example.COM", "amina@example.com"),
        ("slack", "C024BE91L", "C024BE91L"),
        ("discord", "1134567890123456789", "1134567890123456789"),
        ("chat", "the kitchen's screen", "the kitchen's screen"),
    ],
)
def test_an_address_is_kept_in_one_form(medium: str, written: str, kept: str) -> None:
    assert clean_address(medium, written, "KE") == kept
    assert clean_address(medium, kept, None) == kept


@pytest.mark.parametrize(
    ("medium", "written"),
    [
        ("sms", "KE.13491208655302741918"),
        ("sms", "amina"),
        ("whatsapp", "KE."),
        ("whatsapp", "98765432109876@g.us"),
        ("telegram", "0"),
        ("telegram", "amina"),
        ("telegram", "12345678901234567890"),
        ("email", "amina"),
        ("slack", "#general"),
        ("discord", "general"),
        ("chat", "  "),
        ("chat", "x" * 321),
        ("pigeon", "home"),
    ],
)
def test_what_is_no_address_is_refused_in_words(medium: str, written: str) -> None:
    with pytest.raises(BadAddress) as refused:
        clean_address(medium, written, "KE")
    assert refused.value.reason


def test_phones_and_groups_are_known() -> None:
    assert is_phone("whatsapp", "+254711000123")
    assert not is_phone("whatsapp", "KE.1349")
    assert not is_phone("whatsapp", "98765432109876@lid")
    assert is_group("telegram", "-1001234567890")
    assert not is_group("telegram", "123456789")
