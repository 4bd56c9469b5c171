"""All SQL of the registry but the engine's own (runtime.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, text, update

from tidings.channels.models import Alert, Channel, ChannelSession

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Where the messages of a channel's last 24 hours stand, and how many of all times have still to leave."""

    sent: int
    delivered: int
    failed: int
    received: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """A channel that leaves its provider alone for a while."""

    until: datetime
    reason: str | None
    failing: bool
    """Because the provider keeps failing, not because it asked for a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """The places taken of a channel's rolling 24 hours."""

    used: int
    frees: Sequence[tuple[datetime, int]]
    """When places are free again and how many, the soonest first."""

    def free_at(self, cap: int) -> datetime | None:
        """When the next place is free; None where one is."""
        over = self.used - cap
        for at, count in self.frees:
            if over < 0:
                return None
            over -= count
            if over < 0:
                return at
        return None


async def list_channels(
    session: AsyncSession, workspace_id: UUID, *, owner_id: UUID | None = None, after: UUID | None = None, limit: int
) -> list[Channel]:
    """The workspace's own, or a member's personal ones. The oldest first; `after` is the id of the last one shown."""
    query = select(Channel).where(Channel.workspace_id == workspace_id, Channel.deleted_at.is_(None))
    query = query.where(Channel.owner_id.is_(None) if owner_id is None else Channel.owner_id == owner_id)
    if after is not None:
        query = query.where(Channel.id > after)
    return list((await session.scalars(query.order_by(Channel.id).limit(limit))).all())


async def get_channel(session: AsyncSession, workspace_id: UUID, channel_id: UUID, *, lock: bool = False) -> Channel | None:
    """One channel that is not deleted; with `lock`, nobody else changes it or sends by it until this transaction ends."""
    query = select(Channel).where(Channel.workspace_id == workspace_id, Channel.id == channel_id, Channel.deleted_at.is_(None))
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def get_channels(session: AsyncSession, workspace_id: UUID, channel_ids: Sequence[UUID]) -> list[Channel]:
    """Those of these channels that are not deleted."""
    query = select(Channel).where(Channel.workspace_id == workspace_id, Channel.id.in_(channel_ids), Channel.deleted_at.is_(None))
    return list((await session.scalars(query)).all())


async def channel_for_sending(session: AsyncSession, workspace_id: UUID, channel_id: UUID | None, medium: str | None) -> Channel | None:
    """The channel, or the medium's default. Its row is held against deletion (and nothing else) until this transaction ends."""
    query = select(Channel).where(Channel.workspace_id == workspace_id, Channel.deleted_at.is_(None))
    query = query.where(Channel.id == channel_id) if channel_id else query.where(Channel.medium == medium, Channel.is_default)
    return (await session.scalars(query.with_for_update(read=True, key_share=True))).one_or_none()


async def clear_default(session: AsyncSession, workspace_id: UUID, medium: str) -> None:
    """Leave the medium without a default."""
    await session.execute(
        update(Channel)
        .where(Channel.workspace_id == workspace_id, Channel.medium == medium, Channel.is_default, Channel.deleted_at.is_(None))
        .values(is_default=False)
    )


async def has_default(session: AsyncSession, workspace_id: UUID, medium: str) -> bool:
    query = select(Channel.id).where(Channel.workspace_id == workspace_id, Channel.medium == medium, Channel.is_default)
    return (await session.scalars(query.where(Channel.deleted_at.is_(None)))).first() is not None


async def count_unfinished(session: AsyncSession, workspace_id: UUID, channel_id: UUID) -> tuple[int, int]:
    """How many messages wait or are in the air, and how many campaigns are still to go, by this channel."""
    row = (await session.execute(_UNFINISHED, {"workspace_id": workspace_id, "channel_id": channel_id})).one()
    return row.messages, row.campaigns


