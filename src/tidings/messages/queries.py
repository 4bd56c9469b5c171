"""All SQL of messages but the engine's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, String, Uuid, bindparam, or_, select, text, tuple_

from tidings.core.ids import id_floor, id_time
from tidings.delivery.rules import status_column
from tidings.messages.models import Attempt, Message, Receipt

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncSession


async def contacts_of_addresses(
    session: AsyncSession, workspace_id: UUID, addresses: Collection[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """Whose these (medium, address) are, for those that are anybody's."""
    mediums, values = zip(*addresses, strict=True) if addresses else ((), ())
    rows = await session.execute(_CONTACTS, {"workspace_id": workspace_id, "mediums": list(mediums), "addresses": list(values)})
    return {(row.medium, row.address): row.contact_id for row in rows}


_CONTACTS = text(
    """
    SELECT p.medium, p.address, p.contact_id
    FROM unnest(CAST(:mediums AS text[]), CAST(:addresses AS text[])) AS wanted (medium, address)
    JOIN contact_points p ON p.workspace_id = :workspace_id AND p.medium = wanted.medium AND p.address = wanted.address
    """
)


async def contacts_with_address(session: AsyncSession, workspace_id: UUID, address: str) -> list[UUID]:
    """Those who have this address on any medium."""
    query = text(
        "SELECT DISTINCT contact_id FROM contact_points WHERE workspace_id = :workspace_id "
        "AND medium IN ('sms', 'whatsapp', 'telegram', 'email', 'chat') AND address = :address"
    )
    return list((await session.execute(query, {"workspace_id": workspace_id, "address": address})).scalars())


async def cancel_one(session: AsyncSession, workspace_id: UUID, message_id: UUID) -> bool:
    """Cancel if it, or the latest try for its recipient, has not been claimed; False when it has."""
    found = await session.execute(_CANCEL_ONE, {"workspace_id": workspace_id, "id": message_id})
    return bool(found.all())


_CANCEL_ONE = text(
    """
    UPDATE messages SET status = 'cancelled', settled_at = now()
    WHERE workspace_id = :workspace_id AND status IN ('scheduled', 'queued') AND id = ANY(
        SELECT CAST(:id AS uuid) UNION ALL
        SELECT message_id FROM message_tries WHERE workspace_id = :workspace_id AND first_id = :id)
    RETURNING id
    """
)


