"""Which column is what: found from the rows at the top, or as somebody says by letter or by the header's name. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from tidings.contacts.imports.reading.problems import BadFileError

LOOKED_AT: Final = 60
"""Rows from the top that are enough to understand a sheet."""
_HEADER_WITHIN: Final = 10


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Columns by letter (`A`) or header (`Full name`). Several columns of a name are put together."""

    name: str | tuple[str, ...] | None = None
    phone: str | None = None
    locale: str | None = None
    timezone: str | None = None
    attributes: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The same by position, from 0; None where there is none."""

    name: tuple[int, ...]
    phone: int
    locale: int | None
    timezone: int | None
    attributes: tuple[tuple[str, int], ...]
    header_rows: int
    """The row in which the header ends; 0 without one. Rows up to it are no contacts."""
    headers: tuple[str, ...]


_PHONE: Final = frozenset(
    [
        "phone",
        "phones",
        "telephone",
        "tel",
        "mobile",
        "mobiles",
        "cell",
        "cellphone",
        "msisdn",
        "whatsapp",
        "sms",
        "gsm",
        "simu",
        "nambari",
        "telefono",
        "telefon",
        "telefone",
        "handy",
        "portable",
        "celular",
        "movil",
        "cel",
        "rufnummer",
        "telefoon",
        "hp",
    ]
)
_NUMBER: Final = frozenset(["number", "numbers", "no", "nr", "num", "numero", "contact", "contacts"])
_NAME: Final = frozenset(["name", "names", "fullname", "nom", "jina", "majina", "nombre", "nome", "naam", "client", "customer", "member"])
_FIRST: Final = frozenset(["first", "firstname", "given", "forename", "prenom", "vorname"])
_LAST: Final = frozenset(["last", "lastname", "surname", "family", "nachname", "famille", "apellido", "apellidos", "cognome"])
_FILLER: Final = frozenset(
    [
        "of",
        "the",
        "de",
        "du",
        "des",
        "la",
        "le",
        "ya",
        "your",
        "main",
        "primary",
        "full",
        "contact",
        "customer",
        "client",
        "member",
        "person",
        "complet",
        "1",
        "a",
        "e",
    ]
)
_WORD: Final = re.compile(r"[^\W_]+")


def read_columns(rows: Sequence[tuple[int, list[str]]], wanted: Mapping | None, header: bool | None) -> Columns:  # noqa: FBT001  (None: find out)
    """Understand a sheet by its first rows. Raises BadFileError when the mapping names a column that is not there."""
    header_index = _find_header(rows) if header is None else 0 if header else None
    headers = tuple(rows[header_index][1]) if header_index is not None and rows else ()
    header_rows = rows[header_index][0] if header_index is not None and rows else 0
    contacts = [cells for number, cells in rows if number > header_rows]
    wanted = wanted or Mapping()
    width = max((len(cells) for _, cells in rows), default=0)

    def position(column: str, what: str) -> int:
        return _position(column, what, headers, width)

    phone = position(wanted.phone, "phone") if wanted.phone else _guess_phone(headers, contacts, width)
    if wanted.name is None:
        name = _guess_name(headers, contacts, phone, width)
    else:
        name = tuple(position(one, "name") for one in ([wanted.name] if isinstance(wanted.name, str) else wanted.name))
    return Columns(
        name=name,
        phone=phone,
        locale=position(wanted.locale, "locale") if wanted.locale else None,
        timezone=position(wanted.timezone, "timezone") if wanted.timezone else None,
        attributes=tuple((key, position(column, key)) for key, column in wanted.attributes.items()),
        header_rows=header_rows,
        headers=headers,
    )


def letter(index: int) -> str:
    """A column's letter: 0 is A, 26 is AA."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(65 + rest) + text
    return text


def looks_like_phone(text: str) -> bool:
    """Whether this may be a number to call: seven digits or more, and hardly anything else."""
    digits = sum(character.isdigit() for character in text)
    return digits >= 7 and digits >= len(text) * 0.6


def _words(text: str) -> set[str]:
    plain = "".join(character for character in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(character))
    return set(_WORD.findall(plain))


def _is_label(text: str, *families: frozenset[str]) -> bool:
    """Whether a header cell says what one of the families says, and nothing else."""
    words = _words(text)
    return bool(words) and any(words & family for family in families) and not words - frozenset().union(*families) - _FILLER - _NUMBER


def _find_header(rows: Sequence[tuple[int, list[str]]]) -> int | None:
    """The last row at the top that names the columns; titles above it belong to it. None when contacts begin at once."""
    found = None
    for index, (_, cells) in enumerate(rows[:_HEADER_WITHIN]):
        if any(looks_like_phone(cell) for cell in cells):
            break
        if any(_is_label(cell, _PHONE) or _is_label(cell, _NUMBER) or _is_label(cell, _NAME, _FIRST, _LAST) for cell in cells):
            found = index
    return found


def _position(column: str, what: str, headers: tuple[str, ...], width: int) -> int:
    wanted = column.strip()
    for index, header in enumerate(headers):
        if header and header.casefold() == wanted.casefold():
            return index
    if re.fullmatch(r"[A-Za-z]{1,2}", wanted):
        index = 0
        for character in wanted.upper():
            index = index * 26 + ord(character) - 64
        if index <= max(width, 1):
            return index - 1
    there = ", ".join(f"{letter(index)} ({header})" if header else letter(index) for index, header in enumerate(headers or [""] * width))
    raise BadFileError(f"The column “{wanted}”, meant for {what}, is not in the sheet. It has: {there}.")


def _guess_phone(headers: tuple[str, ...], contacts: Sequence[list[str]], width: int) -> int:
    for family in (_PHONE, _NUMBER):
        for index, header in enumerate(headers):
            if _is_label(header, family):
                return index
    likely = [sum(index < len(cells) and looks_like_phone(cells[index]) for cells in contacts) for index in range(width)]
    if len(likely) > 1 and likely[1]:
        return 1
    best = max(range(width), key=lambda index: likely[index], default=0)
    if likely and likely[best]:
        return best
    return min(1, max(width - 1, 0))


def _guess_name(headers: tuple[str, ...], contacts: Sequence[list[str]], phone: int, width: int) -> tuple[int, ...]:
    others = [(index, header) for index, header in enumerate(headers) if index != phone and header]
    for index, header in others:
        if _is_label(header, _NAME):
            return (index,)
    parts = tuple(
        next(index for index, header in others if _is_label(header, family, _NAME))
        for family in (_FIRST, _LAST)
        if any(_is_label(header, family, _NAME) for _, header in others)
    )
    if parts:
        return parts
    filled = [index for index in range(width) if index != phone and any(index < len(cells) and cells[index] for cells in contacts)]
    if phone != 0 and (headers or 0 in filled or not filled):
        return (0,)
    return () if headers else tuple(filled[:1])