_UNFINISHED = text(
    """
    SELECT (SELECT count(*) FROM messages m WHERE m.channel_id = :channel_id AND m.waiting) AS messages,
           (SELECT count(*) FROM campaigns c WHERE c.workspace_id = :workspace_id AND c.channel_id = :channel_id
               AND c.status IN ('scheduled', 'launching', 'sending', 'paused')) AS campaigns
    """
)


async def traffic(session: AsyncSession, workspace_id: UUID, channel_ids: Sequence[UUID]) -> dict[UUID, Traffic]:
    """The traffic of each of these channels."""
    rows = await session.execute(_TRAFFIC, {"workspace_id": workspace_id, "ids": list(channel_ids)})
    return {
        row.id: Traffic(sent=row.sent, delivered=row.delivered, failed=row.failed, received=row.received, waiting=row.waiting)
        for row in rows
    }


_TRAFFIC = text(
    """
    SELECT c.id,
           coalesce(sum(s.n) FILTER (WHERE s.status = 'sent' AND s.recent), 0)::int AS sent,
           coalesce(sum(s.n) FILTER (WHERE s.status IN ('delivered', 'read') AND s.recent), 0)::int AS delivered,
           coalesce(sum(s.n) FILTER (WHERE s.status = 'failed' AND s.recent), 0)::int AS failed,
           coalesce(sum(s.n) FILTER (WHERE s.status = 'received' AND s.recent), 0)::int AS received,
           coalesce(sum(s.n) FILTER (WHERE s.status IN ('scheduled', 'queued', 'sending')), 0)::int AS waiting
    FROM unnest(CAST(:ids AS uuid[])) AS c (id)
    LEFT JOIN (
        SELECT channel_id, status, n, bucket > now() - interval '24 hours' AS recent FROM message_stats WHERE workspace_id = :workspace_id
    ) AS s ON s.channel_id = c.id
    GROUP BY c.id
    """
)


async def forget_session(session: AsyncSession, workspace_id: UUID, channel_id: UUID) -> None:
    """Destroy a channel's session."""
    await session.execute(
        delete(ChannelSession).where(ChannelSession.workspace_id == workspace_id, ChannelSession.channel_id == channel_id)
    )


