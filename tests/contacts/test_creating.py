"""The contact behind an address: found, or made once however many ask for it at the same moment."""

from __future__ import annotations

import asyncio
from uuid import UUID

from tests.contacts.builders import make_workspace
from tidings.contacts.service import count_contacts, find_or_create_by_address, find_or_create_by_addresses, opt_in, opt_out
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


async def test_many_addresses_at_once_find_whose_they_are_name_the_nameless_and_make_the_rest(database: Database) -> None:
    workspace_id = await make_workspace(database)

    def at(number: int) -> tuple[UUID, str, str]:
        return workspace_id, "telegram", str(700_000 + number)

    async def ask(names: dict[tuple[UUID, str, str], str]) -> dict[tuple[UUID, str, str], UUID]:
        async with database.pool.acquire() as connection, connection.transaction():
            return await find_or_create_by_addresses(connection, names)

    first = await ask({at(1): "", at(2): "Brian"})
    groups = await asyncio.gather(*(ask({at(number): f"Person {number}" for number in range(start, 40)}) for start in (0, 1, 2, 3)))
    together = {point: contact for group in groups for point, contact in group.items()}
    assert all(group.items() <= together.items() for group in groups), "all were told the same"
    assert first.items() <= together.items()
    rows = await database.pool.fetch("SELECT id, name, search_text FROM contacts")
    assert {row["id"] for row in rows} == set(together.values())
    named = {row["id"]: row["name"] for row in rows}
    assert [named[together[at(number)]] for number in range(4)] == ["Person 0", "Person 1", "Brian", "Person 3"]
    assert {row["search_text"] for row in rows if row["name"] == "Person 1"} == {"person 1\n700001"}
