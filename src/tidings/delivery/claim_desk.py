"""One place where the channels of a worker that keep limits claim together: many channels, one transaction (limited.sql).

Whoever has nothing to send goes at once, with all who wait. Who still has some hundred milliseconds of work ahead waits a moment for
others, because a claim costs more in statements than in rows. Should a claim of many fail, each is tried by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from asyncpg.exceptions import InsufficientResourcesError, InterfaceError, OperatorInterventionError, PostgresConnectionError

from tidings.core.ids import new_id
from tidings.delivery import queries
from tidings.delivery.limited import LATEST, SQL, Chosen, Limited, Taken
from tidings.delivery.pacing import Pacing, Plan
from tidings.delivery.queries import Pace
from tidings.delivery.windows import open_windows

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.pace import Reservation
    from tidings.channels.runtime import RunningChannel
    from tidings.delivery.contents import Contents, Frozen
    from tidings.delivery.health import Health

MOST_CHANNELS = 32
"""Channels of one claim: few enough that their rows are locked for some tens of milliseconds."""
LANES = 2
"""Claims under way at once."""
GATHER_SECONDS = 0.05
_BUSY = Plan(0, timedelta(milliseconds=50))
"""Another worker holds the channel's pace at this moment."""
_AWAY = (OSError, TimeoutError, InterfaceError, PostgresConnectionError, OperatorInterventionError, InsufficientResourcesError)


class Got(msgspec.Struct, frozen=True):
    """What a channel's claim came to."""

    plan: Plan
    begun: float
    """Monotonic: before the claim was written."""
    read_at: float = 0.0
    """Monotonic: when the pace was read."""
    pace: Pace | None = None
    taken: Taken = Taken((), 0)
    reservation: Reservation | None = None
    opened: set[str] | None = None
    frozen: Mapping[UUID, Frozen] = {}
    claim_id: UUID | None = None
    """What is in the air of it is found by this until the turn has settled all; None where nothing was taken."""


@dataclass(slots=True, kw_only=True, eq=False)
class Wish:
    """A channel that wants to claim."""

    channel: RunningChannel
    limited: Limited
    pacing: Pacing
    health: Health
    batch: int
    """How much a channel without a pace would claim."""
    answer: asyncio.Future[Got] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(slots=True, eq=False)
class _Claim:
    """One wish on its way through a claim."""

    wish: Wish
    pace: Pace
    plan: Plan
    rests: timedelta | None = None
    chosen: Chosen = field(default_factory=lambda: Chosen((), {}, set()))
    frozen: Mapping[UUID, Frozen] = field(default_factory=dict)
    taken: Taken = field(default_factory=lambda: Taken((), 0))
    reservation: Reservation | None = None
    opened: set[str] | None = None
    claim_id: UUID | None = None


