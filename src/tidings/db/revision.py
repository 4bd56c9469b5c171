"""Which schema this version needs, and whether a database has it. Apart from the migrations, so that asking costs next to nothing."""

from __future__ import annotations

import asyncpg

from tidings.db.urls import asyncpg_url

NEEDED = "0001"
"""The newest revision in migrations/versions; a test holds the two together."""


async def pending_revision(url: str) -> str | None:
    """The revision this version needs and the database lacks; None when it is up to date."""
    connection = await asyncpg.connect(asyncpg_url(url), timeout=30)
    try:
        known = await connection.fetchval("SELECT to_regclass('alembic_version')")
        current = await connection.fetchval("SELECT version_num FROM alembic_version") if known else None
    finally:
        await connection.close()
    return None if current == NEEDED else NEEDED
