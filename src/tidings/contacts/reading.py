"""Contacts as they are: one, some, a page of a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.contacts.models import Contact, ContactPoint
from tidings.contacts.search import Filters, find_contacts
from tidings.contacts.workspace_region import default_region
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.errors import NotFound

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

SQL = NamedSql("tidings.contacts", "queries.sql")


async def list_contacts(
    session: AsyncSession, access: Access, filters: Filters, *, cursor: str | None = None, limit: int = 50
) -> tuple[list[Contact], str | None]:
    """A page of contacts and the cursor of the next; see search.py for their order. Raises NotFound for an unknown group."""
    connection = await raw_connection(session)
    if filters.group_id is not None:
        await _demand_group(connection, access.workspace_id, filters.group_id)
    region = await default_region(connection, access.workspace_id)
    ids, following = await find_contacts(session, access.workspace_id, filters, region=region, cursor=cursor, limit=limit)
    return await read_contacts(connection, access.workspace_id, ids), following


async def get_contact(session: AsyncSession, access: Access, contact_id: UUID) -> Contact:
    """Raises NotFound."""
    return await read_contact(await raw_connection(session), access.workspace_id, contact_id)


async def get_contacts(session: AsyncSession, access: Access, contact_ids: Sequence[UUID]) -> list[Contact]:
    """Those of these contacts that exist."""
    return await read_contacts(await raw_connection(session), access.workspace_id, contact_ids)


async def groups_of_contact(session: AsyncSession, access: Access, contact_id: UUID) -> list[tuple[UUID, str]]:
    """The groups it is in: their ids and names."""
    connection = await raw_connection(session)
    return [(row["id"], row["name"]) for row in await connection.fetch(SQL.groups_of, access.workspace_id, contact_id)]


async def count_contacts(session: AsyncSession, workspace_id: UUID) -> int:
    """How many contacts the workspace has; never counted, always known."""
    connection = await raw_connection(session)
    return int(await connection.fetchval(SQL.count, workspace_id))


async def read_contact(connection: asyncpg.Connection, workspace_id: UUID, contact_id: UUID) -> Contact:
    """Raises NotFound."""
    found = await read_contacts(connection, workspace_id, [contact_id])
    if not found:
        raise NotFound("There is no such contact in this workspace.")
    return found[0]


async def read_contacts(connection: asyncpg.Connection, workspace_id: UUID, contact_ids: Sequence[UUID]) -> list[Contact]:
    """Those that exist, in the order they are asked for."""
    if not contact_ids:
        return []
    found: dict[UUID, tuple[asyncpg.Record, list[ContactPoint]]] = {}
    for row in await connection.fetch(SQL.contacts, workspace_id, list(contact_ids)):
        points = found.setdefault(row["id"], (row, []))[1]
        if row["point_id"] is not None:
            points.append(
                ContactPoint(
                    id=row["point_id"],
                    medium=row["medium"],
                    address=row["address"],
                    opted_out_at=row["opted_out_at"],
                    opt_out_source=row["opt_out_source"],
                )
            )
    return [_contact(row, points) for row, points in found.values()]


def _contact(row: asyncpg.Record, points: list[ContactPoint]) -> Contact:
    return Contact(
        id=row["id"], name=row["name"], locale=row["locale"], timezone=row["timezone"],
        attributes=msgspec.json.decode(row["attributes"]), points=tuple(points),
        created_at=row["created_at"], updated_at=row["updated_at"],
    )  # fmt: skip


async def _demand_group(connection: asyncpg.Connection, workspace_id: UUID, group_id: UUID) -> None:
    if not await connection.fetchval("SELECT true FROM groups WHERE workspace_id = $1 AND id = $2", workspace_id, group_id):
        raise NotFound("There is no such group in this workspace.")
