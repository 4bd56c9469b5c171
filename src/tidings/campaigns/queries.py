"""All SQL of campaigns but the fan-out's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import bindparam, select, text

from tidings.campaigns.models import Campaign
from tidings.delivery.rules import status_column

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def list_campaigns(
    session: AsyncSession, workspace_id: UUID, *, statuses: Sequence[str], search: str, before: UUID | None, limit: int
) -> list[Campaign]:
    """The newest first; `before` is the id of the last one shown."""
    query = select(Campaign).where(Campaign.workspace_id == workspace_id)
    if statuses:
        query = query.where(Campaign.status.in_(statuses))
    if search:
        query = query.where(Campaign.name.icontains(search, autoescape=True))
    if before is not None:
        query = query.where(Campaign.id < before)
    return list((await session.scalars(query.order_by(Campaign.id.desc()).limit(limit))).all())


async def ledgers(session: AsyncSession, workspace_id: UUID, campaign_ids: Sequence[UUID]) -> dict[UUID, tuple[int, dict[str, int]]]:
    """Of each campaign, how many were accepted and how many stand where.

    In one statement, and so of one moment: read apart, a page of the fan-out that is committed in between would be missing.
    """
    rows = await session.execute(_LEDGERS, {"workspace_id": workspace_id, "ids": list(campaign_ids)})
    found: dict[UUID, tuple[int, dict[str, int]]] = {}
    for row in rows:
        counts = found.setdefault(row.id, (row.accepted, {}))[1]
        if row.n:
            counts[row.status] = row.n
    return found


_LEDGERS = text(
    """
    SELECT c.id, c.accepted, k.status, sum(k.n)::int AS n
    FROM campaigns c LEFT JOIN campaign_counts k ON k.workspace_id = c.workspace_id AND k.campaign_id = c.id
    WHERE c.workspace_id = :workspace_id AND c.id = ANY(CAST(:ids AS uuid[]))
    GROUP BY c.id, c.accepted, k.status
    """
)


async def is_resending(session: AsyncSession, workspace_id: UUID, campaign_id: UUID) -> bool:
    """Whether a campaign to those of this one is still being written down."""
    query = select(Campaign.id).where(
        Campaign.workspace_id == workspace_id,
        Campaign.resend_of == campaign_id,
        Campaign.status.in_(["launching", "paused"]),
        Campaign.fanned_out_at.is_(None),
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def has_unresent(session: AsyncSession, workspace_id: UUID, campaign_id: UUID, statuses: Sequence[str]) -> bool:
    """Whether anybody of a campaign ended like this and has not been sent to again."""
    query = text(_HAS_UNRESENT.format(status=status_column(statuses))).bindparams(
        bindparam("statuses", list(statuses), expanding=True, literal_execute=True)
    )
    return bool((await session.execute(query, {"workspace_id": workspace_id, "campaign_id": campaign_id})).scalar())


_HAS_UNRESENT = """
    SELECT EXISTS (
        SELECT FROM messages m
        WHERE m.workspace_id = :workspace_id AND m.campaign_id = :campaign_id AND m.{status} IN :statuses AND NOT m.superseded
          AND NOT EXISTS (SELECT FROM messages r WHERE r.workspace_id = :workspace_id AND r.resend_of = m.id
                          AND r.status NOT IN ('cancelled', 'expired')))
