"""Deletes files that nothing has used for long, and removes the bytes of deleted ones from the storage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from tidings.core.ids import show_id
from tidings.errors import TidingsError
from tidings.files.service import SQL
from tidings.files.storage import Key

if TYPE_CHECKING:
    import asyncpg

    from tidings.files.storage import Storage

log = structlog.get_logger(__name__)

AT_ONCE = 500
"""Files of one turn: the next turn goes on."""
GRACE = timedelta(hours=1)
"""A deleted file's bytes stay so long, for a provider that is just fetching them."""


async def prune_files(pool: asyncpg.Pool, storage: Storage, unused_for: timedelta) -> None:
    """Once through. What the storage does not let go of now is tried again at the next turn."""
    async with pool.acquire() as connection:
        for row in await connection.fetch(SQL.unused, unused_for, AT_ONCE):
            await _delete_unused(connection, row)
        removed = 0
        while removed < AT_ONCE and await _remove_one(connection, storage):
            removed += 1
    if removed:
        log.info("files_removed", count=removed)


async def _delete_unused(connection: asyncpg.Connection, row: asyncpg.Record) -> None:
    key = row["workspace_id"], row["id"]
    async with connection.transaction():
        if not await connection.fetchval(SQL.lock, *key):
            return
        used = await connection.fetchrow(SQL.uses, *key, show_id("med", row["id"]))
        if used["messages"] or used["campaigns"]:
            await connection.execute(SQL.note_use, *key)
        else:
            await connection.execute(SQL.delete, *key)


async def _remove_one(connection: asyncpg.Connection, storage: Storage) -> bool:
    """The row is locked while its bytes go: whoever uploads the same ones now waits, and then brings them anew."""
    async with connection.transaction():
        row = await connection.fetchrow(SQL.to_remove, GRACE)
        if row is None:
            return False
        try:
            await storage.remove(Key(row["workspace_id"], row["sha256"]))
        except TidingsError as error:
            log.warning("file_not_removed", file_id=str(row["id"]), error=error.detail)
            return False
        await connection.execute(SQL.forget, row["workspace_id"], row["id"])
    return True
