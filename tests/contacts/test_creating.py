"""The contact behind an address: found, or made once however many ask for it at the same moment."""

from __future__ import annotations

import asyncio
from uuid import UUID

from tests.contacts.builders import make_workspace
from tidings.contacts.service import count_contacts, find_or_create_by_address, opt_in, opt_out
from tidings.db.database import Database


async def test_of_ten_at_once_one_contact_is_made(database: Database) -> None:
    workspace_id = await make_workspace(database)

    async def ask() -> UUID:
        async with database.pool.acquire() as connection, connection.transaction():
            found = await find_or_create_by_address(connection, workspace_id, "sms", "+254712345678", "Amina")
            await asyncio.sleep(0.01)
            return found

    assert len(set(await asyncio.gather(*(ask() for _ in range(10))))) == 1
    rows = await database.pool.fetch("SELECT name, timezone, search_text FROM contacts")
    assert [tuple(row) for row in rows] == [("Amina", "Africa/Nairobi", "amina\n+254712345678")]
    async with database.workspace(workspace_id) as session:
        assert await count_contacts(session, workspace_id) == 1


async def test_an_opt_out_is_written_once_with_its_first_reason(database: Database) -> None:
    workspace_id = await make_workspace(database)
    async with database.pool.acquire() as connection:
        assert await opt_out(connection, workspace_id, "sms", "+254712345678", "keyword", "STOP")
        assert not await opt_out(connection, workspace_id, "sms", "+254712345678", "api", "again")
        assert await connection.fetchval("SELECT source || ' ' || detail FROM opt_outs") == "keyword STOP"
        assert await opt_in(connection, workspace_id, "sms", "+254712345678")
        assert not await opt_in(connection, workspace_id, "sms", "+254712345678")
