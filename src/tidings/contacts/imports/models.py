"""An import as it stands: an uploaded file with a verdict for each row, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class ImportStatus(StrEnum):
    """How far an import is."""

    READY = "ready"  # read and judged; waits for somebody to confirm
    IMPORTING = "importing"  # ready -> importing: confirmed, contacts are being made
    DONE = "done"  # importing -> done: every row was settled
    CANCELLED = "cancelled"  # ready | importing -> cancelled: nothing further is made


class Verdict(StrEnum):
    """What is known of a row."""

    VALID = "valid"  # will become a contact
    DUPLICATE_IN_FILE = "duplicate_in_file"  # an earlier row has the same number; this one is left out
    EXISTING = "existing"  # a contact has this number already; it only joins the group
    INVALID = "invalid"  # cannot be imported as it is
    CREATED = "created"  # valid -> created: told by how far the import is, never stored
    SKIPPED = "skipped"  # existing -> skipped, and valid -> skipped when somebody else was faster


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One upload."""

    id: UUID
    filename: str
    format: str
    group_id: UUID | None
    group_name: str | None
    """The group's name, whether it exists or will be made on confirmation."""
    status: ImportStatus
    mapping: dict[str, Any]
    header_rows: int
    columns: list[dict[str, Any]]
    row_count: int
    valid_count: int
    duplicate_count: int
    existing_count: int
    error_count: int
    created_count: int
    skipped_count: int
    done_row: int
    created_by: str
    created_at: datetime
    confirmed_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One row of the sheet, by the number the spreadsheet shows."""

    row: int
    name: str
    raw_phone: str
    address: str | None
    locale: str | None
    timezone: str | None
    attributes: dict[str, Any]
    verdict: Verdict
    error: str | None
    edited: bool
