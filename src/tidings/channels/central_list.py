"""A list of members and their addresses, as people paste it or keep it in a file: one member a line."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from tidings.errors import FieldError, Invalid

MOST_LINES = 1000
"""Of one call."""
_DELIMITERS = ("\t", ";", ",")


@dataclass(frozen=True, slots=True)
class Line:
    """One member's e-mail address, and their address on the channel, as they were written."""

    email: str
    address: str


def read_list(text: str, *, most: int | None = MOST_LINES) -> list[Line]:
    """The lines of `email, address` (comma, semicolon or tab). A first line of headings is left out. Raises Invalid with the line at fault."""
    written = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not written:
        raise Invalid("The list is empty: one member a line, the e-mail address first.", errors=(FieldError("list", "is empty"),))
    delimiter = next((one for one in _DELIMITERS if one in written[0][1]), ",")
    found = []
    for number, line in written:
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        if len(cells) >= 2 and "@" in cells[0] and cells[1] and "\0" not in line:
            found.append(Line(cells[0], cells[1]))
        elif (number, line) != written[0] or len(cells) < 2 or not cells[1] or "\0" in line:
            raise Invalid(
                f"Line {number} is not an e-mail address and an address. Nothing was kept: mend it, then give the list again.",
                errors=(FieldError("list", f"line {number} is not “email, address”"),),
            )
    if most is not None and len(found) > most:
        raise Invalid(
            f"The list has {len(found)} lines; {most} are taken at once. Nothing was kept: give it in parts.",
            errors=(FieldError("list", f"has more than {most} lines"),),
        )
    return found
