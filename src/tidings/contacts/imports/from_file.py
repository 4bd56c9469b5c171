"""A whole import from a file on this machine, for the command line and the demo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tidings.contacts.imports.models import Import, ImportRow, Verdict
from tidings.contacts.imports.queries import read_import
from tidings.contacts.imports.reading.columns import Mapping
from tidings.contacts.imports.rows import list_rows
from tidings.contacts.imports.run import cancel_import, confirm_import, import_step
from tidings.contacts.imports.upload import Limits, Reading, Upload, start_import
from tidings.db.database import raw_connection
from tidings.errors import FieldError, Invalid, TooLarge

if TYPE_CHECKING:
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

Progress = Callable[[Import], None]
SHOWN_ERRORS = 20


async def import_file(
    database: Database, access: Access, path: Path, group_name: str | None = None, mapping: Mapping | None = None,
    *, limits: Limits, header: bool | None = None, progress: Progress = lambda _: None,
) -> tuple[Import, list[ImportRow]]:  # fmt: skip
    """Read a file, judge its rows, make contacts of the valid ones: the finished import and its first rows with errors.

    Raises Invalid where no row can be used: most often it is the wrong file or the wrong column.

    `progress` is called after the reading and after each step, with the import as it stands.
    """
    upload = Upload(filename=path.name, content=await asyncio.to_thread(_content, path, limits))
    async with database.workspace(access.workspace_id) as session:
        found = await start_import(session, access, upload, Reading(mapping=mapping, header=header, group_name=group_name), limits)
        errors = await list_rows(session, access, found.id, verdict=Verdict.INVALID, limit=SHOWN_ERRORS)
        if not (usable := found.valid_count + found.existing_count):
            await cancel_import(session, access, found.id)
    progress(found)
    if not usable:
        raise _useless(found, errors)
    async with database.workspace(access.workspace_id) as session:
        progress(await confirm_import(session, access, found.id))
    more = True
    while more:  # a worker may take steps of its own in between; they take turns
        async with database.workspace(access.workspace_id) as session:
            more = await import_step(session, access, found.id)
            found = await read_import(await raw_connection(session), access.workspace_id, found.id)
        progress(found)
    return found, errors


def _useless(found: Import, errors: list[ImportRow]) -> Invalid:
    told = tuple(FieldError(f"row {each.row}", each.error or "cannot be used") for each in errors[:5])
    return Invalid(
        f"No row of {found.filename} can be used ({found.row_count:,} were read), so nothing was imported. "
        "Is it the right file? A mapping says which column is what.",
        errors=told,
    )


def _content(path: Path, limits: Limits) -> bytes:
    try:
        size = path.stat().st_size
        if size > limits.upload_bytes:
            raise TooLarge(
                f"{path.name} has {size / 2**20:.1f} MB; {limits.upload_bytes / 2**20:.1f} MB are the most. "
                "Split it, or raise TIDINGS_UPLOAD_LIMIT_BYTES."
            )
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.") from error
