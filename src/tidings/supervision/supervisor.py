"""The supervisor of one worker: takes channels that must be run, runs them, and hands them back.

Two things keep a channel with one worker at a time. A worker that cannot renew its lease ends its runs before the lease is over;
and whatever a run writes is fenced, should it be late all the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from tidings.supervision.board import Board
from tidings.supervision.leases import GIVE_UP_SECONDS, Worker
from tidings.supervision.probes import Probes
from tidings.supervision.run import Run, Shared

if TYPE_CHECKING:
    from tidings.channels.vault import Vault
    from tidings.db.database import Database
    from tidings.providers.http import Http
    from tidings.receipts.writer import ReceiptWriter
    from tidings.settings import Settings

log = structlog.get_logger(__name__)

TICK_SECONDS = 2.0
"""How often the lease is renewed and free channels are looked for. With the lease, takeover comes within some 14 seconds."""
BATCH = 500
"""Channels taken or handed back at one tick."""
_TICK_LONGEST_SECONDS = 6.0
_BOARD_SECONDS = 0.5
_WATCH_SECONDS = 0.5


class Supervisor:
    """One for each worker process. `polls` are connections for what waits, `http` those for short questions."""

    def __init__(  # noqa: PLR0917
        self, worker: Worker, database: Database, vault: Vault, settings: Settings, polls: Http, http: Http, writer: ReceiptWriter
    ) -> None:
        self._worker = worker
        self._pool = database.pool
        self._board = Board(database.pool, worker)
        self._shared = Shared(
            pool=database.pool, http=polls, vault=vault, settings=settings, writer=writer, board=self._board, worker=worker
        )  # fmt: skip
        self._probes = Probes(database.pool, http, vault, settings, worker)
        self._runs: dict[UUID, Run] = {}
        self._renewed_at = -float("inf")
        """When the last renewal that succeeded was begun (monotonic)."""
        self._dropped = True
        """Whether the tables may name this worker for channels that it does not run."""
        self._leaving: set[UUID] = set()
        """Runs that end by themselves soon, for others to take."""
        self._changing = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Supervise until `stop` is set; then end all runs and hand everything back at once."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_repeat("channels_tick", TICK_SECONDS, self._tick, stop))
            tasks.create_task(_repeat("channels_board", _BOARD_SECONDS, self._board.write, stop))
            tasks.create_task(_repeat("channels_watch", _WATCH_SECONDS, self._watch, stop))
            tasks.create_task(self._probes.run(stop))
        await self._end(list(self._runs))
        # If this fails, the lease runs out by itself.
        with suppress(Exception):
            async with asyncio.timeout(5):
                await self._board.write()
                async with self._pool.acquire() as connection, connection.transaction():
                    await self._worker.resign(connection)

    async def _tick(self) -> None:
        async with asyncio.timeout(_TICK_LONGEST_SECONDS), self._changing:
            begun = time.monotonic()
            async with self._pool.acquire() as connection:
                if not await self._worker.renew(connection):
                    self._dropped = True
                if self._dropped:
                    await self._end(list(self._runs))
                    await self._worker.release_all(connection)
                    await self._worker.enlist(connection)
                    self._dropped = False
                self._renewed_at = begun
                over = set(await self._worker.over(connection)) | {key for key, run in self._runs.items() if run.task.done()}
                await self._hand_back(list(over))
                spread = await self._worker.spread(connection)
                if spread.mine != len(self._runs):
                    await self._agree(set(await self._worker.held(connection)))
                    return
                self._let_go(spread.to_give(BATCH))
                count = spread.to_take(BATCH)
                for held in await self._worker.take(connection, count) if count else ():
                    self._runs[held.channel_id] = Run(held, self._shared)

    def _let_go(self, count: int) -> None:
        """Have some runs end when their present poll does: nothing hurries, and a poll broken off would be asked beside the next one's."""
        self._leaving &= self._runs.keys()
        if not self._leaving:
            self._leaving = set(list(self._runs)[:count])
            for one in self._leaving:
                self._runs[one].leave()

    async def _agree(self, held: set[UUID]) -> None:
        """Run what the tables say and nothing else: a turn broken off may have taken what it never began, and a workspace may be gone."""
        await self._hand_back(list(held ^ self._runs.keys()))

    async def _watch(self) -> None:
        """End all runs when the lease could not be renewed for too long: others are about to take over."""
        if self._runs and time.monotonic() - self._renewed_at > GIVE_UP_SECONDS:
            log.warning("channels_given_up", channels=len(self._runs))
            self._dropped = True
            await self._end(list(self._runs))

    async def _hand_back(self, channels: Sequence[UUID]) -> None:
        """End these, then let others have them."""
        if channels:
            await self._end(channels)
            async with self._pool.acquire() as connection:
                await self._worker.release(connection, channels)

    async def _end(self, channels: Sequence[UUID]) -> None:
        # Forgotten only when they have ended: broken off in the middle, the next turn finds them still.
        await asyncio.gather(*(self._runs[one].end() for one in channels if one in self._runs))
        for one in channels:
            self._runs.pop(one, None)


async def _repeat(name: str, seconds: float, act: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """What fails is logged and done again at its next turn."""
    while not stop.is_set():
        try:
            await act()
        except Exception as error:  # noqa: BLE001 - the database is away, mostly; the next turn begins from what it says then
            log.warning("supervisor_turn_failed", turn=name, error=str(error) or type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
