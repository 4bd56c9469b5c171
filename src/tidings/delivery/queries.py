"""The engine's statements as functions. Each takes a bare asyncpg connection with the engine's role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from tidings.core.ids import new_id
from tidings.db.sql import NamedSql
from tidings.delivery.rules import BULK, Delivery, Settlement

if TYPE_CHECKING:
    import asyncpg

_CLAIM = NamedSql("tidings.delivery", "claim.sql")
_SETTLE = NamedSql("tidings.delivery", "settle.sql")
_LIMITED = NamedSql("tidings.delivery", "limited.sql")
_TOGETHER = NamedSql("tidings.delivery", "settle_together.sql")
_VARIABLES: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])

CLAIM_SECONDS = 6.0
"""A claimed message's request may begin only so long after the claim."""
RECOVER_AFTER = timedelta(seconds=8)
"""Claims older than this are a dead worker's. Longer than CLAIM_SECONDS, so that no request can begin after its recovery."""


class Claimed(msgspec.Struct, frozen=True):
    """A message this worker has taken to send."""

    id: UUID
    source_id: UUID
    address: str
    text: str | None
    variables: dict[str, Any] | None
    delivery: Delivery
    attempt: int
    failures: int
    claim_id: UUID
    content: str | None = None
    """What it carries besides its text, as JSON; None for a campaign's, which is frozen with its text."""
    priority: int = BULK


class Ended(msgspec.Struct, frozen=True):
    """A claimed message and what is to be written of it."""

    message: Claimed
    settlement: Settlement
    latency_ms: int | None
    segments: int | None = None
    """SMS parts by our own count; a provider's count comes first."""

    @property
    def went_well(self) -> bool:
        """Whether the provider took it."""
        return self.settlement.outcome == "accepted"


@dataclass(frozen=True, slots=True)
class Pace:
    """A channel's shared pace as the database holds it."""

    next_free_at: datetime
    paused_until: datetime
    failures_in_row: int
    breaker: str
    now: datetime


async def read_pace(connection: asyncpg.Connection, channel_id: UUID) -> Pace:
    """The pace, locked until the transaction ends. Makes the row of a new channel."""
    row = await connection.fetchrow(_CLAIM.pace, channel_id)
    if row is None:
        await connection.execute(_CLAIM.open_pace, channel_id)
        row = await connection.fetchrow(_CLAIM.pace, channel_id)
    return _pace(row)


async def read_paces(connection: asyncpg.Connection, channel_ids: Sequence[UUID]) -> dict[UUID, Pace]:
    """The paces of many, locked likewise; those that somebody else has locked are left out."""
    rows = await connection.fetch(_LIMITED.paces, channel_ids)
    if len(rows) < len(channel_ids):
        missing = sorted(set(channel_ids) - {row["channel_id"] for row in rows})
        await connection.execute(_LIMITED.open_paces, missing)
        rows += await connection.fetch(_LIMITED.paces, missing)
    return {row["channel_id"]: _pace(row) for row in rows}


def _pace(row: asyncpg.Record) -> Pace:
    return Pace(row["next_free_at"], row["paused_until"], row["failures_in_row"], row["breaker"], row["now"])


async def reserve_pace(connection: asyncpg.Connection, channel_id: UUID, next_free_at: datetime) -> None:
    """Write a reservation, in the transaction of the claim it is for."""
    await connection.execute(_CLAIM.reserve_pace, channel_id, next_free_at)


async def pause(
    connection: asyncpg.Connection, channel_id: UUID, *, until: datetime, reason: str, failures_in_row: int, breaker_open: bool
) -> None:
    """Leave the channel alone until then, in every worker."""
    await connection.execute(_CLAIM.pause, channel_id, until, reason, failures_in_row, "open" if breaker_open else "closed")


async def note_works(connection: asyncpg.Connection, channel_id: UUID) -> None:
    """A message went through: close the breaker."""
    await connection.execute(_CLAIM.works, channel_id)


async def claim(
    connection: asyncpg.Connection, channel_id: UUID, workspace_id: UUID, count: int, claim_id: UUID | None = None
) -> tuple[list[Claimed], int]:
    """Take up to `count` due messages; also say how many ended right here (expired, opted out)."""
    claim_id = claim_id or new_id()
    rows = await connection.fetch(_CLAIM.claim, channel_id, workspace_id, count, claim_id)
    taken = read_claimed(rows, claim_id)
    return taken, len(rows) - len(taken)


def read_claimed(rows: Iterable[Iterable[Any]], claim_id: UUID) -> list[Claimed]:
    """Those rows of a claim that are to be sent; the others ended at it. The columns are those of `claim`, in its order."""
    return [
        Claimed(
            id_,
            source_id,
            address,
            text,
            None if variables is None else _VARIABLES.decode(variables),
            delivery,
            attempt,
            failures,
            claim_id,
            content,
            priority,
        )
        for id_, status, source_id, address, text, variables, delivery, attempt, failures, content, priority in rows
        if status == "sending"
    ]


