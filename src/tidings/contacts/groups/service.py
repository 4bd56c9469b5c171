"""What may be done with groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg

from tidings.contacts.fragments import escape_like
from tidings.contacts.groups.models import Group
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import new_id, show_id
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.errors import Conflict, FieldError, Invalid, NotFound
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

_SQL = NamedSql("tidings.contacts.groups", "queries.sql")
_NIL: Final = UUID(int=0)
NAME_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 2000
AT_ONCE: Final = 10_000
"""Contacts that are added or removed in one call."""


async def create_group(session: AsyncSession, access: Access, name: str, description: str = "") -> Group:
    """Make an empty group. Raises Conflict when the name is taken."""
    connection = await raw_connection(session)
    name, description = _clean(name, description)
    made = await connection.fetchval(_SQL.add, access.workspace_id, new_id(), name, description, access.actor_label)
    if made is None:
        raise _taken(await _by_name(connection, access.workspace_id, name), name)
    group = await _read(connection, access.workspace_id, made)
    await record(session, access, "group.created", "group", group.id, after=_described(group))
    return group


async def find_or_create_group(session: AsyncSession, access: Access, name: str) -> Group:
    """The group of this name, made when there is none."""
    connection = await raw_connection(session)
    cleaned, _ = _clean(name, "")
    found = await _by_name(connection, access.workspace_id, cleaned)
    if found is not None:
        return found
    try:
        return await create_group(session, access, cleaned)
    except Conflict:  # somebody made it since; no error of the database, so the transaction lives
        found = await _by_name(connection, access.workspace_id, cleaned)
        if found is None:
            raise
        return found


async def get_group(session: AsyncSession, access: Access, group_id: UUID) -> Group:
    """Raises NotFound."""
    return await _read(await raw_connection(session), access.workspace_id, group_id)


async def list_groups(
    session: AsyncSession, access: Access, *, search: str = "", cursor: str | None = None, limit: int = 50
) -> tuple[list[Group], str | None]:
    """Groups in the order of their names, and the cursor of the next page."""
    key, after = read_cursor(cursor, tuple[str, UUID]) if cursor else ("", _NIL)
    if "\0" in key + search:
        raise Invalid("A search cannot hold NUL characters.")
    pattern = escape_like(search.strip()) or None
    connection = await raw_connection(session)
    rows = await connection.fetch(_SQL.page, access.workspace_id, key, after, pattern, limit + 1)
    found = [Group(**{name: value for name, value in row.items() if name != "key"}) for row in rows[:limit]]
    return found, write_cursor(rows[limit - 1]["key"], rows[limit - 1]["id"]) if len(rows) > limit else None


async def change_group(
    session: AsyncSession, access: Access, group_id: UUID, *, name: str | None = None, description: str | None = None
) -> Group:
    """Rename or describe a group. Raises Conflict when the new name is taken."""
    connection = await raw_connection(session)
    before = await _read(connection, access.workspace_id, group_id)
    new_name, new_description = _clean(before.name if name is None else name, before.description if description is None else description)
    try:
        async with connection.transaction():
            await connection.execute(_SQL.change, access.workspace_id, group_id, new_name, new_description)
    except asyncpg.UniqueViolationError as error:
        raise _taken(await _by_name(connection, access.workspace_id, new_name), new_name) from error
    after = await _read(connection, access.workspace_id, group_id)
    await record(session, access, "group.changed", "group", group_id, before=_described(before), after=_described(after))
    return after


async def delete_group(session: AsyncSession, access: Access, group_id: UUID) -> None:
    """Delete a group; its contacts stay."""
    connection = await raw_connection(session)
    before = await _read(connection, access.workspace_id, group_id)
    await connection.execute(_SQL.remove, access.workspace_id, group_id)
    await record(session, access, "group.deleted", "group", group_id, before=_described(before))


async def add_contacts(session: AsyncSession, access: Access, group_id: UUID, contact_ids: Sequence[UUID]) -> int:
    """Put contacts in a group and say how many were not in it before. Raises Invalid when one does not exist."""
    connection = await raw_connection(session)
    group = await _read(connection, access.workspace_id, group_id)
    _check_count(contact_ids)
    unknown = await connection.fetch(_SQL.unknown_contacts, access.workspace_id, list(contact_ids))
    if unknown:
        raise Invalid(
            "Some of the contacts do not exist (any more); none was added.",
            errors=tuple(FieldError("contacts", f"{show_id('con', row['id'])} is not in this workspace") for row in unknown),
        )
    added = _count(await connection.execute(_SQL.add_contacts, access.workspace_id, group_id, list(contact_ids)))
    await _note(session, access, "group.contacts_added", group, contact_ids, added)
    return added


async def remove_contacts(session: AsyncSession, access: Access, group_id: UUID, contact_ids: Sequence[UUID]) -> int:
    """Take contacts out of a group and say how many were in it."""
    connection = await raw_connection(session)
    group = await _read(connection, access.workspace_id, group_id)
    _check_count(contact_ids)
    removed = _count(await connection.execute(_SQL.remove_contacts, access.workspace_id, group_id, list(contact_ids)))
    await _note(session, access, "group.contacts_removed", group, contact_ids, removed)
    return removed


async def _read(connection: asyncpg.Connection, workspace_id: UUID, group_id: UUID) -> Group:
    row = await connection.fetchrow(_SQL.one, workspace_id, group_id)
    if row is None:
        raise NotFound("There is no such group in this workspace.")
    return Group(**row)


async def _by_name(connection: asyncpg.Connection, workspace_id: UUID, name: str) -> Group | None:
    row = await connection.fetchrow(_SQL.by_name, workspace_id, name)
    return Group(**row) if row else None


def _taken(group: Group | None, name: str) -> Conflict:
    which = f" by {show_id('grp', group.id)}" if group else ""
    return Conflict(
        f"There is a group named “{name}” already. Nothing was changed.",
        errors=(FieldError("name", f"is taken{which}"),), code="group_exists",
    )  # fmt: skip


def _clean(name: str, description: str) -> tuple[str, str]:
    name, description = " ".join(name.split()), description.strip()
    if not 1 <= len(name) <= NAME_LENGTH:
        raise Invalid(f"A group's name has 1 to {NAME_LENGTH} characters.", errors=(FieldError("name", "is empty or too long"),))
    if len(description) > DESCRIPTION_LENGTH:
        raise Invalid(
            f"A group's description has {DESCRIPTION_LENGTH} characters at most.", errors=(FieldError("description", "is too long"),)
        )
    return name, description


def _check_count(contact_ids: Sequence[UUID]) -> None:
    if len(contact_ids) > AT_ONCE:
        raise Invalid(
            f"{len(contact_ids):,} contacts are too many for one call; {AT_ONCE:,} are the most.",
            errors=(FieldError("contacts", "is too long"),),
        )


async def _note(session: AsyncSession, access: Access, action: str, group: Group, contact_ids: Sequence[UUID], count: int) -> None:  # noqa: PLR0917
    """A change of members in the audit log; of many contacts only the first hundred by name."""
    if count:
        shown = [show_id("con", one) for one in contact_ids[:100]]
        after = {"group": group.name, "count": count, "contacts": shown}
        await record(session, access, action, "group", group.id, after=after)


def _described(group: Group) -> dict[str, object]:
    return {"name": group.name, "description": group.description, "contact_count": group.contact_count}


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
