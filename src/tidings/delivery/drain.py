"""A drain job: one channel's turn, from opening the channel to making sure that nobody's wake-up was lost."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from tidings.channels.runtime import RunningChannel, open_channel
from tidings.channels.standing import holder_of
from tidings.delivery import queries
from tidings.delivery.contents import Contents
from tidings.delivery.desks import Desks
from tidings.delivery.files import Files
from tidings.delivery.senders import leave_place, take_place
from tidings.delivery.slice import Slice
from tidings.delivery.wake import finish, hand_over

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.vault import Vault
    from tidings.providers.http import Http
    from tidings.settings import Settings

log = structlog.get_logger(__name__)

_LONGEST_DELAY = timedelta(seconds=5)
"""Look again at least so often, so that a channel mended or given a faster pace goes on soon."""


LONGEST_TURN = 30.0
"""Seconds. So long a channel may keep its place while others are free; then any worker may have it, one that was started just now too."""


LONGEST_WAIT = 120.0
"""Seconds. So long a turn may go on that would otherwise wait for slow answers."""


@dataclass(slots=True)
class Places:
    """How many jobs a worker runs at once."""

    most: int = 0
    taken: int = 0

    @property
    def any_free(self) -> bool:
        """Whether nobody can be waiting for one."""
        return self.taken < self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What every drain of one worker shares."""

    pool: asyncpg.Pool
    http: Http
    vault: Vault
    settings: Settings
    contents: Contents
    desks: Desks
    files: Files
    here: UUID | None = None
    """This worker, as the leases of standing sessions name it."""
    stop: asyncio.Event
    """Set when the worker is to end: claim nothing more, finish what is in the air, settle."""
    places: Places = field(default_factory=Places)


async def drain(engine: Engine, job_id: int, channel_id: UUID) -> None:
    """Take one turn of a channel as the job with this id."""
    async with engine.pool.acquire() as connection:
        channel = await open_channel(connection, engine.vault, engine.settings, channel_id)
        if channel is None or not channel.sendable:
            await connection.execute("DELETE FROM pgqueuer WHERE id = $1", job_id)
            return
        if channel.provider.description.capabilities.sessions and not await _is_here(engine, connection, job_id, channel):
            return
        recovered = await queries.recover(connection, channel_id, channel.workspace_id, channel.retry.max_attempts)
        if recovered:
            log.warning("claims_recovered", channel_id=str(channel_id), messages=recovered)
        if not await take_place(connection, channel, job_id):
            return
        # What a dead worker claimed just before its end is not old enough yet: then another turn must follow soon.
        is_alone = not await queries.has_claims(connection, channel_id, channel.workspace_id)
    turn = Slice(
        pool=engine.pool,
        http=engine.http,
        contents=engine.contents,
        desks=engine.desks,
        files=engine.files,
        channel=channel,
        seconds=engine.settings.slice_seconds,
        stop=engine.stop,
        renew=partial(_renew, engine, channel, time.monotonic()) if is_alone else None,
    )
    end = await turn.run()
    async with engine.pool.acquire() as connection:
        await finish(connection, job_id, channel.workspace_id, channel_id, again=end.again, delay=min(end.delay, _LONGEST_DELAY))
        await leave_place(connection, channel, job_id)


async def _renew(engine: Engine, channel: RunningChannel, began: float, hangs: bool) -> bool:  # noqa: FBT001
    """Whether a turn may go on: the channel is what it was, and nobody waits for its place, or would have to wait for slow answers anyway."""
    age = time.monotonic() - began
    if age > LONGEST_WAIT or (not hangs and (age > LONGEST_TURN or not engine.places.any_free)):
        return False
    if channel.senders_at_once is not None or channel.provider.description.capabilities.sessions:
        return False  # others may be in line for it, or its session may have gone elsewhere
    async with engine.pool.acquire() as connection:
        return await open_channel(connection, engine.vault, engine.settings, channel.id) == channel


async def _is_here(engine: Engine, connection: asyncpg.Connection, job_id: int, channel: RunningChannel) -> bool:
    """Whether this worker holds the channel's session, without which nothing can be sent. If not, the drain is put where it is."""
    async with connection.transaction():
        holder = await holder_of(connection, channel.id)
        if holder == engine.here:
            return True
        await hand_over(connection, job_id, channel.workspace_id, channel.id, holder)
        return False