async def tries_of(session: AsyncSession, workspace_id: UUID, first_id: UUID) -> list[Message]:
    """All tries for a recipient, the first one first."""
    later = text("SELECT message_id FROM message_tries WHERE workspace_id = :workspace_id AND first_id = :first_id ORDER BY number")
    ids = list((await session.execute(later, {"workspace_id": workspace_id, "first_id": first_id})).scalars())
    query = select(Message).where(Message.workspace_id == workspace_id, Message.id.in_([first_id, *ids])).order_by(Message.id)
    return list((await session.scalars(query)).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list is to show; what is not set does not matter."""

    statuses: Sequence[str] = ()
    direction: str | None = None
    campaign_id: UUID | None = None
    contact_id: UUID | None = None
    channel_id: UUID | None = None
    reference: str | None = None
    address: str | None = None
    owners: Sequence[UUID] | None = None
    """Whose messages at `address` are meant; None: of those that have it now."""
    since: datetime | None = None
    until: datetime | None = None
    viewer: UUID | None = None
    """The person who looks: what their own personal channels carried is shown, what others' did is not."""

    @property
    def needs_a_span(self) -> bool:
        """Whether it names a channel or states, and nothing that an index finds messages by."""
        few = (self.campaign_id, self.contact_id, self.reference, self.address)
        return (self.channel_id is not None or bool(self.statuses)) and all(one is None for one in few)


def visible(viewer: UUID | None) -> TextClause:
    """That a message did not go by somebody else's personal channel."""
    return _VISIBLE.bindparams(viewer=viewer)


_VISIBLE = text(
    "NOT EXISTS (SELECT FROM channels personal WHERE personal.workspace_id = messages.workspace_id AND personal.id = messages.channel_id "
    "AND personal.owner_id IS NOT NULL AND personal.owner_id IS DISTINCT FROM CAST(:viewer AS uuid))"
)


async def get_message(session: AsyncSession, workspace_id: UUID, message_id: UUID, viewer: UUID | None) -> Message | None:
    query = select(Message).where(Message.workspace_id == workspace_id, Message.id == message_id, visible(viewer))
    return (await session.scalars(query)).one_or_none()


async def list_messages(
    session: AsyncSession, workspace_id: UUID, wanted: MessageFilter, *, before: UUID | None = None, limit: int
) -> list[Message]:
    """The newest first; `before` is the id of the last one shown."""
    query = select(Message).where(Message.workspace_id == workspace_id, visible(wanted.viewer))
    equal: dict[Any, Any] = {
        Message.direction: wanted.direction,
        Message.campaign_id: wanted.campaign_id,
        Message.contact_id: wanted.contact_id,
        Message.channel_id: wanted.channel_id,
        Message.reference: wanted.reference,
    }
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.address is not None:
        owners = wanted.owners if wanted.owners is not None else await contacts_with_address(session, workspace_id, wanted.address)
        query = query.where(Message.address == wanted.address, or_(Message.contact_id.is_(None), Message.contact_id.in_(owners)))
    if wanted.statuses:
        # Written out, not bound: only so can the planner prove that a partial index covers them.
        query = query.where(
            getattr(Message, status_column(wanted.statuses)).in_(
                bindparam("statuses", list(wanted.statuses), expanding=True, literal_execute=True)
            )
        )
    if wanted.since is not None:
        query = query.where(Message.id >= id_floor(wanted.since))
    if wanted.until is not None:
        query = query.where(Message.id < id_floor(wanted.until))
    if before is not None:
        query = query.where(Message.id < before)
    if wanted.needs_a_span:
        span = await _span(session, workspace_id, wanted, before, limit)
        if span is None:
            return []
        query = query.where(Message.id >= id_floor(span[0]), Message.id < id_floor(span[1]))
    return list((await session.scalars(query.order_by(Message.id.desc()).limit(limit))).all())


async def _span(
    session: AsyncSession, workspace_id: UUID, wanted: MessageFilter, before: UUID | None, limit: int
) -> tuple[datetime, datetime] | None:
    """When the next `limit` messages of a channel or of some states were made, by the counters; None when there are none.

    No index could serve every such list without a price on every message sent. So the few thousand counters say where to look.
    """
    found = await session.execute(
        _SPAN,
        {
            "workspace_id": workspace_id,
            "channel_id": wanted.channel_id,
            "statuses": list(wanted.statuses) or None,
            "before": id_time(before) if before is not None else wanted.until,
            "limit": limit,
            "viewer": wanted.viewer,
        },
    )
    oldest, newest = found.one()
    return None if newest is None else (oldest, newest)


# A bucket is a quarter of an hour, or a day where housekeeping has folded it. Messages are counted by the time their transaction began,
# their ids are a little younger. The bucket in which the page begins is not counted on: its messages may all have been shown.
_SPAN = text(
    """
    WITH counted AS (
        SELECT bucket, sum(n) AS n,
               bucket + CASE WHEN bucket < now() - interval '7 days' THEN interval '26 hours' ELSE interval '15 minutes' END AS until
        FROM message_stats
        WHERE workspace_id = :workspace_id
          AND (CAST(:channel_id AS uuid) IS NULL OR channel_id = :channel_id)
          AND (CAST(:statuses AS text[]) IS NULL OR status = ANY(CAST(:statuses AS text[])))
          AND (CAST(:before AS timestamptz) IS NULL OR bucket <= :before)
          AND NOT EXISTS (SELECT FROM channels personal
                          WHERE personal.workspace_id = message_stats.workspace_id AND personal.id = message_stats.channel_id
                            AND personal.owner_id IS NOT NULL AND personal.owner_id IS DISTINCT FROM CAST(:viewer AS uuid))
        GROUP BY bucket HAVING sum(n) > 0
    ), summed AS (
        SELECT bucket, until, sum(sure) OVER (ORDER BY bucket DESC) - sure AS newer
        FROM (SELECT *, CASE WHEN until <= coalesce(CAST(:before AS timestamptz), 'infinity') THEN n ELSE 0 END AS sure FROM counted) c
    )
    SELECT min(bucket) - interval '1 minute' AS oldest, max(until) + interval '10 minutes' AS newest FROM summed WHERE newer < :limit
    """
).bindparams(
    bindparam("channel_id", type_=Uuid()),
    bindparam("viewer", type_=Uuid()),
    bindparam("before", type_=DateTime(timezone=True)),
    bindparam("statuses", type_=ARRAY(String())),
)


async def contents_of_sources(session: AsyncSession, workspace_id: UUID, source_ids: Collection[UUID]) -> dict[UUID, tuple[str, str]]:
    """The name and the frozen text of each source."""
    rows = await session.execute(_CONTENTS, {"workspace_id": workspace_id, "ids": list(source_ids)})
    return {row.source_id: (row.source_name, row.text) for row in rows}


_CONTENTS = text(
    "SELECT source_id, source_name, text FROM message_contents WHERE workspace_id = :workspace_id AND source_id = ANY(CAST(:ids AS uuid[]))"
)


async def carried_by_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> dict[str, Any] | None:
    """What goes with the frozen text of a source."""
    found: dict[str, Any] | None = (await session.execute(_CARRIED, {"workspace_id": workspace_id, "id": source_id})).scalar_one_or_none()
    return found


_CARRIED = text("SELECT content FROM message_contents WHERE workspace_id = :workspace_id AND source_id = :id")


async def provider_ids(session: AsyncSession, workspace_id: UUID, message_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, str | None]]:
    """The channel and the provider's id of each of these messages that exist."""
    query = select(Message.id, Message.channel_id, Message.provider_message_id)
    rows = await session.execute(query.where(Message.workspace_id == workspace_id, Message.id.in_(message_ids)))
    return {row.id: (row.channel_id, row.provider_message_id) for row in rows}


