"""What the server and the reader's process say to each other."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.contacts.imports.reading.columns import Mapping


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Read this file so, and stay within these limits."""

    path: str
    region: str
    mapping: Mapping | None
    header: bool | None
    row_limit: int
    memory_bytes: int
    cpu_seconds: int


class SheetColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column as the sheet has it, so that somebody can say what it is."""

    letter: str
    header: str
    samples: list[str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How it went: an error, or how the file was read."""

    error: str = ""
    format: str = ""
    header_rows: int = 0
    mapping: dict[str, Any] = {}
    columns: list[SheetColumn] = []