async def forget_central_addresses(session: AsyncSession, workspace_id: UUID, channel_id: UUID) -> None:
    """Destroy what was kept of members' addresses on a channel."""
    await session.execute(
        text("DELETE FROM central_addresses WHERE workspace_id = :workspace_id AND channel_id = :channel_id"),
        {"workspace_id": workspace_id, "channel_id": channel_id},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTotal:
    """How many personal channels of one provider stand in one state, and how many members own them."""

    provider: str
    state: str
    channels: int
    owners: int


async def personal_totals(session: AsyncSession, workspace_id: UUID) -> list[PersonalTotal]:
    """How many there are, by provider and state."""
    rows = await session.execute(_PERSONAL_TOTALS, {"workspace_id": workspace_id})
    return [PersonalTotal(provider=row.provider, state=row.state, channels=row.channels, owners=row.owners) for row in rows]


_PERSONAL_TOTALS = text(
    """
    SELECT provider, CASE WHEN NOT enabled THEN 'disabled' WHEN stopped_at IS NOT NULL THEN 'stopped' ELSE 'active' END AS state,
           count(*)::int AS channels, count(DISTINCT owner_id)::int AS owners
    FROM channels WHERE workspace_id = :workspace_id AND owner_id IS NOT NULL AND deleted_at IS NULL
    GROUP BY 1, 2 ORDER BY 1, 2
    """
)


async def day_use(session: AsyncSession, workspace_id: UUID, channel_ids: Sequence[UUID]) -> dict[UUID, DayUse]:
    """The rolling day of those of these channels that have one."""
    found: dict[UUID, list[tuple[datetime, int]]] = {}
    for row in await session.execute(_DAY, {"workspace_id": workspace_id, "ids": list(channel_ids)}):
        found.setdefault(row.channel_id, []).append((row.free_at, row.n))
    return {channel_id: DayUse(used=sum(count for _, count in frees), frees=frees) for channel_id, frees in found.items()}


_DAY = text(
    """
    SELECT channel_id, at + interval '24 hours' AS free_at, n FROM channel_day
    WHERE workspace_id = :workspace_id AND channel_id = ANY(CAST(:ids AS uuid[])) AND at > now() - interval '24 hours' AND n > 0
    ORDER BY channel_id, at
    """
)


async def reset_pace(session: AsyncSession, channel_id: UUID) -> None:
    """Forget pauses and failures: the channel begins anew."""
    await session.execute(
        text(
            "UPDATE channel_pace SET paused_until = 'epoch', pause_reason = NULL, failures_in_row = 0, breaker = 'closed' "
            "WHERE channel_id = :channel_id"
        ),
        {"channel_id": channel_id},
    )


async def pause_of(session: AsyncSession, channel_id: UUID) -> tuple[datetime, str | None] | None:
    """Until when and why the channel rests at the provider's wish; None when it does not."""
    row = (
        await session.execute(
            text("SELECT paused_until, pause_reason FROM channel_pace WHERE channel_id = :channel_id AND paused_until > now()"),
            {"channel_id": channel_id},
        )
    ).one_or_none()
    return (row.paused_until, row.pause_reason) if row else None


async def resting(session: AsyncSession, channel_ids: Sequence[UUID]) -> dict[UUID, Resting]:
    """Those of these channels that rest just now."""
    rows = await session.execute(_RESTING, {"ids": list(channel_ids)})
    return {row.channel_id: Resting(until=row.paused_until, reason=row.pause_reason, failing=row.failing) for row in rows}


_RESTING = text(
    "SELECT channel_id, paused_until, pause_reason, breaker = 'open' AS failing FROM channel_pace "
    "WHERE channel_id = ANY(CAST(:ids AS uuid[])) AND paused_until > now()"
)


async def list_alerts(
    session: AsyncSession,
    workspace_id: UUID,
    user_id: UUID | None,
    *,
    only_open: bool,
    channel_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[Alert]:
    """Those that this person is told, the newest first; `before` is the id of the last one shown."""
    query = select(Alert).where(Alert.workspace_id == workspace_id, _told_to(user_id))
    if channel_id is not None:
        query = query.where(Alert.channel_id == channel_id)
    if only_open:
        query = query.where(Alert.resolved_at.is_(None))
    if before is not None:
        query = query.where(Alert.id < before)
    return list((await session.scalars(query.order_by(Alert.id.desc()).limit(limit))).all())


def _told_to(user_id: UUID | None) -> ColumnElement[bool]:
    """Not the alerts of other people's personal channels, nor of one that its owner deleted."""
    of_channel = select(Channel.id).where(Channel.workspace_id == Alert.workspace_id, Channel.id == Alert.channel_id)
    hidden = or_(Channel.owner_id.is_distinct_from(user_id), Channel.deleted_at.is_not(None))
    return ~of_channel.where(Channel.owner_id.is_not(None), hidden).exists()


async def get_alert(session: AsyncSession, workspace_id: UUID, user_id: UUID | None, alert_id: UUID) -> Alert | None:
    """One that this person is told, held until this transaction ends."""
    query = select(Alert).where(Alert.workspace_id == workspace_id, Alert.id == alert_id, _told_to(user_id))
    return (await session.scalars(query.with_for_update())).one_or_none()


async def close_alerts(session: AsyncSession, workspace_id: UUID, channel_id: UUID, kind: str | None = None) -> None:
    """A channel's trouble of this kind is over, or all of it."""
    which = update(Alert).where(Alert.workspace_id == workspace_id, Alert.channel_id == channel_id, Alert.resolved_at.is_(None))
    await session.execute((which.where(Alert.kind == kind) if kind is not None else which).values(resolved_at=func.now()))
