"""Who runs which channel: leases in PostgreSQL, so that each is run by exactly one worker.

The lease is the worker's row, renewed by one small write; a channel is held by the living worker that its standing names. Each
taking moves the channel's fence on, and everything a run writes is refused once the fence has moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.db.sql import NamedSql
from tidings.delivery.wake import drain_at
from tidings.providers import PROVIDERS
from tidings.supervision.rules import Spread

if TYPE_CHECKING:
    import asyncpg

_SQL = NamedSql("tidings.supervision", "leases.sql")

LEASE = timedelta(seconds=12)
"""A worker silent for so long has lost what it ran."""
GIVE_UP_SECONDS = 9.0
"""A worker that could not renew for so long ends its runs by itself, before anybody else may begin them."""


def polled() -> list[str]:
    """Providers that can be asked for what came in."""
    return [kind for kind, one in PROVIDERS.items() if one.description.capabilities.polling]


def standing() -> list[str]:
    """Providers with standing sessions."""
    return [kind for kind, one in PROVIDERS.items() if one.description.capabilities.sessions]


# A channel needs a run while it is to go: to poll, to keep its session, or to tell the service once that it is to call us.
_WANTED = """
    c.enabled AND c.stopped_at IS NULL AND c.deleted_at IS NULL AND (
        (c.receive = 'polling' AND c.provider = ANY ($2::text[])) OR c.provider = ANY ($3::text[])
        OR ($4::text <> '' AND c.receive = 'hook' AND c.provider = ANY ($2::text[]) AND s.told IS DISTINCT FROM $4::text))
"""
_SPREAD, _OVER, _TAKE = (statement.replace("{wanted}", _WANTED) for statement in (_SQL.spread, _SQL.over, _SQL.take))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A channel that this worker has taken."""

    channel_id: UUID
    fence: int
    cursor: str
    told: str | None


class LeaseLost(Exception):
    """Somebody else runs this channel by now. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """This worker as the leases know it."""

    id: UUID
    capacity: int
    public_url: str

    @property
    def told(self) -> str:
        """What is noted of a channel whose service was told to call us here; empty where it cannot."""
        return f"hook {self.public_url}" if self.public_url else ""

    @property
    def drain(self) -> str:
        """The name of drain jobs that only this worker takes."""
        return drain_at(self.id)

    async def enlist(self, connection: asyncpg.Connection) -> None:
        """Be there."""
        await connection.execute(_SQL.enlist, self.id, self.capacity, LEASE)
        await connection.execute(_SQL.forget_dead)

    async def renew(self, connection: asyncpg.Connection) -> bool:
        """Stay there. False: the lease had expired, and nothing is this worker's any more."""
        return bool(await connection.fetchval(_SQL.renew, self.id, LEASE))

    async def resign(self, connection: asyncpg.Connection) -> None:
        """Hand everything back and be gone."""
        await connection.execute(_SQL.release_all, self.id)
        await connection.execute(_SQL.resign, self.id)

    async def release(self, connection: asyncpg.Connection, channels: Sequence[UUID]) -> None:
        """Hand these back. Their runs must have ended."""
        await connection.execute(_SQL.release, self.id, list(channels))

    async def release_all(self, connection: asyncpg.Connection) -> None:
        """Hand everything back and stay. All runs must have ended."""
        await connection.execute(_SQL.release_all, self.id)

    async def held(self, connection: asyncpg.Connection) -> list[UUID]:
        """All that the tables say is this worker's."""
        return [row["channel_id"] for row in await connection.fetch(_SQL.held, self.id)]

    async def over(self, connection: asyncpg.Connection) -> list[UUID]:
        """What is held and must end, or begin anew."""
        return [row["channel_id"] for row in await connection.fetch(_OVER, self.id, polled(), standing(), self.told)]

    async def spread(self, connection: asyncpg.Connection) -> Spread:
        """What there is to run, and who is there."""
        row = await connection.fetchrow(_SPREAD, self.id, polled(), standing(), self.told)
        return Spread(wanted=row["wanted"], mine=row["mine"], capacity=self.capacity, capacity_of_all=row["capacity_of_all"])

    async def take(self, connection: asyncpg.Connection, count: int) -> list[Held]:
        """Take up to so many that nobody runs."""
        async with connection.transaction():
            rows = await connection.fetch(_TAKE, self.id, polled(), standing(), self.told, count)
            if rows and standing():
                await connection.execute(_SQL.drop_stray_jobs, [f"drain:{row['channel_id']}" for row in rows], self.drain)
        return [Held(channel_id=row["channel_id"], fence=row["fence"], cursor=row["cursor"], told=row["told"]) for row in rows]

    # --- what a run writes, refused once the channel is another's -----------------------------------------------------

    async def move_cursor(self, pool: asyncpg.Pool, held: Held, cursor: str) -> None:
        """What came before is written down: go on from here. Raises LeaseLost."""
        _mine(await pool.execute(_SQL.move_cursor, held.channel_id, self.id, held.fence, cursor))

    async def note_told(self, pool: asyncpg.Pool, held: Held, told: str) -> None:
        """The service knows which way the channel receives. Raises LeaseLost."""
        _mine(await pool.execute(_SQL.note_told, held.channel_id, self.id, held.fence, told))

    async def note_states(self, connection: asyncpg.Connection, said: Sequence[tuple[UUID, int, str, str]]) -> None:
        """What runs say of themselves: channel, fence, state, detail."""
        if said:
            await connection.execute(_SQL.note_states, self.id, *map(list, zip(*said, strict=True)))

    async def due_probes(self, connection: asyncpg.Connection, count: int, again: timedelta) -> list[UUID]:
        """Channels to probe now; nobody else probes them before `again` has passed."""
        return [row["channel_id"] for row in await connection.fetch(_SQL.due_probes, self.id, standing(), count, again)]


def _mine(result: str) -> None:
    if result.endswith(" 0"):
        raise LeaseLost
