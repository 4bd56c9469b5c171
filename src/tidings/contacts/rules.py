"""What a contact may be: pure checks of names, addresses, attributes, languages and timezones."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel import Locale, UnknownLocaleError

from tidings.core import addresses
from tidings.core.addresses import BadAddress
from tidings.errors import FieldError, Invalid

NAME_LENGTH: Final = 200
ATTRIBUTES: Final = 50
ATTRIBUTE_KEY: Final = re.compile(r"[^\W\d]\w{0,63}")
"""Names that a template can speak: letters, digits, underscore."""
ATTRIBUTES_BYTES: Final = 16 * 1024
_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff\ufeff]+")


def clean_name(name: str, field: str = "name") -> str:
    """A name on one line. Raises Invalid when it is too long."""
    text = _INVISIBLE.sub(" ", unicodedata.normalize("NFC", name)).strip()
    if len(text) > NAME_LENGTH:
        raise _invalid(field, f"has {len(text)} characters; {NAME_LENGTH} are the most")
    return text


def clean_address(medium: str, address: str, region: str, field: str = "phone") -> str:
    """An address as it is kept: E.164 for phones (core/addresses.py has the others). Raises Invalid with the reason."""
    try:
        return addresses.clean_address(medium, address, region)
    except BadAddress as error:
        raise _invalid(field, error.reason) from error


def check_attributes(attributes: dict[str, Any], field: str = "attributes") -> None:
    """Raises Invalid when attributes are too many, too large, or named so that no template could use them."""
    if len(attributes) > ATTRIBUTES:
        raise _invalid(field, f"has {len(attributes)} entries; {ATTRIBUTES} are the most")
    for key in attributes:
        if not ATTRIBUTE_KEY.fullmatch(key):
            raise _invalid(f"{field}.{key[:70]}", "is not a usable name: letters, digits and underscores, 64 at most, no digit first")
    encoded = msgspec.json.encode(attributes)
    if len(encoded) > ATTRIBUTES_BYTES:
        raise _invalid(field, f"takes {len(encoded)} bytes; {ATTRIBUTES_BYTES} are the most")
    if b"\\u0000" in encoded:
        raise _invalid(field, "holds a NUL character, which cannot be kept")


def check_locale(locale: str, field: str = "locale") -> str:
    """A language tag such as `fr` or `pt-BR`. Raises Invalid for one that is not known."""
    if problem := bad_locale(locale):
        raise Invalid(problem, errors=(FieldError(field, "is not a known language"),))
    return locale.strip().replace("_", "-")


def check_timezone(timezone: str, field: str = "timezone") -> str:
    """An IANA timezone. Raises Invalid for one that is not known."""
    if problem := bad_timezone(timezone):
        raise Invalid(problem, errors=(FieldError(field, "is not a known timezone"),))
    return timezone


@lru_cache(maxsize=1024)
def bad_locale(locale: str) -> str | None:
    """What is wrong with a language tag; None when nothing is."""
    try:
        Locale.parse(locale.strip().replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return f"The language “{locale[:40]}” is not known; write it as en, sw or pt-BR."
    return None


@lru_cache(maxsize=1024)
def bad_timezone(timezone: str) -> str | None:
    """What is wrong with a timezone; None when nothing is."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"The timezone “{timezone[:60]}” is not known; write it as Africa/Nairobi."
    return None


def _invalid(field: str, message: str) -> Invalid:
    name = field.rsplit(".", 1)[-1].replace("_", " ")
    return Invalid(f"The {name} {message}.", errors=(FieldError(field, message),))
