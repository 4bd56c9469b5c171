"""Imports as JSON shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from tidings.contacts.imports.models import Import, ImportRow
from tidings.contacts.imports.service import Mapping, read_mapping
from tidings.workspaces.wire import Id, Name, Page, PlainText

ImportId = Annotated[UUID, Id("imp")]
GroupId = Annotated[UUID, Id("grp")]
StatusWord = Literal["ready", "importing", "done", "cancelled"]
VerdictWord = Literal["valid", "duplicate_in_file", "existing", "invalid", "created", "skipped"]
Column = Annotated[PlainText, Field(min_length=1, max_length=200)]


class MappingInput(BaseModel):
    """Which column is what, by letter or by header. Several columns of a name are put together."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": ["First name", "Last name"], "phone": "C", "attributes": {"city": "Town"}}]},
    )

    name: Column | Annotated[list[Column], Field(max_length=5)] | None = None
    phone: Column | None = None
    locale: Column | None = None
    timezone: Column | None = None
    attributes: Annotated[dict[str, Column], Field(max_length=50)] = {}

    def wanted(self) -> Mapping:
        return read_mapping(msgspec.json.encode(self.model_dump()).decode())


class SheetColumn(BaseModel):
    """A column of the sheet."""

    letter: str = Field(examples=["B"])
    header: str = Field(examples=["Phone"])
    samples: list[str] = Field(examples=[["0712 345 678"]])


class RowOutput(BaseModel):
    """One row of the sheet with its verdict."""

    row: int = Field(examples=[5], description="The number that the spreadsheet shows.")
    name: str = Field(examples=["Amina Hassan"])
    phone: str = Field(examples=["0712 34"], description="As it stands in the sheet.")
    address: str | None = Field(examples=[None], description="The number in E.164; null when it is none.")
    verdict: VerdictWord = Field(examples=["invalid"])
    error: str | None = Field(examples=["The number is too short: 6 digits."])
    locale: str | None = None
    timezone: str | None = None
    attributes: dict[str, Any] = {}
    corrected: bool = Field(description="Whether somebody corrected it by hand.")

    @classmethod
    def of(cls, row: ImportRow) -> RowOutput:
        return cls.model_validate(
            {
                "row": row.row,
                "name": row.name,
                "phone": row.raw_phone,
                "address": row.address,
                "verdict": row.verdict.value,
                "error": row.error,
                "locale": row.locale,
                "timezone": row.timezone,
                "attributes": row.attributes,
                "corrected": row.edited,
            }
        )


class ImportOutput(BaseModel):
    """An upload: how it was read, what it comes to, and what has become of it."""

    id: ImportId
    filename: str = Field(examples=["customers.xlsx"])
    format: str = Field(examples=["xlsx"])
    status: StatusWord = Field(description="`ready` waits for confirmation; `importing` is at work; `done` and `cancelled` are over.")
    group_id: GroupId | None
    group_name: str | None = Field(description="The group that the contacts go to; made on confirmation when it is new.")
    mapping: dict[str, Any] = Field(examples=[{"name": ["A"], "phone": "B"}])
    header_rows: int = Field(description="Rows at the top that are no contacts.")
    columns: list[SheetColumn]
    rows: int = Field(description="Rows with anything in them, without the header.")
    valid: int
    duplicates: int = Field(description="Rows whose number is in an earlier row.")
    existing: int = Field(description="Rows whose number a contact had already when the file was read; they only join the group.")
    errors: int
    contacts_created: int
    contacts_skipped: int = Field(description="Duplicates, and those that were contacts already.")
    created_by: str
    created_at: datetime
    confirmed_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, found: Import) -> ImportOutput:
        return cls.model_validate(shown(found))


class ImportPreview(ImportOutput):
    """An import with its first rows, and its first rows with errors."""

    first_rows: list[RowOutput]
    first_errors: list[RowOutput]

    @classmethod
    def with_rows(cls, found: Import, first: list[ImportRow], errors: list[ImportRow]) -> ImportPreview:
        return cls.model_validate(
            {**shown(found), "first_rows": [RowOutput.of(one) for one in first], "first_errors": [RowOutput.of(one) for one in errors]}
        )


class ImportPage(Page[ImportOutput]):
    """A page of imports."""


class RowPage(Page[RowOutput]):
    """A page of rows."""


class ImportChange(BaseModel):
    """Read the file in another way, or send its contacts to another group."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"mapping": {"name": "B", "phone": "Mobile"}, "header": True}]}
    )

    mapping: MappingInput | None = Field(None, description="Reads the file afresh. Rows that were corrected by hand stay as they are.")
    header: bool | None = Field(None, description="Whether the first row names the columns; without it, that is found out.")
    group_id: GroupId | None = None
    group_name: Name | None = None


class RowChange(BaseModel):
    """A correction by hand."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"phone": "0712 345 678"}]})

    name: Annotated[PlainText, Field(max_length=200)] | None = None
    phone: Annotated[PlainText, Field(max_length=100)] | None = None


def shown(found: Import) -> dict[str, Any]:
    """An import in the words of the API."""
    return {
        "id": found.id,
        "filename": found.filename,
        "format": found.format,
        "status": found.status.value,
        "group_id": found.group_id,
        "group_name": found.group_name,
        "mapping": found.mapping,
        "header_rows": found.header_rows,
        "columns": found.columns,
        "rows": found.row_count,
        "valid": found.valid_count,
        "duplicates": found.duplicate_count,
        "existing": found.existing_count,
        "errors": found.error_count,
        "contacts_created": found.created_count,
        "contacts_skipped": found.skipped_count,
        "created_by": found.created_by,
        "created_at": found.created_at,
        "confirmed_at": found.confirmed_at,
        "finished_at": found.finished_at,
    }
