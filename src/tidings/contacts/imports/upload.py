"""The first step of an import: a file is read, every row judged, nothing else changed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.contacts.imports.models import Import, ImportStatus
from tidings.contacts.imports.queries import SQL, lock_import, read_import
from tidings.contacts.imports.reader import read_into_stage
from tidings.contacts.imports.reading.columns import Mapping
from tidings.contacts.rules import check_attributes
from tidings.contacts.workspace_region import default_region
from tidings.core.ids import new_id, show_id
from tidings.db.database import raw_connection
from tidings.errors import Conflict, FieldError, Invalid, TooLarge
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as somebody sent it."""

    filename: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is to be read, and where its contacts go."""

    mapping: Mapping | None = None
    header: bool | None = None
    """Whether the first row names the columns; None to find out."""
    group_id: UUID | None = None
    group_name: str | None = None
    """A group by name: made on confirmation when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator allows."""

    upload_bytes: int
    rows: int


async def start_import(session: AsyncSession, access: Access, upload: Upload, reading: Reading, limits: Limits) -> Import:
    """Read a file and judge its rows. Raises Invalid for what is no list of contacts, TooLarge for what is over the limits."""
    if len(upload.content) > limits.upload_bytes:
        raise TooLarge(
            f"The file has {len(upload.content) / 2**20:.1f} MB; {limits.upload_bytes / 2**20:.1f} MB are the most. Nothing was imported. "
            "Split it and upload the parts one after the other."
        )
    _check_mapping(reading.mapping)
    connection = await raw_connection(session)
    group_id, group_name = await _find_group(connection, access.workspace_id, reading.group_id, reading.group_name)
    import_id = new_id()
    filename = _clean_filename(upload.filename)
    await connection.execute(SQL.add_import, access.workspace_id, import_id, filename, group_id, group_name, access.actor_label)
    await connection.execute(SQL.keep_file, access.workspace_id, import_id, upload.content)
    await _read(connection, access.workspace_id, import_id, upload.content, reading, limits)
    made = await read_import(connection, access.workspace_id, import_id)
    await record(session, access, "import.uploaded", "import", import_id, after=described(made))
    return made


async def change_import(session: AsyncSession, access: Access, import_id: UUID, reading: Reading, limits: Limits, *, again: bool) -> Import:
    """Send the contacts to another group or, with `again`, read the file afresh by another mapping. Corrected rows stay corrected."""
    _check_mapping(reading.mapping)
    connection = await raw_connection(session)
    before = await lock_import(connection, access.workspace_id, import_id)
    demand_ready(before)
    if reading.group_id is not None or reading.group_name is not None:
        group_id, group_name = await _find_group(connection, access.workspace_id, reading.group_id, reading.group_name)
        await connection.execute(SQL.set_group, access.workspace_id, import_id, group_id, group_name)
    if again:
        content = await connection.fetchval(SQL.file, access.workspace_id, import_id)
        await _read(connection, access.workspace_id, import_id, content, reading, limits)
    after = await read_import(connection, access.workspace_id, import_id)
    await record(session, access, "import.changed", "import", import_id, before=described(before), after=described(after))
    return after


def demand_ready(found: Import) -> None:
    """Raises Conflict when it is too late to change an import."""
    if found.status is not ImportStatus.READY:
        raise Conflict(f"This import is {found.status}, so it cannot be changed any more. Upload the file again to start anew.")


def described(found: Import) -> dict[str, object]:
    """An import as the audit log shows it."""
    return {
        "filename": found.filename, "status": found.status, "group": found.group_name, "mapping": found.mapping,
        "rows": found.row_count, "valid": found.valid_count, "duplicates": found.duplicate_count, "existing": found.existing_count,
        "errors": found.error_count, "created": found.created_count, "skipped": found.skipped_count,
    }  # fmt: skip


def read_mapping(text: str) -> Mapping:
    """A mapping from JSON. Raises Invalid, saying what is wrong with it."""
    try:
        return msgspec.json.decode(text, type=Mapping)
    except (msgspec.MsgspecError, UnicodeError) as error:
        example = '{"name": "A", "phone": "Mobile", "attributes": {"city": "D"}}'
        raise Invalid(
            f"The mapping is not usable: {error}. Write it like {example}.", errors=(FieldError("mapping", str(error)),)
        ) from error


async def _read(  # noqa: PLR0917
    connection: asyncpg.Connection, workspace_id: UUID, import_id: UUID, content: bytes, reading: Reading, limits: Limits
) -> None:
    """Fill the import's rows from the file."""
    region = await default_region(connection, workspace_id)
    await connection.execute(SQL.make_stage)
    with tempfile.TemporaryDirectory(prefix="tidings-import-") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        report = await read_into_stage(
            connection, path, region=region, mapping=reading.mapping, header=reading.header, row_limit=limits.rows
        )
    edited = await connection.fetchval(SQL.edited_rows, workspace_id, import_id)
    if edited:
        await connection.execute(SQL.keep_edits, workspace_id, import_id)
    await connection.execute(SQL.forget_rows, workspace_id, import_id)
    await connection.execute("ANALYZE import_stage")
    await connection.execute(SQL.take_stage, workspace_id, import_id, edited)
    await connection.execute(SQL.drop_stage)
    mapping, sheet = (msgspec.json.encode(one).decode() for one in (report.mapping, {"columns": report.columns}))
    await connection.execute(SQL.note_reading, workspace_id, import_id, report.format, mapping, report.header_rows, sheet)
    await connection.execute(SQL.count_verdicts, workspace_id, import_id)


def _check_mapping(mapping: Mapping | None) -> None:
    if mapping is not None:
        check_attributes(mapping.attributes, "mapping.attributes")


async def _find_group(
    connection: asyncpg.Connection, workspace_id: UUID, group_id: UUID | None, group_name: str | None
) -> tuple[UUID | None, str | None]:
    """The group that is meant. A name that no group has yet is kept until confirmation."""
    if group_id is not None:
        if not await connection.fetchval("SELECT true FROM groups WHERE workspace_id = $1 AND id = $2", workspace_id, group_id):
            raise Invalid(
                "The group does not exist (any more).",
                errors=(FieldError("group_id", f"{show_id('grp', group_id)} is not in this workspace"),),
            )
        return group_id, None
    name = " ".join((group_name or "").split())
    if not name:
        return None, None
    if len(name) > 200:
        raise Invalid("A group's name has 200 characters at most.", errors=(FieldError("group_name", "is too long"),))
    found = await connection.fetchval("SELECT id FROM groups WHERE workspace_id = $1 AND lower(name) = lower($2)", workspace_id, name)
    return (found, None) if found else (None, name)


def _clean_filename(name: str) -> str:
    """The last part of a path, without what cannot be shown."""
    text = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in text if character.isprintable())[:255] or "upload"
