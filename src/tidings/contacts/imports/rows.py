"""Rows of an import: listed, and corrected by hand before it is confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tidings.contacts.imports import queries
from tidings.contacts.imports.models import ImportRow, Verdict
from tidings.contacts.imports.queries import SQL
from tidings.contacts.imports.reading.verdicts import judge
from tidings.contacts.imports.upload import demand_ready
from tidings.contacts.rules import clean_name
from tidings.contacts.workspace_region import default_region
from tidings.db.database import raw_connection
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access


async def list_rows(
    session: AsyncSession, access: Access, import_id: UUID, *, verdict: Verdict | None = None, after: int = 0, limit: int = 50
) -> list[ImportRow]:
    """Rows in the order of the sheet, after row `after`. Raises NotFound."""
    connection = await raw_connection(session)
    await queries.read_import(connection, access.workspace_id, import_id)
    return await queries.read_rows(connection, access.workspace_id, import_id, verdict=verdict, after=after, limit=limit)


async def correct_row(
    session: AsyncSession, access: Access, import_id: UUID, number: int, *, name: str | None = None, phone: str | None = None
) -> ImportRow:
    """Put another name or number in a row and judge it anew, with the rows that had or have the same number."""
    connection = await raw_connection(session)
    demand_ready(await queries.lock_import(connection, access.workspace_id, import_id))
    before = await queries.read_row(connection, access.workspace_id, import_id, number)
    region = await default_region(connection, access.workspace_id)
    new_name = before.name if name is None else clean_name(name)
    found = judge(
        new_name, before.raw_phone if phone is None else phone.strip(), region, timezone=before.timezone or "" if phone is None else ""
    )
    await connection.execute(
        SQL.correct_row, access.workspace_id, import_id, number, found.name, found.raw_phone, found.address, found.timezone, found.error
    )
    numbers = [address for address in (before.address, found.address) if address]
    await connection.execute(SQL.judge_numbers, access.workspace_id, import_id, numbers)
    await connection.execute(SQL.count_verdicts, access.workspace_id, import_id)
    after = await queries.read_row(connection, access.workspace_id, import_id, number)
    await record(session, access, "import.row_corrected", "import", import_id, before=_described(before), after=_described(after))
    return after


def _described(row: ImportRow) -> dict[str, object]:
    return {"row": row.row, "name": row.name, "phone": row.raw_phone, "verdict": row.verdict}
