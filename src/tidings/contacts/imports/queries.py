"""Reads imports and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.contacts.imports.models import Import, ImportRow, ImportStatus, Verdict
from tidings.db.sql import NamedSql
from tidings.errors import NotFound

if TYPE_CHECKING:
    import asyncpg

SQL = NamedSql("tidings.contacts.imports", "queries.sql")


async def read_import(connection: asyncpg.Connection, workspace_id: UUID, import_id: UUID) -> Import:
    """Raises NotFound."""
    record = await connection.fetchrow(SQL.one, workspace_id, import_id)
    if record is None:
        raise missing()
    return _import(record)


async def read_imports(connection: asyncpg.Connection, workspace_id: UUID, before: UUID, limit: int) -> list[Import]:
    """The newest first."""
    return [_import(record) for record in await connection.fetch(SQL.page, workspace_id, before, limit)]


async def lock_import(connection: asyncpg.Connection, workspace_id: UUID, import_id: UUID) -> Import:
    """Hold an import until this transaction ends, so that nobody else changes it. Raises NotFound."""
    if await connection.fetchval(SQL.lock, workspace_id, import_id) is None:
        raise missing()
    return await read_import(connection, workspace_id, import_id)


async def read_rows(
    connection: asyncpg.Connection, workspace_id: UUID, import_id: UUID, *, verdict: Verdict | None, after: int, limit: int
) -> list[ImportRow]:
    """Rows in the order of the sheet."""
    return [_row(record) for record in await connection.fetch(SQL.rows, workspace_id, import_id, after, verdict, limit)]


async def read_row(connection: asyncpg.Connection, workspace_id: UUID, import_id: UUID, number: int) -> ImportRow:
    """Raises NotFound."""
    record = await connection.fetchrow(SQL.row, workspace_id, import_id, number)
    if record is None:
        raise NotFound(f"The import has no row {number}.")
    return _row(record)


def missing() -> NotFound:
    """No such import here."""
    return NotFound("There is no such import in this workspace.")


def _import(record: asyncpg.Record) -> Import:
    values = dict(record)
    values["columns"] = msgspec.json.decode(values.pop("sheet")).get("columns", [])
    values["mapping"] = msgspec.json.decode(values["mapping"])
    values["status"] = ImportStatus(values["status"])
    return Import(**values)


def _row(record: asyncpg.Record) -> ImportRow:
    values = dict(record)
    values["attributes"] = msgspec.json.decode(values["attributes"])
    values["verdict"] = Verdict(values["verdict"])
    return ImportRow(**values)
