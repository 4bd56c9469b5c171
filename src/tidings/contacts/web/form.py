"""The form of a contact, with attributes as names and values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tidings.contacts.models import Address, NewContact
from tidings.contacts.rules import ATTRIBUTES
from tidings.contacts.service import Changes
from tidings.errors import FieldError, Invalid

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from tidings.contacts.models import Contact

SPARE = 2
"""Empty lines for further attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactForm:
    """Everything filled in so far."""

    name: str = ""
    medium: str = "sms"
    """Of a new contact's first address."""
    phone: str = ""
    """That address; of a contact that exists, its phone number."""
    locale: str = ""
    timezone: str = ""
    attributes: tuple[tuple[str, str], ...] = field(default=())

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The attributes as lines, with room for more."""
        return [*self.attributes, *[("", "")] * SPARE]


def read_form(form: FormData) -> ContactForm:
    """What the browser sent; nothing in it is trusted yet."""

    def one(name: str) -> str:
        value = form.get(name)
        return value.strip() if isinstance(value, str) else ""

    def many(name: str) -> list[str]:
        return [value if isinstance(value, str) else "" for value in form.getlist(name)[: ATTRIBUTES + SPARE]]

    pairs = tuple((key.strip(), value) for key, value in zip(many("key"), many("value"), strict=False) if key.strip() or value.strip())
    return ContactForm(
        name=one("name"),
        medium=one("medium") or "sms",
        phone=one("phone"),
        locale=one("locale"),
        timezone=one("timezone"),
        attributes=pairs,
    )


def form_of(contact: Contact) -> ContactForm:
    """The form of a contact that exists."""
    return ContactForm(
        name=contact.name, phone=contact.phone or "", locale=contact.locale or "", timezone=contact.timezone or "",
        attributes=tuple((key, show_value(value)) for key, value in contact.attributes.items()),
    )  # fmt: skip


def creation(form: ContactForm) -> NewContact:
    """The new contact that the form describes. Raises Invalid."""
    addresses = (Address(medium=form.medium, address=form.phone),) if form.phone else ()
    return NewContact(
        name=form.name, addresses=addresses, locale=form.locale or None, timezone=form.timezone or None,
        attributes=_attributes(form, {}),
    )  # fmt: skip


def changes(form: ContactForm, before: Contact) -> Changes:
    """What the form changes of a contact. Raises Invalid."""
    wanted = _attributes(form, before.attributes)
    return Changes(
        name=form.name,
        phone=form.phone if form.phone and form.phone != before.phone else None,
        locale=form.locale or None,
        # A timezone left as it was follows a new number.
        timezone=msgspec.UNSET if form.timezone == (before.timezone or "") else form.timezone or None,
        attributes=dict.fromkeys(before.attributes.keys() - wanted.keys()) | wanted,
    )


def _attributes(form: ContactForm, before: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, text in form.attributes:
        if not key:
            raise Invalid(f"Give the attribute with the value “{text[:40]}” a name.", errors=(FieldError("attributes", "has no name"),))
        if key in found:
            raise Invalid(f"There are two attributes named “{key[:64]}”. Keep one of them.", errors=(FieldError("attributes", "repeated"),))
        found[key] = _read_value(text, before.get(key))
    return found


def show_value(value: Any) -> str:
    """An attribute's value as text to edit: other things than text are written as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _read_value(text: str, before: Any) -> Any:
    """What was a number, a truth or a list stays one where the text still reads as such; everything else is text."""
    if before is None or isinstance(before, str):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
