"""The claim of a channel whose recipients have a pace of their own, or that may send only so much in any 24 hours.

One `Limited` serves one turn; the claim itself is made for many channels at once (claim_desk.py). What a claim reserves is written with it (limited.sql); what this turn learns of its own requests, that they
have ended or that nothing left, makes later claims of the turn sooner, and is written at its end. If it is lost, the reservations stand
as they were made: for the worst case.
"""

from __future__ import annotations

import time
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from tidings.channels.recipients import DayCap, Waiting, day_cap, longest_window, place_of, rules_for, sort_out
from tidings.core.addresses import is_group
from tidings.db.sql import NamedSql
from tidings.delivery.pacing import LONGEST_GAP
from tidings.delivery.queries import CLAIM_SECONDS, Claimed, read_claimed

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.runtime import RunningChannel
    from tidings.delivery.rules import Settlement

SQL = NamedSql("tidings.delivery", "limited.sql")
_WAY_SECONDS = 15.0
"""A request may wait 10 seconds for a connection and 5 for it to be made (providers/http.py)."""
LATEST = timedelta(seconds=CLAIM_SECONDS + _WAY_SECONDS)
"""After a claim: by then the provider has the message, or will never have it."""
MOST_LOOKED_AT = 1_000
_EPOCH = datetime.fromtimestamp(0, UTC)


class Taken(msgspec.Struct, frozen=True):
    """What one claim came to."""

    claimed: Sequence[Claimed]
    moved: int
    """How many others were ended or put off: there may be more behind them."""
    wait: timedelta | None = None
    """The day's cap is reached: nothing leaves before so long."""


class Chosen(msgspec.Struct, frozen=True):
    """What is to become of the due messages of a channel."""

    now: Sequence[tuple[UUID, str]]
    """Each with the state that it gets: some end here."""
    later: Mapping[UUID, datetime]
    sources: AbstractSet[UUID]
    """Whose texts those that go now have."""

    @property
    def count(self) -> int:
        """How many are to be sent now."""
        return sum(status == "sending" for _, status in self.now)


class _Open(msgspec.Struct):
    """A reservation of this turn."""

    address: str
    ended_at: float | None = None
    """Monotonic; None while the request has not ended."""