async def open_windows(connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID, addresses: Sequence[str], window: timedelta) -> set[str]:  # fmt: skip
    """Those of the addresses whose person wrote to the channel within the window."""
    rows = await connection.fetch(_CLAIM.open_windows, workspace_id, channel_id, list(addresses), window)
    return {row["address"] for row in rows}


async def source_text(connection: asyncpg.Connection, workspace_id: UUID, source_id: UUID) -> tuple[str, str | None] | None:
    """The frozen text of a campaign, and what goes with it as JSON."""
    row = await connection.fetchrow(_CLAIM.source_text, workspace_id, source_id)
    return None if row is None else (row["text"], row["content"])


async def end_claims(connection: asyncpg.Connection, channel_id: UUID, workspace_id: UUID, claim_ids: Sequence[UUID]) -> None:
    """Forget claims of which every message is settled."""
    await connection.execute(_CLAIM.end_claims, workspace_id, channel_id, list(claim_ids))


async def recover(connection: asyncpg.Connection, channel_id: UUID, workspace_id: UUID, max_attempts: int) -> int:
    """Settle what dead workers left in the air; return how many there were."""
    result: str = await connection.execute(_CLAIM.recover, channel_id, workspace_id, RECOVER_AFTER, max_attempts)
    return int(result.rpartition(" ")[2])


async def has_claims(connection: asyncpg.Connection, channel_id: UUID, workspace_id: UUID) -> bool:
    """Whether anything of this channel may be claimed and not settled."""
    found: bool = await connection.fetchval(_CLAIM.has_claims, workspace_id, channel_id)
    return found


async def has_due(connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID) -> bool:
    """Say whether a drain of this channel would find anything to do."""
    found: bool = await connection.fetchval(_CLAIM.has_due, workspace_id, channel_id, RECOVER_AFTER)
    return found


async def channels_to_sweep(connection: asyncpg.Connection) -> list[UUID]:
    """Channels with due work that nobody drains."""
    return [row["id"] for row in await connection.fetch(_CLAIM.sweep, RECOVER_AFTER)]


async def settle_many(connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID, ended: Sequence[Ended]) -> int:
    """Write the ends of many attempts; return how many of them still counted. In a transaction, unless all went well."""
    in_order = sorted(ended, key=lambda one: one.message.id)
    well: list[Ended] = []
    others: list[Ended] = []
    for one in in_order:
        (well if one.went_well else others).append(one)
    late = await _settle_accepted(connection, workspace_id, channel_id, well) if well else []
    if others:
        rows = await connection.fetch(_SETTLE.settle, workspace_id, channel_id, *_columns(others))
        settled = {(row[0], row[1]) for row in rows}
        late += [one for one in others if (one.message.id, one.message.attempt) not in settled]
    if not late:
        return len(in_order)
    resolved: int = await connection.fetchval(_SETTLE.settle_late, workspace_id, channel_id, *_columns(late))
    return len(in_order) - len(late) + resolved


async def _settle_accepted(connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID, ended: Sequence[Ended]) -> list[Ended]:
    """Write them; return those whose row was not waiting for it."""
    rows = await connection.fetch(
        _SETTLE.settle_accepted, workspace_id, channel_id, *map(list, zip(*map(_accepted_row, ended), strict=True))
    )
    if not rows:
        return []
    missed = {(row[0], row[1]) for row in rows}
    return [one for one in ended if (one.message.id, one.message.attempt) in missed]


async def settle_together(connection: asyncpg.Connection, parts: Sequence[tuple[UUID, UUID, Sequence[Ended]]]) -> None:
    """Write the ends of many channels, each with its workspace and channel, in one statement."""
    flat = sorted(((one.message.id, workspace, channel, one) for workspace, channel, ended in parts for one in ended), key=itemgetter(0))
    columns = _columns([one for *_, one in flat])
    rows = await connection.fetch(_TOGETHER.settle_together, [each[1] for each in flat], [each[2] for each in flat], *columns)
    if len(rows) == len(flat):
        return
    settled = {(row[0], row[1]) for row in rows}
    for workspace, channel, ended in parts:
        late = [one for one in ended if (one.message.id, one.message.attempt) not in settled]
        if late:
            await connection.execute(_SETTLE.settle_late, workspace, channel, *_columns(late))


def _columns(ended: Sequence[Ended]) -> Iterator[list[Any]]:
    """One list a column, as settle.sql unnests them."""
    return map(list, zip(*map(_row, ended), strict=True))


def _accepted_row(one: Ended) -> tuple[Any, ...]:
    message, what = one.message, one.settlement
    cost = what.cost
    return (
        message.id, message.attempt, what.status.value, what.provider_message_id, what.segments or one.segments,
        cost.micros if cost else None, cost.currency if cost else None, one.latency_ms,
    )  # fmt: skip


def _row(one: Ended) -> tuple[Any, ...]:
    what = one.settlement
    cost = what.cost
    return (
        one.message.id, one.message.attempt, what.status.value, what.outcome, what.due_at, what.failed, what.possible_duplicate,
        what.code.value if what.code else None, what.provider_code, what.detail, what.provider_message_id,
        what.segments or one.segments,
        cost.micros if cost else None, cost.currency if cost else None, one.latency_ms,
    )  # fmt: skip