async def messages_by_provider_ids(
    session: AsyncSession, workspace_id: UUID, wanted: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], UUID]:
    """Which messages the provider knows by these ids, each in its channel."""
    channels, ids = zip(*wanted, strict=True)
    rows = await session.execute(_BY_PROVIDER_ID, {"workspace_id": workspace_id, "channels": list(channels), "ids": list(ids)})
    return {(row.channel_id, row.provider_message_id): row.id for row in rows}


_BY_PROVIDER_ID = text(
    """
    SELECT m.channel_id, m.provider_message_id, m.id
    FROM unnest(CAST(:channels AS uuid[]), CAST(:ids AS text[])) AS wanted (channel_id, provider_message_id)
    JOIN messages m ON m.workspace_id = :workspace_id AND m.channel_id = wanted.channel_id
                   AND m.provider_message_id = wanted.provider_message_id
    ORDER BY m.id
    """
)


async def last_provider_codes(session: AsyncSession, workspace_id: UUID, message_ids: Collection[UUID]) -> dict[UUID, str]:
    """The provider's own code of each message's last attempt, where it gave one."""
    rows = await session.execute(_PROVIDER_CODES, {"workspace_id": workspace_id, "ids": list(message_ids)})
    return {row.message_id: row.provider_code for row in rows if row.provider_code}


_PROVIDER_CODES = text(
    "SELECT DISTINCT ON (message_id) message_id, provider_code FROM attempts "
    "WHERE workspace_id = :workspace_id AND message_id = ANY(CAST(:ids AS uuid[])) ORDER BY message_id, number DESC"
)


async def is_held(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> bool:
    """Whether nothing of this source may leave at the moment."""
    query = text("SELECT true FROM delivery_holds WHERE workspace_id = :workspace_id AND source_id = :source_id")
    return (await session.execute(query, {"workspace_id": workspace_id, "source_id": source_id})).scalar() is not None


async def attempts_of(session: AsyncSession, workspace_id: UUID, message_id: UUID) -> list[Attempt]:
    """Every request made for a message, in order."""
    query = select(Attempt).where(Attempt.workspace_id == workspace_id, Attempt.message_id == message_id).order_by(Attempt.number)
    return list((await session.scalars(query)).all())


async def receipts_of(session: AsyncSession, workspace_id: UUID, message_id: UUID) -> list[Receipt]:
    """Every word the provider said of a message, in the order it came."""
    query = select(Receipt).where(Receipt.workspace_id == workspace_id, Receipt.message_id == message_id)
    return list((await session.scalars(query.order_by(tuple_(Receipt.received_at, Receipt.id)))).all())