class Limited:
    """One turn's view of whom the channel wrote to, and of its day."""

    def __init__(self, channel: RunningChannel) -> None:
        self._channel = channel
        self._limits = channel.limits
        self._rules = channel.limits.per_recipient
        self._longest = longest_window(self._rules)
        self._is_group = partial(is_group, channel.medium)
        self._of_recipients = channel.limits.per_day is not None and channel.limits.per_day_counts == "recipients"
        self._opened: dict[tuple[UUID, int], _Open] = {}
        self._places: dict[tuple[UUID, int], datetime] = {}
        self._given_back: Counter[datetime] = Counter()
        self._look_further = 1
        self._count = 0
        self._now = _EPOCH
        self._cap: DayCap | None = None
        self._soon: list[float] = []

    @property
    def has_pace(self) -> bool:
        """Whether each recipient has a pace."""
        return bool(self._rules)

    @classmethod
    def of(cls, channel: RunningChannel) -> Limited | None:
        """None where the channel has no such limits: then nothing of this is done."""
        return cls(channel) if channel.limits.per_recipient or channel.limits.per_day is not None else None

    async def open(self, connection: asyncpg.Connection, count: int, now: datetime) -> timedelta | None:
        """Look at the day before a claim of up to `count`. Where its cap is reached: how long until something may leave."""
        await self._give_back(connection)
        self._count, self._now, self._cap = count, now, await self._read_cap(connection)
        if self._cap is not None and not self._of_recipients:
            if self._cap.room == 0:
                return max(self._cap.free_at(1, now) - now, timedelta(seconds=1))
            self._count = min(count, self._cap.room)
        return None

    @property
    def look(self) -> tuple[UUID, UUID, int, timedelta, bool]:
        """What the claim asks of this channel, as `due` takes it."""
        most = min(self._count * self._look_further, max(self._count, MOST_LOOKED_AT))
        return self._channel.id, self._channel.workspace_id, most, self._longest, self._of_recipients

    def choose(self, rows: Sequence[asyncpg.Record]) -> Chosen:
        """Which of the due messages go now, and which when."""
        recipients = self._cap if self._of_recipients else None
        waiting = [self._waiting(row, self._now) for row in rows]
        chosen = sort_out(waiting, self._rules, most=self._count, now=self._now, is_group=self._is_group, recipients=recipients)
        # Where most wait for the same few, looking at more of them at once spreads them over the time to come.
        self._look_further = min(self._look_further * 4, MOST_LOOKED_AT) if 2 * len(chosen.later) > len(rows) else 1
        self._remember(chosen.later.values(), self._now)
        going = set(chosen.now)
        ends = {row["id"]: _ending(row) for row in rows if row["id"] in going}
        sources = {row["frozen"] for row in rows if row["id"] in going} - {None}
        return Chosen([(one, ends[one]) for one in chosen.now], chosen.later, sources)

    async def took(
        self, connection: asyncpg.Connection, chosen: Chosen, rows: Sequence[asyncpg.Record], latest: datetime, claim_id: UUID
    ) -> Taken:
        """The chosen are marked: reserve what they need."""
        place = {message_id: index for index, (message_id, _) in enumerate(chosen.now)}
        claimed = read_claimed([row[:-1] for row in sorted(rows, key=lambda row: place[row["id"]])], claim_id)
        await self._reserve(connection, claimed, latest)
        return Taken(claimed, len(chosen.later) + len(rows) - len(claimed))

    def soon(self) -> timedelta | None:
        """How long until the next message that this turn put off, where that is worth waiting for."""
        now = time.monotonic()
        while self._soon and self._soon[0] <= now:
            self._soon.pop(0)
        return timedelta(seconds=self._soon[0] - now) if self._soon else None

    def _remember(self, times: Iterable[datetime], now: datetime) -> None:
        at = time.monotonic()
        for one in times:
            if one - now <= LONGEST_GAP and len(self._soon) < MOST_LOOKED_AT:
                insort(self._soon, at + (one - now).total_seconds())

    def ended(self, one: Claimed, settlement: Settlement) -> None:
        """The request for this message has ended, or was never begun."""
        key = (one.id, one.attempt)
        reservation = self._opened.get(key)
        if reservation is not None:
            reservation.ended_at = time.monotonic()
        place = self._places.pop(key, None)
        if place is not None and settlement.outcome in {"failed", "not_sent"}:
            self._given_back[place] += 1

    async def close(self, connection: asyncpg.Connection) -> None:
        """Write what this turn has learnt."""
        async with connection.transaction():
            await self._give_back(connection)
            if not self._opened:
                return
            now = time.monotonic()
            told = [
                (one.address, message_id, attempt, now - one.ended_at, self._is_over(one, now))
                for (message_id, attempt), one in sorted(self._opened.items())
                if one.ended_at is not None
            ]
            columns = [list(column) for column in zip(*told, strict=True)] or [[], [], [], [], []]
            await connection.execute(SQL.ended, self._channel.workspace_id, self._channel.id, *columns, self._longest)

    # --- what is known ------------------------------------------------------------------------------------------------

    async def _read_cap(self, connection: asyncpg.Connection) -> DayCap | None:
        if self._limits.per_day is None:
            return None
        rows = await connection.fetch(SQL.day, self._channel.workspace_id, self._channel.id)
        return day_cap(self._limits.per_day, {row["at"]: row["n"] for row in rows})

    def _waiting(self, row: asyncpg.Record, now: datetime) -> Waiting:
        sends = [
            self._latest(message_id, attempt, at, now)
            for message_id, attempt, at in zip(row["messages"] or (), row["attempts"] or (), row["at"] or (), strict=True)
        ]
        return Waiting(
            id=row["id"], address=row["address"], sends=sends, held_until=row["held_until"], ends_here=_ending(row) != "sending",
            counted=row["counted"],
        )  # fmt: skip

    def _latest(self, message_id: UUID, attempt: int, at: datetime, now: datetime) -> datetime:
        """When the provider had it: what this turn saw with its own eyes comes before the reservation."""
        seen = self._opened.get((message_id, attempt))
        if seen is None:
            return at
        if seen.ended_at is None:
            return max(at, now)  # its request is still in the air, however long that takes
        return min(at, now - timedelta(seconds=time.monotonic() - seen.ended_at))

    def _is_over(self, one: _Open, now: float) -> bool:
        window = longest_window(rules_for(self._rules, is_group=self._is_group(one.address)))
        return one.ended_at is not None and now - one.ended_at > window.total_seconds()

    # --- what is written ----------------------------------------------------------------------------------------------

    async def _reserve(self, connection: asyncpg.Connection, claimed: Sequence[Claimed], latest: datetime) -> None:
        if self._rules:
            self._opened |= {(one.id, one.attempt): _Open(one.address) for one in claimed}
        if self._limits.per_day is None or not claimed:
            return
        place = place_of(latest)
        where: tuple[Any, ...] = (self._channel.workspace_id, self._channel.id, place)
        if self._of_recipients:
            await connection.execute(SQL.take_recipient_places, *where, [one.address for one in claimed])
        else:
            await connection.execute(SQL.take_places, *where, len(claimed))
            self._places |= {(one.id, one.attempt): place for one in claimed}

    async def _give_back(self, connection: asyncpg.Connection) -> None:
        if self._given_back:
            given, self._given_back = self._given_back, Counter()
            where = (self._channel.workspace_id, self._channel.id)
            await connection.execute(SQL.give_back, *where, list(given), list(given.values()))


def _ending(row: asyncpg.Record) -> str:
    if row["opted_out"]:
        return "suppressed"
    return "expired" if row["expired"] else "sending"


async def hold_recipient(connection: asyncpg.Connection, channel: RunningChannel, address: str, until: datetime) -> None:
    """Leave one recipient alone until then, in every worker; the channel goes on."""
    await connection.execute(SQL.hold, channel.workspace_id, channel.id, address, until)
