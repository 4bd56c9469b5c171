"""A list of members and their addresses, as people paste it or keep it in a file: one member a line."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from tidings.errors import FieldError, Invalid

MOST_LINES = 1000
"""Of one call."""
_LONGEST_LINE = 2000
_DELIMITERS = ("\t", ";", ",")


@dataclass(frozen=True, slots=True)
class Line:
    """One member's e-mail address, and their address on the channel, as they were written."""

    email: str
    address: str


def read_list(text: str, *, most: int | None = MOST_LINES) -> list[Line]:
    """The lines of `email, address` (comma, semicolon or tab). A first line of headings is left out. Raises Invalid with the line at fault."""
    found = []
    written = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, line in written:
        email, address = _cells(line)
        if "@" in email and address:
            found.append(Line(email, address))
        elif not address or number != written[0][0]:
            raise Invalid(
                f"Line {number} is not an e-mail address and an address. Nothing was kept: mend it, then give the list again.",
                errors=(FieldError("list", f"line {number} is not “email, address”"),),
            )
    if not found:
        raise Invalid("The list is empty: one member a line, the e-mail address first.", errors=(FieldError("list", "is empty"),))
    if most is not None and len(found) > most:
        raise Invalid(
            f"The list has {len(found)} lines; {most} are taken at once. Nothing was kept: give it in parts.",
            errors=(FieldError("list", f"has more than {most} lines"),),
        )
    return found


def _cells(line: str) -> tuple[str, str]:
    """The first two of a line; two empty ones where it can be no line of a list."""
    if len(line) > _LONGEST_LINE or "\0" in line:
        return "", ""
    delimiter = next((one for one in _DELIMITERS if one in line), ",")
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    return (cells[0], cells[1]) if len(cells) >= 2 else ("", "")
