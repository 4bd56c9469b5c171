"""At which address each contact is reached on each medium, for whoever chooses among channels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import asyncpg

PREFERRED_MEDIUM = "preferred_medium"
"""The attribute by which a contact says how they like to be written to."""
ContactKey = tuple[UUID, UUID]
"""Workspace and contact."""


@dataclass(slots=True)
class Reach:
    """A contact's ways."""

    preferred: str | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    """The first address of each medium."""


_REACH = f"""
    SELECT c.workspace_id, c.id, c.attributes ->> '{PREFERRED_MEDIUM}' AS preferred, p.medium, p.address
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (workspace_id, id)
    JOIN contacts c ON c.workspace_id = wanted.workspace_id AND c.id = wanted.id
    LEFT JOIN contact_points p ON p.workspace_id = c.workspace_id AND p.contact_id = c.id
    ORDER BY p.id
"""


async def read_reach(connection: asyncpg.Connection, contacts: Collection[ContactKey]) -> dict[ContactKey, Reach]:
    """The ways of each of these contacts that exist."""
    found: dict[ContactKey, Reach] = {}
    if not contacts:
        return found
    workspaces, ids = (list(column) for column in zip(*set(contacts), strict=True))
    for row in await connection.fetch(_REACH, workspaces, ids):
        reach = found.setdefault((row["workspace_id"], row["id"]), Reach(preferred=row["preferred"]))
        if row["medium"] is not None:
            reach.addresses.setdefault(row["medium"], row["address"])
    return found
