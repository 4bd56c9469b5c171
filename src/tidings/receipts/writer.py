"""Writes what hooks bring in groups: whoever calls a hook is answered once the group it is in has been committed, and not before."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog
from asyncpg.exceptions import InterfaceError, PostgresConnectionError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tidings.errors import Unavailable
from tidings.receipts.service import take_in

if TYPE_CHECKING:
    from tidings.db.database import Database
    from tidings.receipts.service import Said

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.003
"""How long a group waits for company. A commit takes about as long."""
MOST_IN_GROUP = 500
MOST_WAITING = 5_000
"""Calls that wait to be written; more are turned away, and their provider tries again later."""
WRITE_SECONDS = 8.0
"""Twilio gives a hook 15 seconds, Africa's Talking about as long: they are to get our answer, not a time-out."""
_TRIES = 4

Write = Callable[[Sequence["Said"]], Awaitable[None]]
"""Takes in a group in one transaction of its own."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One hook call, waiting to be written."""

    said: Sequence[Said]
    written: asyncio.Future[None]


def open_writer(database: Database) -> ReceiptWriter:
    """The process's writer: a group is a transaction."""

    async def write(said: Sequence[Said]) -> None:
        async with database.system() as session:
            await take_in(session, database, said)

    return ReceiptWriter(write)


class ReceiptWriter:
    """One for each process: `async with ReceiptWriter(write) as writer`. On leaving, what waits is written first."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: deque[_Call] = deque()
        self._came = asyncio.Event()
        self._closing = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="receipt-writer")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing = True
        self._came.set()
        await self._task

    async def take(self, said: Sequence[Said]) -> None:
        """Return when it is committed. Raises Unavailable when it could not be, whatever was wrong: then the caller must try again."""
        if self._closing or len(self._waiting) >= MOST_WAITING:
            raise Unavailable("Too much is coming in at once. Nothing was taken from this call; please repeat it.", retry_after=1)
        call = _Call(said, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._came.set()
        await call.written

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            await self._came.wait()
            if not self._closing:
                await asyncio.sleep(GATHER_SECONDS)
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_IN_GROUP))]
            if not self._waiting and not self._closing:
                self._came.clear()
            if group:
                await self._settle(group)

    async def _settle(self, group: list[_Call]) -> None:
        error = await self._try([one for call in group for one in call.said])
        if error is not None and len(group) > 1 and not _is_outage(error):
            # One of them cannot be written; it must not take the others with it.
            for call in group:
                await self._settle([call])
            return
        for call in group:
            with suppress(asyncio.InvalidStateError):  # the caller hung up
                if error is None:
                    call.written.set_result(None)
                else:
                    call.written.set_exception(_unavailable())

    async def _try(self, said: Sequence[Said]) -> Exception | None:
        """Write a group, again where it collided with another; return what was wrong at last."""
        for tries in range(1, _TRIES + 1):
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await self._write(said)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told; it is logged here
                if not _is_collision(error) or tries == _TRIES:
                    _report(error, len(said))
                    return error
                await asyncio.sleep(random.uniform(0.005, 0.05) * tries)  # noqa: S311 - so that two do not collide again
            else:
                return None
        return None


def _unavailable() -> Unavailable:
    return Unavailable("This could not be written down, so nothing was taken from it. Please repeat the call.", retry_after=5)


def _report(error: Exception, count: int) -> None:
    # Its kind and place alone: the text of a database error may quote what people wrote.
    place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
    log.error("receipts_not_written", count=count, error=type(error).__name__, sqlstate=_sqlstate(error), place=place)


def _sqlstate(error: BaseException) -> str | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    return state if isinstance(state, str) else None


def _is_collision(error: Exception) -> bool:
    """Deadlocks and serialization failures: the whole group may simply be tried again."""
    return _sqlstate(error) in {"40001", "40P01"}


def _is_outage(error: Exception) -> bool:
    """The database is away or slow: no part of the group would fare better alone."""
    if isinstance(error, OSError | TimeoutError | InterfaceError | PostgresConnectionError):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (_sqlstate(error) or "08").startswith(("08", "57", "53"))
    return isinstance(error, SQLAlchemyError) or (_sqlstate(error) or "").startswith(("57", "53"))
