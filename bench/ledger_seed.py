"""A ledger of millions of messages, as 27 days of a busy workspace leave it behind."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from tidings.core.ids import new_id
from tidings.db.urls import asyncpg_url

CHUNK = 250_000
PER_CAMPAIGN = 90_000
MOST_PEOPLE = 100_000


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is in it."""

    campaigns: list[UUID]
    waiting: UUID
    """The campaign that has just been fanned out."""


async def add_people(url: str, workspace_id: UUID, count: int) -> None:
    """Those whom a ledger of `count` messages went to; the n-th has the id `md5('contact' || n)`."""
    async with _owner(url) as connection:
        await connection.execute(_PEOPLE, workspace_id, min(count, MOST_PEOPLE))


async def add_history(url: str, workspace_id: UUID, channels: list[UUID], count: int) -> list[UUID]:
    """Messages with their attempts that have come to their end, a tenth of them sent on their own; the campaigns' ids."""
    campaigns = [new_id() for _ in range(max(1, -(-count // PER_CAMPAIGN)))]
    async with _owner(url) as connection:
        await connection.execute(_CAMPAIGNS, workspace_id, campaigns, channels[0], "done")
        for low in range(0, count, CHUNK):
            high = min(low + CHUNK, count)
            arguments = (workspace_id, campaigns, channels, low, high, count, PER_CAMPAIGN, min(count, MOST_PEOPLE))
            await connection.execute(_HISTORY, *arguments, timeout=1800)
        await connection.execute(_ATTEMPTS, timeout=3600)
    return campaigns


async def add_waiting(url: str, workspace_id: UUID, channel_id: UUID, others: list[UUID], count: int) -> UUID:
    """A campaign of `count` messages to go, as a fan-out leaves it; and a little for every other channel."""
    campaign_id = new_id()
    async with _owner(url) as connection:
        await connection.execute(_CAMPAIGNS, workspace_id, [campaign_id], channel_id, "sending")
        for low in range(0, count, CHUNK):
            await connection.execute(
                _WAITING, workspace_id, campaign_id, channel_id, low, min(low + CHUNK, count), min(count, MOST_PEOPLE), timeout=1800
            )
        await connection.execute(_OTHERS, workspace_id, others)
    return campaign_id


async def vacuum(url: str) -> None:
    """What autovacuum would have done by now."""
    await run_as_owner(url, "VACUUM (ANALYZE)")


async def set_autovacuum(url: str, *, enabled: bool) -> None:
    """On the ledger's partitions, so that a state that is being measured stays as it is."""
    async with _owner(url) as connection:
        for row in await connection.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'messages'::regclass"
        ):
            await connection.execute(f"ALTER TABLE {row['name']} SET (autovacuum_enabled = {str(enabled).lower()})")


async def run_as_owner(url: str, statement: str) -> None:
    """One statement, with the tables' owner's rights."""
    async with _owner(url) as connection:
        await connection.execute(statement, timeout=3600)


class _owner:  # noqa: N801  (reads as the context it is)
    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection: asyncpg.Connection = await asyncpg.connect(asyncpg_url(self._url))
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


_PEOPLE = """
    WITH contact AS (
        INSERT INTO contacts (workspace_id, id, name, locale, timezone)
        SELECT $1, md5('contact' || n)::uuid, 'Person ' || n, 'en', 'Africa/Nairobi' FROM generate_series(0, $2::int - 1) AS n
    )
    INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
    SELECT $1, md5('point' || n)::uuid, md5('contact' || n)::uuid, 'sms', '+2547' || lpad(n::text, 8, '0')
    FROM generate_series(0, $2::int - 1) AS n
"""
_CAMPAIGNS = """
    WITH content AS (
        INSERT INTO message_contents (workspace_id, source_id, text)
        SELECT $1, id, 'Hello {{ first_name }}, your order is ready.' FROM unnest($2::uuid[]) AS id
    )
    INSERT INTO campaigns (workspace_id, id, name, text, channel_id, audience, status, accepted, launched_at, fanned_out_at, finished_at)
    SELECT $1, id, 'Campaign ' || n, 'Hello {{ first_name }}, your order is ready.', $3, '{"all": true}', $4::text, 0, now(), now(),
           CASE WHEN $4::text = 'done' THEN now() END
    FROM unnest($2::uuid[]) WITH ORDINALITY AS c (id, n)
"""
# Ids carry their time, spread over 27 days: of two months at the most, both of which have their partition.
_HISTORY = """
    INSERT INTO messages (workspace_id, id, direction, campaign_id, contact_id, channel_id, medium, address, reference, text, variables,
                          delivery, priority, status, due_at, attempt, claimed_at, provider_message_id, segments, cost_micros,
                          cost_currency, error_code, error_detail, suppression, sent_at, delivered_at, settled_at, created_at)
    SELECT $1, encode(overlay(overlay(uuid_send(gen_random_uuid())
                   PLACING substring(int8send((extract(epoch FROM t.at) * 1000)::bigint) FROM 3) FROM 1 FOR 6)
                   PLACING '\\x70'::bytea FROM 7 FOR 1), 'hex')::uuid,
           CASE WHEN k.inbound THEN 'in' ELSE 'out' END,
           CASE WHEN NOT k.single THEN ($2::uuid[])[1 + n / $7::int] END,
           CASE WHEN n % 997 <> 0 THEN md5('contact' || n % $8::int)::uuid END,
           ($3::uuid[])[CASE WHEN k.single THEN 1 + n / 10 % cardinality($3::uuid[]) ELSE 1 END],
           'sms', '+2547' || lpad((n % $8::int)::text, 8, '0'),
           CASE WHEN k.single AND NOT k.inbound THEN 'order-' || n END,
           CASE WHEN k.single THEN 'Your code is 4711.' END,
           CASE WHEN NOT k.single THEN '{"first_name": "Amina"}'::jsonb END,
           'at_most_once', CASE WHEN k.single THEN 0 ELSE 2 END, k.status, t.at,
           CASE WHEN k.status IN ('suppressed', 'cancelled', 'received') THEN 0 ELSE 1 END, t.at,
           CASE WHEN k.status IN ('sent', 'delivered') THEN 'SM' || lpad(to_hex(n), 32, '0') END,
           1, 8000, 'USD',
           CASE WHEN k.status = 'failed' THEN 'unreachable' WHEN k.status = 'unknown' THEN 'timeout' END,
           CASE WHEN k.status = 'failed' THEN 'Twilio error 30003: Unreachable destination handset' END,
           CASE WHEN k.status = 'suppressed' THEN 'opted_out' END,
           CASE WHEN k.status IN ('sent', 'delivered') THEN t.at END, CASE WHEN k.status = 'delivered' THEN t.at END, t.at, t.at
    FROM generate_series($4::int, $5::int - 1) AS n
    CROSS JOIN LATERAL (SELECT now() - interval '27 days' * (1 - n::float / $6::int) AS at) t
    CROSS JOIN LATERAL (
        SELECT n % 10 = 0 AS single, n % 200 = 0 AS inbound,
               CASE WHEN n % 200 = 0 THEN 'received' WHEN n % 97 < 80 THEN 'delivered' WHEN n % 97 < 89 THEN 'sent'
                    WHEN n % 97 < 93 THEN 'failed' WHEN n % 97 < 94 THEN 'unknown' WHEN n % 97 < 96 THEN 'suppressed'
                    ELSE 'cancelled' END AS status
    ) k
"""
_ATTEMPTS = """
    INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, code, provider_code, provider_message_id, latency_ms, at)
    SELECT workspace_id, id, 1, channel_id,
           CASE status WHEN 'failed' THEN 'failed' WHEN 'unknown' THEN 'uncertain' ELSE 'accepted' END,
           error_code, CASE WHEN status = 'failed' THEN '30003' END, provider_message_id, 12, settled_at
    FROM messages WHERE attempt = 1
"""
_WAITING = """
    INSERT INTO messages (workspace_id, id, campaign_id, contact_id, channel_id, medium, address, variables, delivery, priority, status, due_at)
    SELECT $1, new_id(), $2, md5('contact' || n % $6::int)::uuid, $3, 'sms', '+2547' || lpad((n % $6::int)::text, 8, '0'),
           '{"first_name": "Amina"}', 'at_most_once', 2, 'queued', now()
    FROM generate_series($4::int, $5::int - 1) AS n
"""
# Each other channel has something to do now, and a hundred messages that are scheduled for tomorrow.
_OTHERS = """
    INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, priority, status, due_at)
    SELECT $1, new_id(), c, 'sms', '+2547' || lpad(n::text, 8, '0'), 'Your code is 4711.', 0,
           CASE WHEN n = 0 THEN 'queued' ELSE 'scheduled' END, now() + CASE WHEN n = 0 THEN interval '0' ELSE interval '1 day' END
    FROM unnest($2::uuid[]) AS c, generate_series(0, 100) AS n
"""
