"""What a workspace's settings may be."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale, UnknownLocaleError

from tidings.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceChanges:
    """What to change; None leaves as it is. Of `settings` only the keys that are given change."""

    name: str | None = None
    timezone: str | None = None
    default_region: str | None = None
    default_locale: str | None = None
    settings: dict[str, Any] | None = None


def check_changes(changes: WorkspaceChanges) -> None:
    """Raises Invalid with everything that is wrong at once."""
    errors = tuple(_errors(changes))
    if errors:
        raise Invalid("Nothing was changed; please look at the fields.", errors=errors)


def _errors(changes: WorkspaceChanges) -> Iterator[FieldError]:
    if changes.name is not None and not 1 <= len(changes.name.strip()) <= 200:
        yield FieldError("name", "must have between 1 and 200 characters")
    if changes.timezone is not None and changes.timezone not in _timezones():
        yield FieldError("timezone", "must be an IANA name such as Africa/Nairobi")
    if changes.default_region is not None and changes.default_region not in phonenumbers.SUPPORTED_REGIONS:
        yield FieldError("default_region", "must be a country's two capital letters, such as KE (ISO 3166)")
    if changes.default_locale is not None and not _is_locale(changes.default_locale):
        yield FieldError("default_locale", "must be a language such as en, fr or pt-BR")


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_locale(text: str) -> bool:
    try:
        Locale.parse(text, sep="-")
    except (ValueError, UnknownLocaleError):
        return False
    return len(text) <= 35
