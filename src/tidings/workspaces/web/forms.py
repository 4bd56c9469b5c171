"""What the forms here share."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

import phonenumbers
from babel import Locale
from fastapi import Form

from tidings.ui.environment import timezone_names
from tidings.workspaces.rules import PERMISSIONS, Role
from tidings.workspaces.wire import PlainText

if TYPE_CHECKING:
    from tidings.errors import TidingsError

Field = Annotated[PlainText, Form(max_length=100_000)]
"""One field of a form; a missing one is empty, and one too long comes through, so that the service says what is wrong with it."""

_ROLES = {
    Role.OWNER: ("Owner", "May do everything, and change the workspace itself."),
    Role.ADMIN: ("Admin", "May do everything but change the workspace itself."),
    Role.AGENT: ("Agent", "May write contacts and send messages."),
    Role.VIEWER: ("Viewer", "May look, not change."),
}


def field_errors(error: TidingsError) -> dict[str, str]:
    """The sentences by field, as the form macros want them; a general one stands under the empty name."""
    by_field = {one.field: f"{one.message[0].upper()}{one.message[1:]}." for one in error.errors}
    return by_field or {"": error.detail}


def role_choices(permissions: frozenset[str]) -> list[tuple[str, str, str]]:
    """The roles that this person may give."""
    return [(role.value, label, meaning) for role, (label, meaning) in _ROLES.items() if PERMISSIONS[role] <= permissions]


@functools.cache
def country_choices() -> list[tuple[str, str]]:
    """Every country with phone numbers, by name."""
    names = Locale("en").territories
    return sorted(((code, str(names.get(code, code))) for code in phonenumbers.SUPPORTED_REGIONS), key=lambda choice: choice[1])


@functools.cache
def timezone_choices() -> list[tuple[str, str]]:
    """Every timezone, by name."""
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in timezone_names())]
