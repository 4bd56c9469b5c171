"""What the form as it stands would come to: for the live preview and for the last question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tidings.campaigns.preview import Preview, Rendered, preview_campaign
from tidings.campaigns.preview_route import preview_by_route
from tidings.campaigns.web.form import ComposeForm, chosen_audience, chosen_channel, chosen_route
from tidings.channels.service import get_channel, list_channels
from tidings.core.local_time import BadMoment, read_local
from tidings.core.segments import GSM_EXTENDED, Segments, count_segments
from tidings.errors import Conflict, Invalid, NotFound
from tidings.routes.service import get_route

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.workspaces.page_edge import PageScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The preview, or why there is none."""

    form: ComposeForm
    preview: Preview | None
    channel: Channel | None = None
    route_name: str = ""
    """Where a route chooses the channel."""
    ways: Sequence[tuple[str, int]] = ()
    """Of a route: by which channel how many are written to first."""
    start_at: datetime | None
    """None while a time is wanted and none is given."""
    text_problem: str = ""
    problem: str = ""
    """What keeps everything from being shown: no channel, an audience that is gone."""

    @property
    def sender(self) -> str:
        """What stands above the text on the phone."""
        return (self.channel.sender or self.channel.name) if self.channel else ""

    @staticmethod
    def describe(text: str) -> tuple[Segments, list[str]]:
        """What a text takes, and its characters that count twice in the plain alphabet."""
        counted = count_segments(text)
        doubled = [] if counted.encoding == "UCS-2" else list(dict.fromkeys(one for one in text if one in GSM_EXTENDED))
        return counted, doubled

    @property
    def shown(self) -> list[Rendered]:
        """Recipients to leaf through."""
        return [*self.preview.samples, *self.preview.unrenderable] if self.preview else []

    @property
    def seconds(self) -> float | None:
        """How long the sending takes at the channel's pace; None where it has none."""
        if self.preview is None or self.preview.finish_at is None or not self.preview.per_second:
            return None
        return self.preview.to_send / self.preview.per_second

    @property
    def cost_micros(self) -> int | None:
        """The likely cost in millionths; None where nothing is known of prices."""
        if self.preview is None or self.preview.price is None:
            return None
        parts = self.preview.parts.total if self.preview.parts else self.preview.to_send
        return round(self.preview.price.micros * parts)


async def look_ahead(scope: PageScope, form: ComposeForm, *, now: datetime, strict: bool = False) -> Ahead:
    """Look ahead; with `strict`, raise what would be refused instead of telling it."""
    start_at = _start(form, scope.frame.timezone, now)
    try:
        preview: Preview | None = await _preview(scope, form, form.text, start_at or now)
    except (Invalid, Conflict, NotFound) as error:
        if strict:
            raise
        if not _is_of_text(error):
            return Ahead(form=form, preview=None, start_at=start_at, problem=error.detail)
        # The text is being written: the audience can be counted all the same.
        preview = await _quietly(scope, form, start_at or now)
        ahead = Ahead(form=form, preview=preview, channel=await _channel(scope, preview), start_at=start_at, text_problem=error.detail)
    else:
        ahead = Ahead(form=form, preview=preview, channel=await _channel(scope, preview), start_at=start_at)
    route_id = chosen_route(form)
    return ahead if preview is None or route_id is None else replace(ahead, **await _by_route(scope, preview, route_id))


async def _by_route(scope: PageScope, preview: Preview, route_id: UUID) -> dict[str, Any]:
    """The names of the route and of the channels that people would be written to by first."""
    route = (await get_route(scope.session, scope.access, route_id)).route
    names = {one.id: one.name for one in await list_channels(scope.session, scope.access)}
    return {"route_name": route.name, "ways": [(names.get(one.channel_id, one.medium), one.to_send) for one in preview.ways]}


async def _channel(scope: PageScope, preview: Preview | None) -> Channel | None:
    return await get_channel(scope.session, scope.access, preview.channel_id) if preview else None


async def _quietly(scope: PageScope, form: ComposeForm, start_at: datetime) -> Preview | None:
    try:
        return await _preview(scope, form, "", start_at)
    except (Invalid, Conflict, NotFound):
        return None


async def _preview(scope: PageScope, form: ComposeForm, text: str, start_at: datetime) -> Preview:
    route_id, audience = chosen_route(form), chosen_audience(form)
    if route_id is not None:
        return await preview_by_route(scope.session, scope.access, text=text, content=None, audience=audience, route_id=route_id)
    return await preview_campaign(
        scope.session, scope.access, text=text, audience=audience, channel_id=chosen_channel(form), start_at=start_at
    )


def _is_of_text(error: Exception) -> bool:
    return isinstance(error, Invalid) and any(one.field == "text" for one in error.errors)


def _start(form: ComposeForm, timezone: str, now: datetime) -> datetime | None:
    if not form.is_later:
        return now
    try:
        return read_local(form.scheduled_at, timezone)
    except BadMoment:
        return None
