"""The contacts behind addresses that write to us: found, or made where there is none. Hundreds at once cost no more statements than one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tidings.contacts.reading import SQL
from tidings.contacts.rules import clean_name
from tidings.core.addresses import is_phone
from tidings.core.ids import new_id
from tidings.core.phone import guess_timezone
from tidings.errors import Conflict

if TYPE_CHECKING:
    import asyncpg

Point = tuple[UUID, str, str]
"""Workspace, medium, and an address in its final form."""
_LOOKS: Final = 3


async def find_or_create_by_addresses(connection: asyncpg.Connection, names: Mapping[Point, str]) -> dict[Point, UUID]:
    """The contact with each of these addresses, made when there is none.

    One that has no name yet is called by the name given here.
    """
    named = {point: clean_name(name[:200]) for point, name in names.items()}
    contacts: dict[Point, UUID] = {}
    for _ in range(_LOOKS):  # between two looks one may be made or deleted by others, hardly three times
        missing = sorted(named.keys() - contacts.keys())
        if not missing:
            break
        contacts |= await _find(connection, missing, named)
        contacts |= await _create(connection, [point for point in missing if point not in contacts], named)
    if len(contacts) < len(named):
        raise Conflict("The contact was made and deleted by others at the same moment. Try again.")
    return contacts


async def find_or_create_by_address(connection: asyncpg.Connection, workspace_id: UUID, medium: str, address: str, name: str = "") -> UUID:
    """The same for one address."""
    (contact_id,) = (await find_or_create_by_addresses(connection, {(workspace_id, medium, address): name})).values()
    return contact_id


async def _find(connection: asyncpg.Connection, points: list[Point], names: Mapping[Point, str]) -> dict[Point, UUID]:
    rows = await connection.fetch(SQL.find_by_addresses, *_columns(points))
    found = {(row["workspace_id"], row["medium"], row["address"]): row for row in rows}
    # In the order of their ids, so that no two transactions can wait for each other.
    nameless = sorted({(row["workspace_id"], row["contact_id"]): names[point] for point, row in found.items() if row["nameless"] and names[point]}.items())  # fmt: skip
    if nameless:
        keys, given = zip(*nameless, strict=True)
        await connection.execute(SQL.name_nameless, [key[0] for key in keys], [key[1] for key in keys], list(given))
    return {point: row["contact_id"] for point, row in found.items()}


async def _create(connection: asyncpg.Connection, points: list[Point], names: Mapping[Point, str]) -> dict[Point, UUID]:
    if not points:
        return {}
    rows = await connection.fetch(
        SQL.create_by_addresses, *_columns(points), [new_id() for _ in points], [new_id() for _ in points],
        [names[point] for point in points], [guess_timezone(point[2]) if is_phone(point[1], point[2]) else None for point in points],
    )  # fmt: skip
    return {(row["workspace_id"], row["medium"], row["address"]): row["contact_id"] for row in rows}


def _columns(points: list[Point]) -> list[list[UUID] | list[str]]:
    return [[point[0] for point in points], [point[1] for point in points], [point[2] for point in points]]
