"""Live progress of a campaign through server-sent events.

However many look at a campaign, it is read at most twice a second, each time in a transaction that is closed before anything is
sent. A stream ends when the campaign is at rest, and after ten minutes so that the browser comes back and proves again who it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse

from tidings.campaigns import service
from tidings.campaigns.web.looking import look_at
from tidings.campaigns.web.shown import ShownCampaign
from tidings.core.clock import utc_now
from tidings.errors import TidingsError
from tidings.ui.pages import render_text
from tidings.workspaces.page_edge import Visitor, require_visitor
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId

if TYPE_CHECKING:
    from tidings.db.database import Database
    from tidings.ui.frame import Frame
    from tidings.workspaces.access import Access

log = structlog.get_logger(__name__)
router = APIRouter()

TICK: Final = 0.5
"""Seconds between two looks at a campaign."""
HEARTBEAT: Final = 15.0
"""Seconds after which a silent stream says that it is alive, so that nothing in between closes it."""
LONGEST: Final = 600.0
MOST_STREAMS: Final = 200
"""Streams one process keeps open; who comes later gets the present state and asks again …"""
MOST_OF_WORKSPACE: Final = 50
RETRY_MS: Final = 10_000
"""… after this."""


@dataclass(slots=True)
class _Watched:
    """A campaign that somebody looks at, as it was at the last look."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    watchers: int = 0
    seen_at: float = float("-inf")
    shown: ShownCampaign | None = None


class LiveCampaigns:
    """What this process's open pages look at."""

    def __init__(self) -> None:
        self._watched: dict[tuple[UUID, UUID], _Watched] = {}
        self._streams: Counter[UUID] = Counter()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._streams.total()

    def has_room(self, workspace_id: UUID) -> bool:
        """Say whether one more stream may stay open."""
        return self.streams < MOST_STREAMS and self._streams[workspace_id] < MOST_OF_WORKSPACE

    @contextmanager
    def watching(self, workspace_id: UUID, campaign_id: UUID) -> Iterator[_Watched]:
        """Count as a stream for as long as the block runs."""
        key = (workspace_id, campaign_id)
        watched = self._watched.setdefault(key, _Watched())
        watched.watchers += 1
        self._streams[workspace_id] += 1
        try:
            yield watched
        finally:
            watched.watchers -= 1
            self._streams[workspace_id] -= 1
            if watched.watchers == 0:
                del self._watched[key]
            if self._streams[workspace_id] == 0:
                del self._streams[workspace_id]


async def look(database: Database, access: Access, campaign_id: UUID) -> ShownCampaign:
    """The campaign as it stands now, in a transaction of its own. Raises NotFound."""
    async with database.workspace(access.workspace_id) as session:
        campaign = await service.get_campaign(session, access.workspace_id, campaign_id)
        return await look_at(session, access, campaign, utc_now())


@router.get("/campaigns/{campaign_id}/events")
async def campaign_events(
    campaign_id: Annotated[UUID, PathId("cmp")],
    request: Request,
    visitor: Annotated[Visitor, require_visitor(Permission.CAMPAIGNS_READ, "campaigns")],
    seen: str = "",
) -> Response:
    """The live part of the campaign's page, again whenever it has changed. `seen` is the stage that the page was drawn at."""
    live: LiveCampaigns = request.app.state.live_campaigns
    database: Database = request.app.state.database
    first = await look(database, visitor.access, campaign_id)
    if live.has_room(visitor.access.workspace_id):
        events = stream(live, database, visitor, first, seen)
    else:
        events = _once(visitor.frame, first, seen)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def stream(live: LiveCampaigns, database: Database, visitor: Visitor, first: ShownCampaign, seen: str) -> AsyncIterator[str]:
    """The events of one page."""
    access, frame = visitor.access, visitor.frame
    clock = asyncio.get_running_loop().time
    began = said_at = clock()
    text = _draw(frame, first, seen)
    yield _event(text)
    shown = first
    with live.watching(access.workspace_id, first.campaign.id) as watched:
        while shown.is_live and clock() - began < LONGEST:
            await asyncio.sleep(TICK)
            try:
                shown = await _look_together(watched, database, access, first.campaign.id)
            except (SQLAlchemyError, TidingsError, OSError, TimeoutError) as error:
                log.warning("live_campaign_interrupted", error=str(error))
                return  # the browser comes back by itself
            new = _draw(frame, shown, seen)
            if new != text:
                text, said_at = new, clock()
                yield _event(text)
            elif clock() - said_at > HEARTBEAT:
                said_at = clock()
                yield ": alive\n\n"
    if not shown.is_live:
        yield "event: done\ndata: done\n\n"


async def _once(frame: Frame, shown: ShownCampaign, seen: str) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n" + _event(_draw(frame, shown, seen))
    if not shown.is_live:
        yield "event: done\ndata: done\n\n"


async def _look_together(watched: _Watched, database: Database, access: Access, campaign_id: UUID) -> ShownCampaign:
    """One look for all who look at the same campaign."""
    clock = asyncio.get_running_loop().time
    async with watched.lock:
        if watched.shown is None or clock() - watched.seen_at >= TICK * 0.9:
            watched.shown = await look(database, access, campaign_id)
            watched.seen_at = clock()
        return watched.shown


def _draw(frame: Frame, shown: ShownCampaign, seen: str) -> str:
    """The live part; it has the list of recipients fetched anew where the page's one is out of date."""
    refresh = shown.stage if shown.stage != seen else ""
    left = shown.seconds_left(utc_now())
    return render_text("campaigns/campaign.html", frame=frame, block="live", one=shown, seconds_left=left, refresh=refresh)


def _event(text: str) -> str:
    return "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
