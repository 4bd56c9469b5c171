"""Messages and receipts for tests, written and read straight in the tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from tests.channels.builders import Made
from tidings.core.ids import new_id, show_id
from tidings.messages.apply_receipts import Heard
from tidings.providers.base import ErrorCode, Receipt

NUMBER = "+254700000001"


async def message(
    connection: asyncpg.Connection,
    at: Made,
    *,
    status: str = "sent",
    provider_message_id: str | None = "SM1",
    attempt: int = 1,
    address: str = NUMBER,
    campaign_id: UUID | None = None,
) -> UUID:
    message_id = new_id()
    await connection.execute(
        "INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, provider_message_id, attempt, claimed_at, "
        "error_code, suppression, campaign_id) VALUES ($1, $2, $3, 'sms', $4, 'Hello', $5, $6, $7, now(), $8, $9, $10)",
        at.workspace_id, message_id, at.id, address, status, provider_message_id, attempt,
        "unreachable" if status == "failed" else None, "opted_out" if status == "suppressed" else None, campaign_id,
    )  # fmt: skip
    return message_id


def heard(
    at: Made, status: str, provider_message_id: str = "SM1", *, of: UUID | None = None, said_at: datetime | None = None, **more: Any
) -> Heard:
    """A receipt that came by this channel's hook; with `of`, it brings our own id back."""
    if status == "failed":
        more.setdefault("code", ErrorCode.UNREACHABLE)
    receipt = Receipt(
        provider_message_id=provider_message_id,
        status=status,
        provider_status=status,
        reference=show_id("msg", of) if of else None,
        at=said_at,
        **more,
    )
    return Heard(at.workspace_id, at.id, receipt)


async def status(connection: asyncpg.Connection, message_id: UUID) -> str:
    return await connection.fetchval("SELECT status FROM messages WHERE id = $1", message_id)


async def row(connection: asyncpg.Connection, message_id: UUID) -> asyncpg.Record:
    return await connection.fetchrow("SELECT * FROM messages WHERE id = $1", message_id)
