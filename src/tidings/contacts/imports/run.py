"""The second step: confirmed rows become contacts, some thousands in a transaction. Killed at any moment, it goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from tidings.contacts.groups.service import find_or_create_group
from tidings.contacts.imports.models import Import, ImportStatus
from tidings.contacts.imports.queries import SQL, lock_import, read_import
from tidings.contacts.imports.upload import demand_ready, described
from tidings.db.database import raw_connection
from tidings.errors import Conflict
from tidings.jobs.queue import enqueue
from tidings.workspaces.access import Access, system_access
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

RUN_IMPORT: Final = "run_import"
AT_ONCE: Final = 1_000
"""Rows that are imported in the request that confirms them; more of them are left to the worker."""
STEP: Final = 5_000
"""Contacts made in one transaction: about half a second."""


async def confirm_import(session: AsyncSession, access: Access, import_id: UUID) -> Import:
    """Have the valid rows imported. Confirming twice is confirming once."""
    connection = await raw_connection(session)
    found = await lock_import(connection, access.workspace_id, import_id)
    if found.status in {ImportStatus.IMPORTING, ImportStatus.DONE}:
        return found
    demand_ready(found)
    group_id = found.group_id
    if group_id is not None and found.group_name is None:
        raise Conflict("The group that the contacts were to join was deleted meanwhile. Choose another one; nothing was imported.")
    if group_id is None and found.group_name:
        group_id = (await find_or_create_group(session, access, found.group_name)).id
    await connection.execute(SQL.start, access.workspace_id, import_id, group_id)
    await record(session, access, "import.confirmed", "import", import_id, before=described(found))
    if found.valid_count + found.existing_count <= AT_ONCE:
        while await import_step(session, access, import_id):
            pass
    else:
        await enqueue_run(session, access.workspace_id, import_id)
    return await read_import(connection, access.workspace_id, import_id)


async def cancel_import(session: AsyncSession, access: Access, import_id: UUID) -> Import:
    """Stop an import for good. Contacts that it has made already stay."""
    connection = await raw_connection(session)
    found = await lock_import(connection, access.workspace_id, import_id)
    if found.status is ImportStatus.CANCELLED:
        return found
    if found.status is not ImportStatus.IMPORTING:
        demand_ready(found)
    await connection.execute(SQL.finish, access.workspace_id, import_id, ImportStatus.CANCELLED)
    await connection.execute(SQL.forget_file, access.workspace_id, import_id)
    after = await read_import(connection, access.workspace_id, import_id)
    await record(session, access, "import.cancelled", "import", import_id, before=described(found), after=described(after))
    return after


async def import_step(session: AsyncSession, access: Access, import_id: UUID) -> bool:
    """Make the next contacts, or finish. False when nothing is left to do; running it again then changes nothing."""
    connection = await raw_connection(session)
    found = await lock_import(connection, access.workspace_id, import_id)
    if found.status is not ImportStatus.IMPORTING:
        return False
    until = await connection.fetchval(SQL.next_rows, access.workspace_id, import_id, found.done_row, STEP)
    if until is not None:
        await _make_contacts(connection, access.workspace_id, found, until)
        return True
    await connection.execute(SQL.finish, access.workspace_id, import_id, ImportStatus.DONE)
    await connection.execute(SQL.forget_file, access.workspace_id, import_id)
    done = await read_import(connection, access.workspace_id, import_id)
    await record(session, system_access(access.workspace_id, "import"), "import.finished", "import", import_id, after=described(done))
    return False


async def _make_contacts(connection: asyncpg.Connection, workspace_id: UUID, found: Import, until: int) -> None:
    await connection.execute(SQL.make_step)
    await connection.execute(SQL.fill_step, workspace_id, found.id, found.done_row, until, STEP)
    await connection.execute("ANALYZE import_step")
    await connection.execute(SQL.make_contacts, workspace_id, found.id, until)
    if found.group_id is not None and found.group_name is not None:  # without a name it was deleted since
        await connection.execute(SQL.join_group, workspace_id, found.group_id)
    await connection.execute(SQL.drop_step)


async def enqueue_run(session: AsyncSession, workspace_id: UUID, import_id: UUID) -> None:
    """Have the worker run an import, once at a time."""
    payload = {"workspace_id": str(workspace_id), "import_id": str(import_id)}
    await enqueue(session, RUN_IMPORT, payload, dedupe_key=f"{RUN_IMPORT}:{import_id}")
