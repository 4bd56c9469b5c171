"""What the worker does for imports."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.contacts.imports.queries import SQL
from tidings.contacts.imports.run import RUN_IMPORT, enqueue_run, import_step
from tidings.db.database import raw_connection
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    from tidings.db.database import Database


class RunImport(msgspec.Struct, frozen=True, kw_only=True):
    """Which import to carry out."""

    workspace_id: UUID
    import_id: UUID


async def run_import(database: Database, payload: RunImport) -> None:
    """Carry a confirmed import out to its end, a step in a transaction."""
    access = system_access(payload.workspace_id, "import")
    more = True
    while more:
        async with database.workspace(payload.workspace_id) as session:
            more = await import_step(session, access, payload.import_id)


async def resume_imports(database: Database) -> None:
    """Have every confirmed import run that does not: for those whose job was lost with the database's connection."""
    async with database.system() as session:
        connection = await raw_connection(session)
        for row in await connection.fetch(SQL.running):
            await enqueue_run(session, row["workspace_id"], row["id"])


JOBS = ((RUN_IMPORT, RunImport, run_import),)
