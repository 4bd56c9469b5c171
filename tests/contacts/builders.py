"""Rows for the contact tests, written straight into the tables."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from tidings.core.ids import new_id
from tidings.db.database import Database


async def make_workspace(database: Database, *, region: str = "KE", name: str = "Acme") -> UUID:
    """A workspace of its own."""
    workspace_id = new_id()
    await database.pool.execute("INSERT INTO workspaces (id, name, default_region) VALUES ($1, $2, $3)", workspace_id, name, region)
    return workspace_id


async def make_contact(pool: asyncpg.Pool, workspace_id: UUID, name: str, *addresses: str, medium: str = "sms") -> UUID:
    """A contact with these addresses."""
    contact_id = new_id()
    await pool.execute("INSERT INTO contacts (workspace_id, id, name) VALUES ($1, $2, $3)", workspace_id, contact_id, name)
    for address in addresses:
        await pool.execute(
            "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, $4, $5)",
            workspace_id, new_id(), contact_id, medium, address,
        )  # fmt: skip
    return contact_id


async def make_group(pool: asyncpg.Pool, workspace_id: UUID, name: str, *contact_ids: UUID) -> UUID:
    """A group with these contacts in it."""
    group_id = new_id()
    await pool.execute("INSERT INTO groups (workspace_id, id, name) VALUES ($1, $2, $3)", workspace_id, group_id, name)
    await pool.executemany(
        "INSERT INTO group_members (workspace_id, group_id, contact_id) VALUES ($1, $2, $3)",
        [(workspace_id, group_id, contact_id) for contact_id in contact_ids],
    )
    return group_id
