"""What a benchmark starts from, written straight into the tables where that saves minutes: people, and the workspace they are in."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from bench.traffic import FIRST_NAMES, address, sid
from tidings.core.ids import new_id
from tidings.db.database import Database


async def add_workspace(database: Database) -> UUID:
    """A workspace of its own."""
    workspace_id = new_id()
    await database.pool.execute(
        "INSERT INTO workspaces (id, name, timezone, default_region) VALUES ($1, 'Bench', 'Africa/Nairobi', 'KE')", workspace_id
    )
    return workspace_id


async def add_people(database: Database, workspace_id: UUID, count: int) -> None:
    """`count` contacts with a number each (traffic.address), and statistics as autovacuum would have made them."""
    async with database.pool.acquire() as connection:
        await connection.execute(_PEOPLE, workspace_id, count, list(FIRST_NAMES), timeout=900)
    await as_owner(database.url, "VACUUM (ANALYZE) contacts, contact_points")


async def as_owner(url: str, statement: str) -> None:
    """Run one statement with the tables' owner's rights."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, timeout=1800)
    finally:
        await connection.close()


_PEOPLE = """
    WITH person AS MATERIALIZED (
        SELECT n, new_id() AS id FROM generate_series(0, $2::int - 1) AS n
    ), contact AS (
        INSERT INTO contacts (workspace_id, id, name, locale, timezone)
        SELECT $1, id, ($3::text[])[1 + n % 8] || ' Person' || n, 'en', 'Africa/Nairobi' FROM person
    )
    INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
    SELECT $1, new_id(), id, 'sms', '+2547' || lpad(n::text, 8, '0') FROM person
"""


async def add_sent_messages(database: Database, workspace_id: UUID, channel_id: UUID, count: int) -> list[UUID]:
    """Single messages that a provider has taken (their provider ids: traffic.sid) and not yet told of; their ids in order."""
    ids = [new_id() for _ in range(count)]
    async with database.pool.acquire() as connection:
        await connection.execute(
            _SENT, workspace_id, channel_id, ids, [address(n) for n in range(count)], [sid(n) for n in range(count)], timeout=900
        )
    await as_owner(database.url, "VACUUM (ANALYZE) messages")
    return ids


_SENT = """
    INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, attempt, claimed_at, sent_at, settled_at,
                          provider_message_id)
    SELECT $1, m.id, $2, 'sms', m.address, 'Your order is ready.', 'sent', 1, now(), now(), now(), m.sid
    FROM unnest($3::uuid[], $4::text[], $5::text[]) AS m (id, address, sid)
"""
