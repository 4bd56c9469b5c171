"""Writes down what providers say of messages, and moves the messages on. The only place where a receipt changes a status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tidings.contacts.service import opt_out
from tidings.core.clock import utc_now
from tidings.core.ids import id_floor, new_id, read_id
from tidings.db.sql import NamedSql
from tidings.providers.base import ErrorCode, Receipt

if TYPE_CHECKING:
    import asyncpg

_SQL = NamedSql("tidings.messages", "apply_receipts.sql")

REMATCH_FOR = timedelta(days=2)
"""A receipt without a message is tried again for so long."""
_SOON = timedelta(minutes=2)
_LONGEST_ID = 255
_LONGEST_DETAIL = 500
_MOST_MICROS = 2**63
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Heard:
    """A receipt, and the channel whose hook it came by."""

    workspace_id: UUID
    channel_id: UUID
    receipt: Receipt


async def apply_receipts(connection: asyncpg.Connection, heard: Sequence[Heard]) -> int:
    """Record receipts and move their messages forward, in the caller's transaction; return how many messages changed."""
    if not heard:
        return 0
    await connection.execute(_SQL.plan_anew)
    columns = zip(*(_columns(one) for one in heard), strict=True)
    rows = await connection.fetch(_SQL.record, *map(list, columns))
    changed = await _advance(connection, [(row["workspace_id"], row["id"], row["message_id"]) for row in rows if row["message_id"]])
    await _opt_out(connection, ((row["workspace_id"], row["message_id"]) for row in rows if row["code"] == ErrorCode.OPTED_OUT))
    return changed


async def rematch_receipts(connection: asyncpg.Connection) -> int:
    """Apply the receipts of the last two minutes whose message has got its provider id meanwhile; return how many there were."""
    now = utc_now()
    return (await _rematch(connection, id_floor(now - _SOON), id_floor(now + _SOON)))[0]


async def rematch_old_receipts(connection: asyncpg.Connection) -> int:
    """The same for those of the last two days, page by page; return how many there were."""
    now = utc_now()
    after: UUID | None = id_floor(now - REMATCH_FOR)
    count = 0
    while after is not None:
        found, after = await _rematch(connection, after, id_floor(now))
        count += found
    return count


async def _rematch(connection: asyncpg.Connection, after: UUID, before: UUID) -> tuple[int, UUID | None]:
    """How many of a page were matched, and where the next page begins (None: this was the last)."""
    async with connection.transaction():
        await connection.execute(_SQL.plan_anew)
        row = await connection.fetchrow(_SQL.rematch, after, before, _PAGE)
        await _advance(connection, list(zip(row["workspaces"], row["receipts"], row["messages"], strict=True)))
    return len(row["receipts"]), row["last_id"] if row["looked_at"] == _PAGE else None


async def _advance(connection: asyncpg.Connection, matched: Sequence[tuple[UUID, UUID, UUID]]) -> int:
    """`matched` are workspace, receipt, message."""
    if not matched:
        return 0
    workspaces, receipts, messages = (list(column) for column in zip(*matched, strict=True))
    await connection.execute(_SQL.lock, workspaces, messages)
    count: int = await connection.fetchval(_SQL.advance, workspaces, receipts, messages)
    return count


async def _opt_out(connection: asyncpg.Connection, messages: Iterable[tuple[UUID, UUID | None]]) -> None:
    """A provider that refused a message because its recipient opted out there has told us of the opt-out."""
    known = [one for one in messages if one[1] is not None]
    if known:
        for row in await connection.fetch(_SQL.addresses, [one[0] for one in known], [one[1] for one in known]):
            await opt_out(connection, row["workspace_id"], row["medium"], row["address"], "provider", "told by a receipt")


def _columns(heard: Heard) -> tuple[Any, ...]:
    receipt = heard.receipt
    cost = receipt.cost if receipt.cost is not None and abs(receipt.cost.micros) < _MOST_MICROS else None
    return (
        heard.workspace_id, new_id(), heard.channel_id, read_id("msg", receipt.reference) if receipt.reference else None,
        _clean(receipt.provider_message_id, _LONGEST_ID), receipt.status, _clean(receipt.provider_status, _LONGEST_ID),
        receipt.code.value if receipt.code else None, _clean(receipt.detail, _LONGEST_DETAIL) if receipt.detail else None,
        receipt.segments if receipt.segments is not None and 0 < receipt.segments < 1000 else None,
        cost.micros if cost else None, cost.currency if cost else None, _time(receipt.at),
    )  # fmt: skip


def _clean(text: str, longest: int) -> str:
    """Text from outside as PostgreSQL takes it: it has no NUL, and a lone surrogate is no character."""
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode()


def _time(at: datetime | None) -> datetime | None:
    return at if at is not None and at.tzinfo is not None else None
