"""The rows of a campaign's ledger, as lists and exports read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from tidings.db.sql import NamedSql
from tidings.delivery.rules import Status, status_column

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Recipient:
    """One row of a campaign's ledger."""

    id: UUID
    """The message's."""
    contact_id: UUID | None
    name: str
    medium: str
    address: str
    status: str
    suppression: str | None
    error_code: str | None
    error_detail: str | None
    attempt: int
    possible_duplicate: bool
    segments: int | None
    cost_micros: int | None
    cost_currency: str | None
    provider_message_id: str | None
    resend_of: UUID | None
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    settled_at: datetime | None


STATUSES_OF_WORD = {"delivered": ("delivered", "read"), "waiting": ("scheduled", "queued", "sending")}
"""Words of the ledger that stand for several statuses."""
_START = UUID(int=0)
_RECIPIENTS = NamedSql("tidings.campaigns", "ledger.sql").recipients


async def list_recipients(
    session: AsyncSession,
    workspace_id: UUID,
    campaign_id: UUID,
    *,
    statuses: Sequence[str] = (),
    contacts: Sequence[UUID] | None = None,
    address: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Recipient]:
    """The next rows of a campaign's ledger; those whose address it is or whose contact is among these, where either is given."""
    values: dict[str, Any] = {"workspace_id": workspace_id, "campaign_id": campaign_id, "after": after or _START, "limit": limit}
    where = ""
    if statuses:
        # Written out, not bound: only so can the planner prove that a partial index covers them.
        listed = ", ".join(f"'{one}'" for one in map(Status, statuses))
        where += f" AND m.{status_column(statuses)} IN ({listed})"
    if contacts is not None or address is not None:
        where += " AND (m.contact_id = ANY(CAST(:contacts AS uuid[])) OR m.address = :address)"
        values |= {"contacts": list(contacts or ()), "address": address or ""}
    rows = await session.execute(text(f"{_RECIPIENTS}{where} ORDER BY m.id LIMIT :limit"), values)
    return [Recipient(*row) for row in rows]
