"""Cells as text, the way the person who filled the sheet reads them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

LONGEST: Final = 1_000
"""Characters of a cell that are kept."""
_UNWANTED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff\ufeff]+")
"""Runs of blanks, line breaks, control characters, and halves of characters that no database takes."""


def cell_text(value: Any) -> str:
    """One line of text; numbers without the `.0` that spreadsheets add."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return clean_text(str(value))


def clean_text(text: str) -> str:
    """Text on one line, without what cannot be seen at its ends."""
    if len(text) > LONGEST:
        text = text[:LONGEST]
    return _UNWANTED.sub(" ", text).strip()
