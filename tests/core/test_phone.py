"""Numbers as sheets and people hold them; the quick way must always say what the library itself would."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from tidings.core.phone import BadPhone, guess_timezone, mask_phone, parse_phone, region_of


@pytest.mark.parametrize(
    "text",
    [
        "+254711000123",
        "0711000123",
        "254711000123",
        "00254711000123",
        " +254 711-000-123 ",
        "(0711) 000.123",
        "0711/000123",
        "+254 (0)711 000 123",
        "'0711000123",
        "254711000123.0",
        "2.54711000123E+11",
        "2,54711000123e11",
        "٠٧١١٠٠٠١٢٣",
        "＋２５４７１１０００１２３",
        "\u202a+254711000123\u202c",
        "0711\xa0000\u2011123",
        "tel:+254-711-000-123",
        "711000123",
    ],
)
def test_a_number_however_written_is_one_number(text: str) -> None:
    assert parse_phone(text, "KE") == "+254711000123"
    assert parse_phone(text, "ke") == "+254711000123"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("", "missing", "is missing"),
        ("   ", "missing", "is missing"),
        ("'", "missing", "is missing"),
        ("00000000", "missing", "is missing"),
        ("+254711XXXYYY", "letters", "contains letters"),
        ("n/a", "letters", "contains letters"),
        ("0711000123 ext 4", "letters", "contains letters"),
        ("12345", "too_short", "is too short: 5 digits"),
        ("071100012345678", "too_long", "is too long for Kenya"),
        ("1" * 30, "too_long", "is too long: 30 digits"),
        ("0711000123, 0722000123", "several", "holds more than one number"),
        ("0711000123/0722000123", "several", "holds more than one number"),
        ("+254711000123+254722000123", "several", "holds more than one number"),
        ("2.54711E+11", "cut", "was cut short by a spreadsheet"),
        ("+999123456789", "no_country", "begins with a country code that does not exist"),
        ("@711000123", "strange", "contains characters that no phone number has"),
        ("+", "strange", "contains characters that no phone number has"),
        ("0011000123", "not_valid", "is not a number that exists in Kenya"),
        ("+254011000123", "not_valid", "is not a number that exists in Kenya"),
    ],
)
def test_a_bad_number_is_refused_in_plain_words(text: str, kind: str, words: str) -> None:
    with pytest.raises(BadPhone) as refused:
        parse_phone(text, "KE")
    assert refused.value.kind == kind
    assert refused.value.reason.startswith(words)


def test_a_national_number_needs_a_region() -> None:
    with pytest.raises(BadPhone, match="has no country code"):
        parse_phone("0711000123", None)
    assert parse_phone("+254711000123", None) == "+254711000123"


def test_a_number_of_another_country_is_never_guessed() -> None:
    # One digit too many for the United States, and by chance a good number in Switzerland.
    assert parse_phone("+41446681800", "US") == "+41446681800"
    with pytest.raises(BadPhone):
        parse_phone("41446681800", "US")


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_a_reason(text: str) -> None:
    try:
        number = parse_phone(text, "KE")
    except BadPhone:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))


_REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@st.composite
def _near_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A region and digits close to one of its real numbers: the first ones kept, the rest any."""
    region = draw(st.sampled_from(_REGIONS))
    kind = draw(st.sampled_from([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]))
    example = phonenumbers.example_number_for_type(region, kind) or phonenumbers.example_number(region)
    form = draw(st.sampled_from([phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.NATIONAL]))
    text = phonenumbers.format_number(example, form)
    kept = draw(st.integers(0, len(text)))
    return region, text[:kept] + draw(st.text("0123456789", max_size=len(text) - kept + 1))


def _by_the_library(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None


@given(_near_numbers())
def test_the_quick_way_says_what_the_library_says(near: tuple[str, str]) -> None:
    region, text = near
    expected = _by_the_library(text, region)
    try:
        assert parse_phone(text, region) == expected or text.lstrip("(").startswith("00")
    except BadPhone:
        assert expected is None


@pytest.mark.parametrize("region", _REGIONS)
def test_every_regions_own_mobile_number_is_taken(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        pytest.skip("no mobile network")
    expected = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert parse_phone(expected, None) == expected
    assert parse_phone(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL), region) == expected


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+254711000123", "Africa/Nairobi"),
        ("+14155550123", "America/Los_Angeles"),
        ("+12025550123", "America/New_York"),
        ("+33612345678", "Europe/Paris"),
        ("+447400123456", "Europe/London"),
        ("+447911123456", "Europe/Guernsey"),
        ("+61412345678", "Australia/Sydney"),
        ("+79161234567", "Europe/Moscow"),
        ("+77710009998", "Asia/Almaty"),
        ("+243991234567", "Africa/Kinshasa"),
        ("+919876543210", "Asia/Kolkata"),
        ("+18762101234", "America/Jamaica"),
        ("+353850123456", "Europe/Dublin"),
        ("+5511987654321", "America/Sao_Paulo"),
        ("+870773111632", None),
        ("nonsense", None),
    ],
)
def test_the_zone_is_the_most_likely_one(number: str, zone: str | None) -> None:
    assert guess_timezone(number) == zone


@pytest.mark.parametrize("region", _REGIONS)
def test_every_region_with_mobiles_has_a_zone_that_exists(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE) or phonenumbers.example_number(region)
    zone = guess_timezone(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
    assert zone is not None
    ZoneInfo(zone)


def test_no_zone_of_the_number_data_is_unknown_to_the_system() -> None:
    for prefix, zones in TIMEZONE_DATA.items():
        if len(zones) == 1:
            zone = guess_timezone(f"+{prefix}")
            assert zone is None or ZoneInfo(zone)


def test_a_masked_number_shows_country_and_ending_only() -> None:
    assert mask_phone("+254711000123") == "+254••••••123"
    assert mask_phone("12345") == "•••••"


def test_a_region_is_told_for_numbers_that_have_one() -> None:
    assert region_of("+254711000123") == "KE"
    assert region_of("+870773111632") is None
    assert region_of("garbage") is None
