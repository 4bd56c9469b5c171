"""The country whose habits a workspace's numbers are read with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import asyncpg


async def default_region(connection: asyncpg.Connection, workspace_id: UUID) -> str:
    """ISO 3166, such as "KE"."""
    return str(await connection.fetchval("SELECT default_region FROM workspaces WHERE id = $1", workspace_id))
