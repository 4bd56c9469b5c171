"""A session's changes as server-sent events, for the API and for pages. No transaction is open while a stream waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse

from tidings.channels.sessions import ShownSession, look
from tidings.errors import TidingsError

if TYPE_CHECKING:
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

log = structlog.get_logger(__name__)

TICK: Final = 1.0
"""Seconds between two looks."""
HEARTBEAT: Final = 15.0
LONGEST: Final = 600.0
"""After so long a stream ends, so that whoever comes back proves again who they are."""
MOST_STREAMS: Final = 200
MOST_OF_WORKSPACE: Final = 20
RETRY_MS: Final = 3_000
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """The streams that one process keeps open. Who comes when there are too many gets the present state and asks again."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    @property
    def count(self) -> int:
        return self._open.total()

    async def answer(
        self, database: Database, access: Access, channel_id: UUID, draw: Callable[[ShownSession], str], *, with_codes: bool
    ) -> StreamingResponse:
        """The stream; each event is what `draw` makes of the session. Raises NotFound."""
        first = await look(database, access, channel_id, with_codes=with_codes)
        events = self.events(database, access, channel_id, draw, first, with_codes=with_codes)
        return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)

    async def events(
        self,
        database: Database,
        access: Access,
        channel_id: UUID,
        draw: Callable[[ShownSession], str],
        first: ShownSession,
        *,
        with_codes: bool,
    ) -> AsyncIterator[str]:
        """An event at once, and one whenever the session has changed."""
        workspace = access.workspace_id
        text = draw(first)
        yield f"retry: {RETRY_MS}\n" + _event(text)
        if not first.possible or self.count >= MOST_STREAMS or self._open[workspace] >= MOST_OF_WORKSPACE:
            return
        self._open[workspace] += 1
        try:
            async with aclosing(_looks(database, access, channel_id, with_codes=with_codes)) as looks:
                async for seen in looks:
                    new = draw(seen) if seen is not None else text
                    if new != text:
                        text = new
                        yield _event(text)
                    elif seen is None:
                        yield ": alive\n\n"
        finally:
            self._open[workspace] -= 1
            if not self._open[workspace]:
                del self._open[workspace]


async def _looks(database: Database, access: Access, channel_id: UUID, *, with_codes: bool) -> AsyncGenerator[ShownSession | None, None]:
    """The session again and again; None where it is time for a sign of life."""
    clock = asyncio.get_running_loop().time
    began = said_at = clock()
    while clock() - began < LONGEST:
        await asyncio.sleep(TICK)
        try:
            yield await look(database, access, channel_id, with_codes=with_codes)
        except (SQLAlchemyError, TidingsError, OSError, TimeoutError) as error:
            log.warning("session_events_interrupted", error=type(error).__name__)
            return  # whoever listens comes back by themself
        if clock() - said_at > HEARTBEAT:
            said_at = clock()
            yield None


def _event(text: str) -> str:
    return "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
