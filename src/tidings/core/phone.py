"""Phone numbers as people write them, made into E.164 (`+254711000123`) or refused in words a person understands."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final, Literal

import phonenumbers
from babel import Locale
from phonenumbers import NumberParseException, ValidationResult

from tidings.core.phone_time import guess_timezone

__all__ = ["BadPhone", "guess_timezone", "mask_phone", "parse_phone", "region_of"]

Kind = Literal["missing", "letters", "several", "cut", "strange", "too_short", "too_long", "no_country", "not_valid"]

_SEPARATORS: Final = re.compile(r"[\s\-‐-―−().·/_\\]+")
_INVISIBLE: Final = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0xAD])
_QUOTES: Final = "'’‘`\"“”"
_FLOAT: Final = re.compile(r"[1-9]\d{6,}\.0{1,2}")
_SCIENTIFIC: Final = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_LONGEST: Final = 60  # characters of a cell that are worth reading


class BadPhone(ValueError):
    """This text is not a phone number that can be written to. `reason` completes "The number …"."""

    def __init__(self, reason: str, kind: Kind) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


def parse_phone(text: str, default_region: str | None) -> str:
    """A number in E.164, read with the region's habits (ISO 3166, as "KE") where it names no country itself. Raises `BadPhone`."""
    region = default_region.upper() if default_region else None
    digits, international = _clean(text)
    found = _quick(digits, international, region)
    return found if found is not None else _thorough(digits, international, region)


def region_of(e164: str) -> str | None:
    """The region a number belongs to, as "KE"; None for numbers of no one region."""
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    return region if region and region != "001" else None


def mask_phone(e164: str) -> str:
    """A number for logs and screens that must not show it: the country and the last three digits, as `+254••••••123`."""
    if len(e164) < 9:
        return "•" * len(e164)
    return f"{e164[:4]}{'•' * (len(e164) - 7)}{e164[-3:]}"


# --- reading ----------------------------------------------------------------------------------------------------------


def _clean(text: str) -> tuple[str, bool]:
    """The digits alone, and whether they begin with a country code."""
    if text.isascii() and text[1:].isdigit() and (text[0] == "+" or text[0].isdigit()):
        return _prefix(text)  # the common case, spared the rest
    text = unicodedata.normalize("NFKC", text[:_LONGEST].translate(_INVISIBLE)).strip().strip(_QUOTES).strip()
    text = re.sub(r"^tel:\s*", "", text, flags=re.IGNORECASE)
    if not text:
        raise BadPhone("is missing", "missing")
    text = _from_spreadsheet(text)
    if any(character.isalpha() for character in text):
        raise BadPhone("contains letters", "letters")
    several = "/" in text and sum(character.isdigit() for character in text) > 15
    text = _SEPARATORS.sub("", text)
    if several or re.search(r"[,;&|]|.\+", text):
        raise BadPhone("holds more than one number", "several")
    if not re.fullmatch(r"\+?\d+", text):
        raise BadPhone("contains characters that no phone number has", "strange")
    return _prefix("".join(character if character == "+" else str(unicodedata.digit(character)) for character in text))


def _prefix(text: str) -> tuple[str, bool]:
    return (text[1:], True) if text[0] == "+" else (text, False)


def _from_spreadsheet(text: str) -> str:
    """Numbers that a spreadsheet has written as quantities: `254711000123.0`, `2.54711000123E+11`."""
    if _FLOAT.fullmatch(text):
        return text.split(".", maxsplit=1)[0]
    found = _SCIENTIFIC.fullmatch(text)
    if found is None:
        return text
    digits = found[1] + (found[2] or "")
    if len(digits) != int(found[3]) + 1:
        # The digits that are not shown were lost when the file was saved. Zeros in their place would be somebody else's number.
        raise BadPhone(f"was cut short by a spreadsheet ({text}): format the column as text and save again", "cut")
    return digits


# --- the quick way: the region's own pattern for mobile numbers -----------------------------------------------------------