"""


async def sample_pace(session: AsyncSession) -> None:
    """Note how fast the campaigns under way go, smoothed over some seconds; forget those that are not under way."""
    await session.execute(_SAMPLE_PACE)
    await session.execute(_FORGET_PACE)


_SAMPLE_PACE = text(
    """
    WITH gone AS (
        SELECT c.workspace_id, c.id AS campaign_id, coalesce((
            SELECT sum(k.n) FROM campaign_counts k
            WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id AND k.status NOT IN ('scheduled', 'queued', 'sending')
        ), 0)::int AS gone
        FROM campaigns c WHERE c.status IN ('launching', 'sending')
        LIMIT 1000
    )
    INSERT INTO campaign_pace AS p (workspace_id, campaign_id, sampled_at, gone)
    SELECT workspace_id, campaign_id, now(), gone FROM gone
    ON CONFLICT (workspace_id, campaign_id) DO UPDATE
    SET sampled_at = excluded.sampled_at, gone = excluded.gone,
        per_second = CASE WHEN p.sampled_at < now() - interval '10 seconds' THEN 0 ELSE 0.6 * p.per_second END
            + CASE WHEN p.sampled_at < now() - interval '10 seconds' THEN 1 ELSE 0.4 END
            * greatest(excluded.gone - p.gone, 0) / extract(epoch FROM now() - p.sampled_at)
    WHERE p.sampled_at < now() - interval '0.8 seconds'
    """
)
_FORGET_PACE = text(
    """
    DELETE FROM campaign_pace p WHERE p.sampled_at < now() - interval '1 minute'
    """
)


async def paces(session: AsyncSession, workspace_id: UUID, campaign_ids: Sequence[UUID]) -> dict[UUID, float]:
    """Messages a second that left each campaign lately, where it has been sampled in the last seconds."""
    rows = await session.execute(_PACES, {"workspace_id": workspace_id, "ids": list(campaign_ids)})
    return {row.campaign_id: row.per_second for row in rows}


_PACES = text(
    "SELECT campaign_id, per_second FROM campaign_pace WHERE workspace_id = :workspace_id "
    "AND campaign_id = ANY(CAST(:ids AS uuid[])) AND sampled_at > now() - interval '10 seconds'"
)


async def due_campaigns(session: AsyncSession) -> list[tuple[UUID, UUID]]:
    """Scheduled campaigns whose time has come, of all workspaces."""
    query = text(
        "SELECT workspace_id, id FROM campaigns WHERE status = 'scheduled' AND scheduled_at <= now() ORDER BY scheduled_at LIMIT 100"
    )
    return [(row.workspace_id, row.id) for row in await session.execute(query)]


async def unfinished_campaigns(session: AsyncSession) -> list[tuple[UUID, UUID, str]]:
    """Campaigns whose fan-out or cancelling has not come to its end, with the job that each needs."""
    return [(row.workspace_id, row.id, row.job) for row in await session.execute(_UNFINISHED)]


_UNFINISHED = text(
    """
    SELECT c.workspace_id, c.id, CASE WHEN c.status = 'cancelled' THEN 'cancel_campaign' ELSE 'fan_out_campaign' END AS job
    FROM campaigns c
    WHERE ((c.status IN ('launching', 'paused') AND c.fanned_out_at IS NULL AND c.launched_at IS NOT NULL)
           OR (c.status = 'cancelled' AND c.finished_at IS NULL))
      AND NOT EXISTS (
        SELECT FROM pgqueuer j WHERE j.status IN ('queued', 'picked')
          AND j.dedupe_key = CASE WHEN c.status = 'cancelled' THEN 'cancel_campaign:' ELSE 'fan_out_campaign:' END || c.id)
    LIMIT 100
    """
)


async def finish_done(session: AsyncSession) -> None:
    """Set `done` where nothing waits; note the end of cancelled ones and drop their holds."""
    await session.execute(_FINISH_DONE)


_FINISH_DONE = text(
    """
    WITH settled AS (
        SELECT c.workspace_id, c.id FROM campaigns c
        WHERE ((c.status = 'sending' AND c.fanned_out_at IS NOT NULL) OR c.status = 'cancelled')
          AND c.finished_at IS NULL
          AND coalesce((SELECT sum(n) FROM campaign_counts k
                        WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id
                          AND k.status IN ('scheduled', 'queued', 'sending')), 0) = 0
          AND coalesce((SELECT sum(n) FROM campaign_counts k
                        WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id), 0) = c.accepted
          -- A receipt that is still waited for may send somebody to the next channel.
          AND (c.status = 'cancelled' OR c.route_id IS NULL
               OR NOT EXISTS (SELECT FROM fallbacks f WHERE f.workspace_id = c.workspace_id AND f.source_id = c.id))
        LIMIT 100
        FOR UPDATE OF c SKIP LOCKED
    ), dropped AS (
        DELETE FROM delivery_holds h USING settled s WHERE h.workspace_id = s.workspace_id AND h.source_id = s.id
    )
    UPDATE campaigns c
    SET status = CASE WHEN c.status = 'sending' THEN 'done' ELSE c.status END, finished_at = now(), updated_at = now()
    FROM settled s WHERE c.workspace_id = s.workspace_id AND c.id = s.id
    """
)
