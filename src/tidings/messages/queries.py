"""All SQL of messages but the engine's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, or_, select, text, tuple_

from tidings.core.ids import id_floor
from tidings.messages.models import Attempt, Message, Receipt

if TYPE_CHECKING:
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


async def cancel_some(session: AsyncSession, workspace_id: UUID, source_id: UUID, limit: int) -> int:
    """Cancel up to `limit` waiting messages of a campaign; return how many."""
    done = await session.execute(_CANCEL_SOME, {"workspace_id": workspace_id, "source_id": source_id, "limit": limit})
    return len(done.all())


_CANCEL_SOME = text(
    """
    WITH waiting AS (
        SELECT id FROM messages
        WHERE workspace_id = :workspace_id AND campaign_id = :source_id AND status IN ('scheduled', 'queued')
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE messages m SET status = 'cancelled', settled_at = now()
    FROM waiting w WHERE m.workspace_id = :workspace_id AND m.id = w.id
    RETURNING 1
    """
)


async def cancel_source(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    """Let none of a campaign's recipients be tried by another channel any more."""
    await session.execute(
        text("UPDATE message_contents SET cancelled_at = now() WHERE workspace_id = :workspace_id AND source_id = :source_id"),
        {"workspace_id": workspace_id, "source_id": source_id},
    )


async def tries_of(session: AsyncSession, workspace_id: UUID, first_id: UUID) -> list[Message]:
    """All tries for a recipient, the first one first."""
    later = text("SELECT message_id FROM message_tries WHERE workspace_id = :workspace_id AND first_id = :first_id ORDER BY number")
    ids = list((await session.execute(later, {"workspace_id": workspace_id, "first_id": first_id})).scalars())
    query = select(Message).where(Message.workspace_id == workspace_id, Message.id.in_([first_id, *ids])).order_by(Message.id)
    return list((await session.scalars(query)).all())


async def hold(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    await session.execute(
        text("INSERT INTO delivery_holds (workspace_id, source_id) VALUES (:workspace_id, :source_id) ON CONFLICT DO NOTHING"),
        {"workspace_id": workspace_id, "source_id": source_id},
    )


async def release(session: AsyncSession, workspace_id: UUID, source_id: UUID) -> None:
    await session.execute(
        text("DELETE FROM delivery_holds WHERE workspace_id = :workspace_id AND source_id = :source_id"),
        {"workspace_id": workspace_id, "source_id": source_id},
    )


async def count_statuses(session: AsyncSession, workspace_id: UUID, source_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    rows = await session.execute(
        text(
            "SELECT campaign_id, status, sum(n)::int AS n FROM campaign_counts "
            "WHERE workspace_id = :workspace_id AND campaign_id = ANY(:ids) GROUP BY 1, 2 HAVING sum(n) <> 0"
        ),
        {"workspace_id": workspace_id, "ids": list(source_ids)},
    )
    counts: dict[UUID, dict[str, int]] = {source_id: {} for source_id in source_ids}
    for row in rows:
        counts[row.campaign_id][row.status] = row.n
    return counts


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
    since: datetime | None = None
    until: datetime | None = None


async def list_messages(
    session: AsyncSession, workspace_id: UUID, wanted: MessageFilter, *, before: UUID | None = None, limit: int
) -> list[Message]:
    """The newest first; `before` is the id of the last one shown."""
    query = select(Message).where(Message.workspace_id == workspace_id)
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
        owners = await contacts_with_address(session, workspace_id, wanted.address)
        query = query.where(Message.address == wanted.address, or_(Message.contact_id.is_(None), Message.contact_id.in_(owners)))
    if wanted.statuses:
        # Written out, not bound: only so can the planner prove that a partial index covers them.
        query = query.where(Message.status.in_(bindparam("statuses", list(wanted.statuses), expanding=True, literal_execute=True)))
    if wanted.since is not None:
        query = query.where(Message.id >= id_floor(wanted.since))
    if wanted.until is not None:
        query = query.where(Message.id < id_floor(wanted.until))
    if before is not None:
        query = query.where(Message.id < before)
    return list((await session.scalars(query.order_by(Message.id.desc()).limit(limit))).all())


async def contents_of_sources(session: AsyncSession, workspace_id: UUID, source_ids: Collection[UUID]) -> dict[UUID, tuple[str, str]]:
    """The name and the frozen text of each source."""
    rows = await session.execute(_CONTENTS, {"workspace_id": workspace_id, "ids": list(source_ids)})
    return {row.source_id: (row.source_name, row.text) for row in rows}


_CONTENTS = text(
    "SELECT source_id, source_name, text FROM message_contents WHERE workspace_id = :workspace_id AND source_id = ANY(CAST(:ids AS uuid[]))"
)


async def freeze_content(
    session: AsyncSession, workspace_id: UUID, source_id: UUID, *, name: str, content: str, carried: str | None = None
) -> None:
    """Write a source's text down for good, and what goes with it (JSON)."""
    await session.execute(
        _FREEZE, {"workspace_id": workspace_id, "source_id": source_id, "name": name, "text": content, "carried": carried}
    )


_FREEZE = text(
    "INSERT INTO message_contents (workspace_id, source_id, source_name, text, content) "
    "VALUES (:workspace_id, :source_id, :name, :text, CAST(:carried AS jsonb))"
)


async def provider_ids(session: AsyncSession, workspace_id: UUID, message_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, str | None]]:
    """The channel and the provider's id of each of these messages that exist."""
    query = select(Message.id, Message.channel_id, Message.provider_message_id)
    rows = await session.execute(query.where(Message.workspace_id == workspace_id, Message.id.in_(message_ids)))
    return {row.id: (row.channel_id, row.provider_message_id) for row in rows}


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