class _Plan:
    """A country's plan for mobile numbers, where it is simple enough that the thorough way would surely say the same."""

    __slots__ = ("code", "general", "idd", "mobile", "trunk")

    def __init__(self, metadata: Any) -> None:
        self.code = str(metadata.country_code)
        self.general = re.compile(metadata.general_desc.national_number_pattern)
        self.mobile = re.compile(metadata.mobile.national_number_pattern)
        self.trunk = re.compile(metadata.national_prefix_for_parsing or r"(?!)")
        self.idd = re.compile(metadata.international_prefix or r"(?!)")

    def takes(self, national: str) -> bool:
        return bool(self.mobile.fullmatch(national) and self.general.fullmatch(national) and not self.trunk.match(national))


@lru_cache(maxsize=512)
def _plan(region: str) -> _Plan | None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    # A region with leading digits shares its country code and is asked about after another one.
    if metadata is None or metadata.leading_digits or metadata.mobile is None or not metadata.mobile.national_number_pattern:
        return None
    return _Plan(metadata)


@lru_cache(maxsize=2048)
def _plan_of_code(start: str) -> _Plan | None:
    """The plan of the country code with which these digits begin."""
    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(start[:length]))
        if regions:
            return _plan(regions[0])
    return None


def _quick(digits: str, international: bool, region: str | None) -> str | None:  # noqa: FBT001 - private, always named by its caller
    if international:
        if not 8 <= len(digits) <= 15 or digits[0] == "0":
            return None
        plan = _plan_of_code(digits[:3])
        return f"+{digits}" if plan is not None and plan.takes(digits[len(plan.code) :]) else None
    plan = _plan(region) if region else None
    if plan is None or plan.trunk.pattern != "0" or plan.idd.match(digits):
        return None
    if digits.startswith("0"):
        return f"+{plan.code}{digits[1:]}" if plan.takes(digits[1:]) else None
    if plan.takes(digits):  # a spreadsheet that takes numbers for quantities drops the zero in front
        return f"+{plan.code}{digits}"
    if digits.startswith(plan.code) and not plan.general.fullmatch(digits) and plan.takes(digits[len(plan.code) :]):
        return f"+{digits}"
    return None


# --- the thorough way -------------------------------------------------------------------------------------------------


def _thorough(digits: str, international: bool, region: str | None) -> str:  # noqa: FBT001
    if not digits.strip("0"):
        raise BadPhone("is missing", "missing")
    if not international and digits.startswith("00") and len(digits) > 9:
        found = _valid(f"+{digits.lstrip('0')}", None)
        if found is not None:
            return found
    written = f"+{digits}" if international else digits
    found = _valid(written, region)
    if found is not None:
        return found
    raise _why_not(written, digits, international, region)


def _valid(text: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _why_not(written: str, digits: str, international: bool, region: str | None) -> BadPhone:  # noqa: FBT001
    if len(digits) < 7:
        return BadPhone(f"is too short: {_digits(len(digits))}", "too_short")
    if len(digits) > 17:
        return BadPhone(f"is too long: {_digits(len(digits))}", "too_long")
    if not international and not region:
        return BadPhone("has no country code: write it as +254711000123", "no_country")
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        return BadPhone("begins with a country code that does not exist", "no_country")
    place = _country(phonenumbers.region_code_for_country_code(number.country_code or 0))
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.TOO_SHORT:
            return BadPhone(f"is too short for {place}", "too_short")
        case ValidationResult.TOO_LONG:
            return BadPhone(f"is too long for {place}", "too_long")
    hint = "" if international else "; if it is of another country, write it with + and the country code"
    return BadPhone(f"is not a number that exists in {place}{hint}", "not_valid")


def _digits(count: int) -> str:
    return "1 digit" if count == 1 else f"{count} digits"


@lru_cache(maxsize=512)
def _country(region: str) -> str:
    return str(Locale("en").territories.get(region, region)) if region not in {"ZZ", "001"} else "that country"
