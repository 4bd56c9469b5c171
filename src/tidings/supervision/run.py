"""One channel that this worker runs: begun, and begun again after whatever goes wrong, until its end is asked for.

Nothing that happens in one run reaches another: it ends in this file.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from tidings.channels.runtime import RunningChannel, open_channel, stop_channel
from tidings.errors import Unavailable
from tidings.providers.base import CHANNEL_FATAL, Callback, ErrorCode, Polls, ProviderError, Sessions
from tidings.receipts.service import understand
from tidings.supervision.leases import Held, LeaseLost
from tidings.supervision.rules import wait_after, worth_telling
from tidings.supervision.session import keep_session

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.vault import Vault
    from tidings.providers.http import Http
    from tidings.receipts.writer import ReceiptWriter
    from tidings.settings import Settings
    from tidings.supervision.board import Board
    from tidings.supervision.leases import Worker

log = structlog.get_logger(__name__)

WAIT_SECONDS = 25.0
"""How long a service is asked to hold an empty answer back."""
_QUICKEST_SECONDS = 1.0
"""An empty answer that comes sooner was not held back; the next question waits, so that no service is asked in circles."""
_END_SECONDS = 20.0
"""What a session gets to end in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all runs of one worker share."""

    pool: asyncpg.Pool
    http: Http
    """Connections of its own: those that wait for something to come must not keep sends waiting."""
    vault: Vault
    settings: Settings
    writer: ReceiptWriter
    board: Board
    worker: Worker

    async def take(self, channel: RunningChannel, callbacks: Sequence[Callback]) -> None:
        """Return when it is committed, however long that takes."""
        said = understand(channel, callbacks)
        while said:
            try:
                await self.writer.take(said)
            except Unavailable as error:
                await asyncio.sleep(error.retry_after or 1.0)
            else:
                return


class Run:
    """Made when a channel is taken; `end` it before it is handed back."""

    def __init__(self, held: Held, shared: Shared) -> None:
        self._held = held
        self._shared = shared
        self._failures = 0
        self._stop = asyncio.Event()
        self._keeps_session = False
        self.task = asyncio.create_task(self._forever(), name=f"run:{held.channel_id}")

    def leave(self) -> None:
        """End when the present poll does, so that nobody ever asks beside it. The task is done then."""
        self._stop.set()

    async def end(self) -> None:
        """Return when nothing of it goes on here. What it was writing is written; what it had not taken comes again."""
        self._stop.set()
        try:
            if self._keeps_session:
                await asyncio.wait([self.task], timeout=_END_SECONDS)
        finally:
            self.task.cancel()
        await asyncio.wait([self.task])

    async def _forever(self) -> None:
        while not self._stop.is_set():
            asked = None
            try:
                if not await self._once():
                    return
            except LeaseLost:
                return
            except ProviderError as error:
                asked = error.retry_after
                if await self._failed(error.code, error.detail):
                    return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's alone, and is told here
                self._report(error)
                await self._failed(ErrorCode.INTERNAL, f"An unexpected {type(error).__name__} in Tidings; the log has the place.")
            await self._pause(wait_after(self._failures, random.random(), asked=asked))  # noqa: S311 - so that many do not come back together

    def _report(self, error: Exception) -> None:
        # Only the place and the kind: values in a full trace could be credentials or people's texts.
        place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-5:]]
        log.error("run_failed", channel_id=str(self._held.channel_id), kind=type(error).__name__, place=place)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    async def _failed(self, code: str, detail: str) -> bool:
        """Tell of it. True where the channel is stopped by it, so that this run is over."""
        self._failures += 1
        self._held = replace(self._held, told=None)  # it may be that somebody else told the service another way
        board, channel_id = self._shared.board, self._held.channel_id
        board.say(self._held, "degraded", detail)
        if worth_telling(self._failures):
            board.note(channel_id, "run_failed", detail if self._failures == 1 else f"{detail} (failure {self._failures} in a row)")
        if code not in CHANNEL_FATAL:
            return False
        try:
            async with self._shared.pool.acquire() as connection, connection.transaction():
                await stop_channel(connection, channel_id, code, detail)
        except Exception:  # noqa: BLE001 - tried again with the next failure
            return False
        return True

    def works(self, detail: str = "") -> None:
        """It goes as it should."""
        if self._failures:
            self._shared.board.note(self._held.channel_id, "run_works", f"again, after {self._failures} failures")
            self._failures = 0
        self._shared.board.say(self._held, "running", detail)

    async def _once(self) -> bool:
        """Run until something fails. False: there is nothing left to do."""
        shared = self._shared
        async with shared.pool.acquire() as connection:
            channel = await open_channel(connection, shared.vault, shared.settings, self._held.channel_id)
        if channel is None:
            return False
        if not channel.usable:
            raise ProviderError(ErrorCode.INTERNAL, channel.reason or "The channel cannot be used.")
        if isinstance(channel.provider, Sessions) and channel.provider.description.capabilities.sessions:
            self._keeps_session = True
            await keep_session(self, shared, self._held, channel, self._stop)
            return not self._stop.is_set()
        if not isinstance(channel.provider, Polls):
            return False
        if channel.receive == "polling":
            await self._poll(channel, channel.provider)
        else:
            await self._receive_by_hook(channel, channel.provider)
        return False

    async def _receive_by_hook(self, channel: RunningChannel, provider: Polls) -> None:
        if not channel.hook_url:
            raise ProviderError(ErrorCode.UNSUPPORTED, "This installation has no public address that could be called (TIDINGS_PUBLIC_URL).")
        said = await provider.receive_by(self._shared.http, channel.config, "hook")
        await self._shared.worker.note_told(self._shared.pool, self._held, self._shared.worker.told)
        self._shared.board.note(channel.id, "receives_by_hook", said)
        self.works()

    async def _poll(self, channel: RunningChannel, provider: Polls) -> None:
        """Ask for ever. Nothing is asked of the database as long as nothing comes."""
        shared = self._shared
        if self._held.told != "polling":
            said = await provider.receive_by(shared.http, channel.config, "polling")
            await shared.worker.note_told(shared.pool, self._held, "polling")
            shared.board.note(channel.id, "receives_by_polling", said)
            self._held = replace(self._held, told="polling")
        wait = 0.0  # the first answer shows that it works
        while not self._stop.is_set():
            begun = time.monotonic()
            polled = await provider.poll(shared.http, channel.config, self._held.cursor, wait_seconds=wait)
            # First what came is committed, then the cursor moves, then the next poll tells the service that it was taken.
            await shared.take(channel, polled.callbacks)
            if polled.cursor != self._held.cursor:
                await shared.worker.move_cursor(shared.pool, self._held, polled.cursor)
                self._held = replace(self._held, cursor=polled.cursor)
            elif wait and time.monotonic() - begun < _QUICKEST_SECONDS:
                await asyncio.sleep(_QUICKEST_SECONDS)
            if not wait or self._failures:
                self.works()
            wait = WAIT_SECONDS
