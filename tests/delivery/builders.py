"""Rows for the engine's tests, written straight into the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from tidings.core.ids import new_id


@dataclass(frozen=True)
class Place:
    """A workspace with one channel."""

    workspace_id: UUID
    channel_id: UUID


async def place(connection: asyncpg.Connection, provider: str = "sandbox") -> Place:
    made = Place(new_id(), new_id())
    await connection.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", made.workspace_id)
    await connection.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token) VALUES ($1, $2, $3, $4, 'sms', '', $5)",
        made.workspace_id, made.channel_id, f"Channel {made.channel_id}", provider, str(made.channel_id),
    )  # fmt: skip
    return made


async def campaign(connection: asyncpg.Connection, at: Place, text: str = "Hello") -> UUID:
    """A launched campaign whose messages the caller writes."""
    campaign_id = new_id()
    await connection.execute(
        "INSERT INTO campaigns (workspace_id, id, name, text, channel_id, audience, status, launched_at, fanned_out_at) "
        "VALUES ($1, $2, 'Sale', $3, $4, '{}', 'sending', now(), now())",
        at.workspace_id, campaign_id, text, at.channel_id,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO message_contents (workspace_id, source_id, text) VALUES ($1, $2, $3)", at.workspace_id, campaign_id, text
    )
    return campaign_id


async def messages(
    connection: asyncpg.Connection,
    at: Place,
    count: int,
    *,
    campaign_id: UUID | None = None,
    delivery: str = "at_most_once",
    priority: int = 2,
    status: str = "queued",
    due_in: str = "-1 second",
    text: str | None = "Hello",
    prefix: str = "+2547",
) -> list[UUID]:
    """Waiting messages to numbers of their own."""
    ids = [new_id() for _ in range(count)]
    await connection.execute(
        "INSERT INTO messages (workspace_id, id, campaign_id, channel_id, medium, address, text, delivery, priority, status, due_at) "
        "SELECT $1, id, $3, $2, 'sms', $8 || lpad(n::text, 8, '0'), $4, $5, $6, $7, now() + $9::text::interval "
        "FROM unnest($10::uuid[]) WITH ORDINALITY AS u (id, n)",
        at.workspace_id, at.channel_id, campaign_id, text, delivery, priority, status, prefix, due_in, ids,
    )  # fmt: skip
    if campaign_id is not None:
        await connection.execute("UPDATE campaigns SET accepted = accepted + $2 WHERE id = $1", campaign_id, count)
    return ids


async def statuses(connection: asyncpg.Connection, ids: Sequence[UUID]) -> dict[str, int]:
    rows = await connection.fetch("SELECT status, count(*)::int AS n FROM messages WHERE id = ANY($1) GROUP BY 1", list(ids))
    return {row["status"]: row["n"] for row in rows}


async def counted(connection: asyncpg.Connection, campaign_id: UUID) -> dict[str, int]:
    """The campaign's counters as pages read them."""
    rows = await connection.fetch(
        "SELECT status, sum(n)::int AS n FROM campaign_counts WHERE campaign_id = $1 GROUP BY 1 HAVING sum(n) <> 0", campaign_id
    )
    return {row["status"]: row["n"] for row in rows}
