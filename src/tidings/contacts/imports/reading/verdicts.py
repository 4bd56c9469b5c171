"""One row of a sheet: what it gives, or what is wrong with it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tidings.contacts.imports.reading.columns import Columns
from tidings.contacts.rules import bad_locale, bad_timezone
from tidings.core.phone import BadPhone, guess_timezone, parse_phone

NAME_LENGTH: Final = 200
RAW_PHONE_LENGTH: Final = 100
_DATE: Final = re.compile(r"(19|20)\d\d-[01]\d-[0-3]\d(\D|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """A row with its verdict: an `address` when it can be imported, an `error` when not."""

    name: str
    raw_phone: str
    address: str | None
    locale: str | None = None
    timezone: str | None = None
    attributes: dict[str, str] | None = None
    error: str | None = None


def read_row(cells: list[str], columns: Columns, region: str) -> ReadRow:
    """Judge one row of a sheet."""
    count = len(cells)

    def cell(index: int | None) -> str:
        return cells[index] if index is not None and index < count else ""

    attributes = {key: text for key, index in columns.attributes if (text := cell(index))} if columns.attributes else None
    name = cell(columns.name[0]) if len(columns.name) == 1 else " ".join(filter(None, (cell(index) for index in columns.name)))
    return judge(name, cell(columns.phone), region, locale=cell(columns.locale), timezone=cell(columns.timezone), attributes=attributes)


def judge(name: str, phone: str, region: str, *, locale: str = "", timezone: str = "", attributes: dict[str, str] | None = None) -> ReadRow:
    """Judge a name and a number, with what else is known of them."""
    address = None
    problems = []
    if _DATE.match(phone):
        # Its digits may well make a number, but nobody's that anyone meant.
        problems.append("The number is a date.")
    else:
        try:
            address = parse_phone(phone, region)
        except BadPhone as problem:
            problems.append(f"The number {problem.reason}.")
    if len(name) > NAME_LENGTH:
        problems.append(f"The name has {len(name)} characters; {NAME_LENGTH} are the most.")
    if locale and (problem_text := bad_locale(locale)):
        problems.append(problem_text)
    if timezone and (problem_text := bad_timezone(timezone)):
        problems.append(problem_text)
    return ReadRow(
        name=name[:NAME_LENGTH],
        raw_phone=phone[:RAW_PHONE_LENGTH],
        address=None if problems else address,
        locale=(locale.replace("_", "-") or None) if not problems else None,
        timezone=(timezone or (guess_timezone(address) if address else None)) if not problems else None,
        attributes=attributes,
        error=" ".join(problems) or None,
    )
