"""One place where the ends of all paced channels of a worker are gathered and written together.

A paced channel ends a few messages in 100 ms. Written by themselves they cost more in statements than in rows; a hundred channels'
ends fit into one. What is more than good news (an error's code, a pause, a stop) is written channel by channel as ever, and so is
what could not be written together: nothing that one channel brings can keep the others' results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from tidings.delivery import queries
from tidings.delivery.settling import SETTLE_COUNT, SETTLE_SECONDS, Settler

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import asyncpg

    from tidings.channels.runtime import RunningChannel
    from tidings.delivery.health import Effect
    from tidings.delivery.queries import Ended

log = structlog.get_logger(__name__)


class SettleDesk:
    """Shared by all turns of a worker. Needs no task of its own: the first result that comes sets the clock."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: dict[_TurnSettler, None] = {}
        self._gathered = 0
        self._clock: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def settler(self, channel: RunningChannel) -> Settler:
        """For one turn of this channel."""
        return _TurnSettler(self, self._pool, channel)

    def came(self, settler: _TurnSettler) -> None:
        """A turn has a result: it is written within 100 ms."""
        self._waiting[settler] = None
        self._gathered += 1
        if self._gathered >= SETTLE_COUNT:
            self.write_now()
        elif self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self.write_now)

    def write_now(self) -> None:
        """Write all that has gathered. An earlier write that still runs is not waited for: the pool's size bounds how many there are."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        settlers, self._waiting, self._gathered = self._waiting, {}, 0
        together: list[tuple[_TurnSettler, list[Ended]]] = []
        for settler in settlers:
            ended, effects = settler.take()
            if effects or any(one.settlement.code is not None for one in ended):
                self._begin(settler.write(ended, effects))
            else:
                together.append((settler, ended))
        if together:
            self._begin(self._write_together(together))

    def _begin(self, write: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(write)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write_together(self, parts: Sequence[tuple[_TurnSettler, list[Ended]]]) -> None:
        rows = [(settler.channel.workspace_id, settler.channel.id, ended) for settler, ended in parts]
        try:
            async with self._pool.acquire() as connection:
                await queries.settle_together(connection, rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one channel's affair, and which one's the others need not wait to see
            log.warning("settled_apart", channels=len(parts), error=str(error))
            await asyncio.gather(*(settler.write(ended, []) for settler, ended in parts))
        else:
            for settler, ended in parts:
                settler.was_written(ended)


class _TurnSettler(Settler):
    """A turn's side of the desk."""

    def __init__(self, desk: SettleDesk, pool: asyncpg.Pool, channel: RunningChannel) -> None:
        super().__init__(pool, channel)
        self._desk = desk
        self._under_way = 0
        self._fault: Exception | None = None
        self._idle = asyncio.Event()
        self.channel = channel

    def add(self, ended: Ended) -> None:
        self._ended.append(ended)
        self.added += 1
        self._desk.came(self)

    def add_effect(self, effect: Effect) -> None:
        self._effects.append(effect)
        self._desk.came(self)
        self._desk.write_now()

    def write_soon(self) -> None:
        self._desk.write_now()

    async def run(self) -> None:
        """Wait until `finish` was called and all is written."""
        await self._enough.wait()
        while self._fault is None and (self._ended or self._effects or self._under_way):
            self._idle.clear()
            self._desk.write_now()
            await self._idle.wait()
        if self._fault is not None:
            raise self._fault

    # --- called by the desk -------------------------------------------------------------------------------------------

    def take(self) -> tuple[list[Ended], list[Effect]]:
        """What is to be written now."""
        self._under_way += 1
        return self._take()

    async def write(self, ended: list[Ended], effects: list[Effect]) -> None:
        """Write by itself, again and again until the database takes it. A defect ends the turn, and recovery finds its claims."""
        try:
            await self._write_until_taken(ended, effects)
        except Exception as error:  # noqa: BLE001 - raised by `run`
            self._fault = error
            self._enough.set()
            self._idle.set()
        else:
            self.was_written(ended)

    def was_written(self, ended: list[Ended]) -> None:
        """These of those taken are in the ledger."""
        self._note_written(ended)
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()
