"""What runs say of themselves, written in groups: thousands of channels that start or fail together are a few statements."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Literal

import structlog

from tidings.channels.activity import Happened, note_activity

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from tidings.supervision.leases import Held, Worker

log = structlog.get_logger(__name__)

State = Literal["starting", "running", "degraded"]
MOST_WAITING = 10_000
"""Activities that wait to be written; with the database away for long, the oldest are left out."""
_AT_ONCE = 2_000


class Board:
    """States are kept by channel, the last one counts."""

    def __init__(self, pool: asyncpg.Pool, worker: Worker) -> None:
        self._pool = pool
        self._worker = worker
        self._states: dict[UUID, tuple[UUID, int, str, str]] = {}
        self._happened: deque[Happened] = deque(maxlen=MOST_WAITING)

    def say(self, held: Held, state: State, detail: str = "") -> None:
        """How a run fares from now on."""
        self._states[held.channel_id] = (held.channel_id, held.fence, state, detail.replace("\0", "")[:500])

    def note(self, channel_id: UUID, kind: str, detail: str = "") -> None:
        """Something happened."""
        self._happened.append(Happened(channel_id, kind, detail))

    async def write(self) -> None:
        """Write what there is. What cannot be written stays for the next time."""
        while self._states or self._happened:
            states = {key: self._states[key] for key in list(self._states)[:_AT_ONCE]}
            happened = [self._happened.popleft() for _ in range(min(len(self._happened), _AT_ONCE))]
            for key in states:
                del self._states[key]
            try:
                async with asyncio.timeout(10), self._pool.acquire() as connection, connection.transaction():
                    await self._worker.note_states(connection, list(states.values()))
                    await note_activity(connection, happened)
            except BaseException:
                self._states = {**states, **self._states}
                self._happened.extendleft(reversed(happened))
                raise
