"""How channels stand: read for pages and the API, and the wishes that whoever runs or probes them finds there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from tidings.channels.lifecycle import Actual, Counted, Facts, Health, Totals, actual_of, is_run, totals
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one channel fares."""

    actual: Actual
    health: Health
    checked_at: datetime | None
    latency_ms: int | None
    health_detail: str


async def standings(session: AsyncSession, channels: Sequence[Channel]) -> dict[UUID, Standing]:
    """How each of these channels of one workspace fares, in one query."""
    if not channels:
        return {}
    ids = [one.id for one in channels]
    rows = {row.channel_id: row for row in await session.execute(_READ, {"workspace_id": channels[0].workspace_id, "ids": ids})}
    return {one.id: _standing(one, rows[one.id]) for one in channels}


_READ = text(
    """
    SELECT s.channel_id, s.run_state, s.run_since, s.run_detail, s.health, s.health_since, s.health_detail, s.checked_at, s.latency_ms,
           EXISTS (SELECT FROM channel_workers w WHERE w.worker_id = s.worker_id AND w.expires_at > now()) AS alive
    FROM channel_standing s
    WHERE s.workspace_id = :workspace_id AND s.channel_id = ANY(CAST(:ids AS uuid[]))
    """
)


def _standing(channel: Channel, row: object) -> Standing:
    facts = _facts(row, channel.enabled, channel.switched_at, channel.provider, channel.receive, channel.stopped_at, channel.stopped_detail)
    return Standing(
        actual=actual_of(facts), health=row.health, checked_at=row.checked_at, latency_ms=row.latency_ms,  # type: ignore[attr-defined]
        health_detail=row.health_detail or "",  # type: ignore[attr-defined]
    )  # fmt: skip


def _facts(  # noqa: PLR0917
    row: object, enabled: bool, switched_at: datetime, provider: str, receive: str, stopped_at: datetime | None, stopped_detail: str | None  # noqa: FBT001
) -> Facts:  # fmt: skip
    known = PROVIDERS.get(provider)
    return Facts(
        enabled=enabled, switched_at=switched_at, stopped_at=stopped_at, stopped_detail=stopped_detail,
        is_run=is_run(known.description if known else None, receive),
        run_state=row.run_state if row.alive else None, run_since=row.run_since, run_detail=row.run_detail,  # type: ignore[attr-defined]
        health=row.health, health_since=row.health_since, health_detail=row.health_detail,  # type: ignore[attr-defined]
    )  # fmt: skip


async def count_channels(session: AsyncSession, workspace_id: UUID) -> Totals:
    """How many channels there are, by what they are."""
    rows = await session.execute(_COUNT, {"workspace_id": workspace_id})
    return totals(
        Counted(
            provider=row.provider, medium=row.medium, n=row.n,
            facts=_facts(row, row.enabled, row.switched_at, row.provider, row.receive, row.stopped_at, None),
        )
        for row in rows
    )  # fmt: skip


_COUNT = text(
    """
    SELECT c.provider, c.medium, c.enabled, c.receive, min(c.switched_at) AS switched_at, min(c.stopped_at) AS stopped_at,
           s.run_state, w.worker_id IS NOT NULL AS alive, s.health, count(*) AS n,
           NULL::timestamptz AS run_since, NULL AS run_detail, NULL::timestamptz AS health_since, NULL AS health_detail
    FROM channels c
    JOIN channel_standing s ON s.workspace_id = c.workspace_id AND s.channel_id = c.id
    LEFT JOIN channel_workers w ON w.worker_id = s.worker_id AND w.expires_at > now()
    WHERE c.workspace_id = :workspace_id AND c.deleted_at IS NULL
    GROUP BY c.provider, c.medium, c.enabled, c.receive, c.stopped_at IS NULL, s.run_state, w.worker_id IS NOT NULL, s.health
    """
)


async def begin_anew(session: AsyncSession, channel_id: UUID, *, forget_cursor: bool = False) -> None:
    """Have whoever runs the channel begin anew, tell its provider which way it receives, and probe it now.

    `forget_cursor` where it may be another account from here on: what the old one counted means nothing to it.
    """
    await session.execute(_ANEW, {"id": channel_id, "forget": forget_cursor})


_ANEW = text(
    """
    UPDATE channel_standing
    SET generation = generation + 1, told = NULL, next_check_at = now(), failures_in_row = 0,
        cursor = CASE WHEN :forget THEN '' ELSE cursor END
    WHERE channel_id = :id
    """
)


async def probe_soon(connection: asyncpg.Connection, channel_id: UUID) -> None:
    """Something failed: have the channel probed now rather than at its time. Probes that fail already have a time of their own."""
    await connection.execute(
        "UPDATE channel_standing SET next_check_at = now() WHERE channel_id = $1 AND failures_in_row = 0 AND next_check_at > now()",
        channel_id,
    )


async def holder_of(connection: asyncpg.Connection, channel_id: UUID) -> UUID | None:
    """The living worker that runs this channel. It stays so until this transaction ends: nobody can take it over meanwhile."""
    holder: UUID | None = await connection.fetchval(_HOLDER, channel_id)
    return holder


_HOLDER = """
    SELECT s.worker_id FROM channel_standing s JOIN channel_workers w ON w.worker_id = s.worker_id
    WHERE s.channel_id = $1 AND w.expires_at > now()
    FOR SHARE OF s
"""
