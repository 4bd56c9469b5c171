"""Who must not be written to, by address: deleting and re-importing somebody does not opt them in again."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import asyncpg

Source = Literal["keyword", "provider", "api", "dashboard", "import"]


async def opt_out(connection: asyncpg.Connection, workspace_id: UUID, medium: str, address: str, source: Source, detail: str = "") -> bool:  # noqa: PLR0917
    """Stop messages of this medium to this address. False when they were stopped already; the first reason stays."""
    status = await connection.execute(_OPT_OUT, workspace_id, medium, address, source, detail[:500])
    return _count(status) == 1


async def opt_in(connection: asyncpg.Connection, workspace_id: UUID, medium: str, address: str) -> bool:
    """Allow messages of this medium to this address again. False when they were allowed."""
    status = await connection.execute(_OPT_IN, workspace_id, medium, address)
    return _count(status) == 1


async def is_opted_out(connection: asyncpg.Connection, workspace_id: UUID, medium: str, address: str) -> bool:
    """Whether messages of this medium to this address are stopped."""
    return bool(await connection.fetchval(_IS_OUT, workspace_id, medium, address))


_IS_OUT = "SELECT EXISTS (SELECT FROM opt_outs WHERE workspace_id = $1 AND medium = $2 AND address = $3)"
_OPT_OUT = """
    INSERT INTO opt_outs (workspace_id, medium, address, source, detail) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING
"""
_OPT_IN = "DELETE FROM opt_outs WHERE workspace_id = $1 AND medium = $2 AND address = $3"


def _count(status: str) -> int:
    """The number at the end of PostgreSQL's command tag, such as `INSERT 0 1`."""
    return int(status.rsplit(" ", 1)[-1])