class ClaimDesk:
    """Shared by all turns of a worker. Needs no task of its own: the first wish sets the clock."""

    def __init__(self, pool: asyncpg.Pool, contents: Contents) -> None:
        self._pool = pool
        self._contents = contents
        self._wishes: deque[Wish] = deque()
        self._clock: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def claim(self, wish: Wish, *, patient: bool) -> Got:
        """Claim for one channel, together with others. Who is patient has work for some hundred milliseconds yet."""
        self._wishes.append(wish)
        if not patient or len(self._wishes) >= MOST_CHANNELS:
            self._serve()
        elif self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._serve)
        return await wish.answer

    def _serve(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        while self._wishes and len(self._under_way) < LANES:
            task = asyncio.create_task(self._answer(self._next()))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _next(self) -> list[Wish]:
        """The next to claim together. Should a channel have two turns at once, each claims by itself: both reserve from the one pace."""
        chosen: dict[UUID, Wish] = {}
        later: list[Wish] = []
        while self._wishes and len(chosen) < MOST_CHANNELS:
            wish = self._wishes.popleft()
            if chosen.setdefault(wish.channel.id, wish) is not wish:
                later.append(wish)
        self._wishes.extendleft(reversed(later))
        return list(chosen.values())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._wishes and self._clock is None:
            self._serve()

    async def _answer(self, wishes: list[Wish]) -> None:
        wishes = [wish for wish in wishes if not wish.answer.done()]  # a turn that was cancelled wants nothing any more
        if not wishes:
            return
        try:
            got = await self._claim(wishes)
        except Exception as error:  # noqa: BLE001 - it is for the turns to judge
            if len(wishes) == 1 or _is_away(error):
                for wish in wishes:
                    _tell(wish, error)
            else:
                for wish in wishes:
                    await self._answer([wish])
        else:
            for wish, one in zip(wishes, got, strict=True):
                _tell(wish, one)

    async def _claim(self, wishes: Sequence[Wish]) -> list[Got]:
        begun = time.monotonic()
        async with self._pool.acquire() as connection, connection.transaction():
            paces = await queries.read_paces(connection, [wish.channel.id for wish in wishes])
            read_at = time.monotonic()
            claims = {wish: _planned(wish, paces[wish.channel.id]) for wish in wishes if wish.channel.id in paces}
            await self._take(connection, [claim for claim in claims.values() if claim.plan.count])
        return [Got(_BUSY, begun) if wish not in claims else _got(claims[wish], begun, read_at) for wish in wishes]

    async def _take(self, connection: asyncpg.Connection, claims: Sequence[_Claim]) -> None:
        for claim in claims:
            claim.rests = await claim.wish.limited.open(connection, claim.plan.count, claim.pace.now)
        claims = [claim for claim in claims if claim.rests is None]
        if not claims:
            return
        await self._choose(connection, claims)
        if not any(claim.chosen.now or claim.chosen.later for claim in claims):
            return
        latest = max(claim.pace.now for claim in claims) + LATEST
        claim_id = new_id()
        rows = await _write(connection, claims, latest, claim_id)
        for claim in claims:
            if claim.chosen.now:
                claim.claim_id = claim_id
                wish = claim.wish
                claim.taken = await wish.limited.took(connection, claim.chosen, rows.get(wish.channel.id, ()), latest, claim_id)
                claim.opened = await open_windows(connection, wish.channel, claim.taken.claimed)

    async def _choose(self, connection: asyncpg.Connection, claims: Sequence[_Claim]) -> None:
        due = await connection.fetch(SQL.due, *_columns([claim.wish.limited.look for claim in claims], 5))
        rows = {channel: list(group) for channel, group in groupby(due, key=itemgetter("channel_id"))}
        for claim in claims:
            wish, channel = claim.wish, claim.wish.channel
            claim.chosen = wish.limited.choose(rows.get(channel.id, ()))
            claim.taken = Taken((), len(claim.chosen.later))
            claim.reservation = wish.pacing.reserve(claim.pace, claim.chosen.count, claim.plan)
            claim.frozen = {source: await self._contents.get(connection, channel.workspace_id, source) for source in claim.chosen.sources}


async def _write(
    connection: asyncpg.Connection, claims: Sequence[_Claim], latest: datetime, claim_id: UUID
) -> dict[UUID, list[asyncpg.Record]]:
    """The rows that were marked, by channel."""
    marks = [
        (claim.wish.channel.workspace_id, message_id, status, claim.wish.limited.has_pace)
        for claim in claims for message_id, status in claim.chosen.now
    ]  # fmt: skip
    later = [(one.wish.channel.workspace_id, message_id, until) for one in claims for message_id, until in one.chosen.later.items()]
    paces = [(one.wish.channel.id, one.reservation.next_free_at) for one in claims if one.reservation is not None]
    rows: dict[UUID, list[asyncpg.Record]] = {}
    for row in await connection.fetch(SQL.take, latest, *_columns(marks, 4), *_columns(later, 3), *_columns(paces, 2), claim_id):
        rows.setdefault(row["channel_id"], []).append(row)
    return rows


def _is_away(error: Exception) -> bool:
    """Whether the database is, so that none of the channels would fare better by itself."""
    return isinstance(error, _AWAY) and not isinstance(error, ValueError)  # asyncpg's refusals of a value are InterfaceErrors too


def _planned(wish: Wish, pace: Pace) -> _Claim:
    wish.health.begin(failures_in_row=pace.failures_in_row, breaker_open=pace.breaker == "open")
    return _Claim(wish, pace, wish.pacing.plan(pace, probing=wish.health.probing, batch=wish.batch))


def _got(claim: _Claim, begun: float, read_at: float) -> Got:
    taken = claim.taken if claim.rests is None else Taken((), 0, claim.rests)
    return Got(claim.plan, begun, read_at, claim.pace, taken, claim.reservation, claim.opened, claim.frozen, claim.claim_id)


def _tell(wish: Wish, what: Got | Exception) -> None:
    if wish.answer.done():
        return
    if isinstance(what, Exception):
        wish.answer.set_exception(what)
    else:
        wish.answer.set_result(what)


def _columns(rows: Sequence[tuple[object, ...]], count: int) -> list[list[object]]:
    """One list a column, of which there are so many."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
