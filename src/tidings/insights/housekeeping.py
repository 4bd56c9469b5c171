"""Keeps the small tables small: folds count increments, prunes what has served its time, makes coming months' partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidings.contacts.links import prune_codes
from tidings.db.sql import NamedSql
from tidings.outbox.service import prune_events

if TYPE_CHECKING:
    import asyncpg

_SQL = NamedSql("tidings.insights", "housekeeping.sql")


async def fold_counts(pool: asyncpg.Pool) -> None:
    """Add increments up. The sum is the same before, during and after; one worker at a time does it."""
    async with pool.acquire() as connection:
        for statement in (_SQL.fold_campaign_counts, _SQL.fold_message_stats, _SQL.fold_contact_counts):
            await _fold(connection, statement)


async def _fold(connection: asyncpg.Connection, statement: str) -> None:
    async with connection.transaction():
        if await connection.fetchval(_SQL.lock_fold):
            await connection.execute(statement)


async def prune(pool: asyncpg.Pool) -> None:
    """Drop what is past its use: old idempotency keys (a day), rate windows, job logs, heartbeats, staged import rows, ended logins,
    the guard against inbound told twice, what happened to channels, events that everybody has read, links that nobody opened, reservations
    of limits."""
    async with pool.acquire() as connection:
        await connection.execute("SELECT ensure_partitions()")
        await _fold(connection, _SQL.fold_old_message_stats)
        for statement in (
            _SQL.prune_idempotency_keys, _SQL.prune_rate_windows, _SQL.prune_job_log, _SQL.prune_heartbeats,
            _SQL.cancel_stale_imports, _SQL.prune_import_files, _SQL.prune_import_rows, _SQL.prune_sessions, _SQL.prune_refresh_tokens, _SQL.prune_invitations, _SQL.prune_inbound_seen,
            _SQL.prune_channel_activity, _SQL.prune_recipient_pace, _SQL.prune_recipient_holds, _SQL.prune_sender_places, _SQL.prune_channel_day, _SQL.prune_channel_day_recipients,
        ):  # fmt: skip
            await connection.execute(statement)
        await prune_events(connection)
        await prune_codes(connection)
