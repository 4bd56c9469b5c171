"""What a message by a channel has cost lately: the only price list that is always right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The mean price of a part (of a message, on mediums without parts), in millionths of the currency."""

    micros: float
    currency: str
    messages: int
    """How many messages it was taken from."""


async def recent_price(session: AsyncSession, workspace_id: UUID, channel_id: UUID) -> Price | None:
    """From the workspace's latest messages; None when the provider has told no cost of any by this channel."""
    row = (await session.execute(_RECENT, {"workspace_id": workspace_id, "channel_id": channel_id})).one_or_none()
    return None if row is None else Price(micros=float(row.micros), currency=row.currency, messages=row.messages)


# A bounded walk back from the newest: the same few milliseconds however long the ledger is.
_RECENT = text(
    """
    WITH latest AS (
        SELECT channel_id, cost_micros, cost_currency, segments FROM messages
        WHERE workspace_id = :workspace_id ORDER BY id DESC LIMIT 5000
    )
    SELECT sum(cost_micros)::float / sum(greatest(coalesce(segments, 1), 1)) AS micros, cost_currency AS currency, count(*) AS messages
    FROM latest WHERE channel_id = :channel_id AND cost_micros IS NOT NULL AND cost_currency IS NOT NULL
    GROUP BY cost_currency ORDER BY count(*) DESC LIMIT 1
    """
)
