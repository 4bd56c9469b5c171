"""What the form as it stands would come to: for the live preview and for the last question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from tidings.campaigns.preview import Preview, Rendered, preview_campaign
from tidings.campaigns.preview_route import preview_by_route
from tidings.campaigns.web.file import KEPT, content_with, find_picked, kept_content
from tidings.campaigns.web.form import ComposeForm, chosen_audience, chosen_channel, chosen_route
from tidings.channels.service import get_channel, list_channels
from tidings.core.local_time import BadMoment, read_local
from tidings.core.segments import GSM_EXTENDED, Segments, count_segments
from tidings.delivery.content import Content, MediaPart
from tidings.errors import Conflict, Invalid, NotFound, TidingsError
from tidings.files.shown import ShownFile
from tidings.messages.carrying import demand_carried
from tidings.providers.base import media_kind
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
    picked: ShownFile | None = None
    """The file that goes with the text."""
    file_problem: str = ""
    """Why the channel cannot carry it."""
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


async def look_ahead(
    scope: PageScope, form: ComposeForm, *, now: datetime, links: bool, campaign_id: UUID | None = None, strict: bool = False
) -> Ahead:
    """Look ahead; with `strict`, raise what would be refused instead of telling it.

    `campaign_id` is the campaign that is edited. `links` says whether a provider could fetch an uploaded file from this installation.
    """
    start_at = _start(form, scope.frame.timezone, now)
    picked = await find_picked(scope, form.file)
    text_problem = file_problem = ""
    wanted = _Wanted(form, form.text, None, links, start_at or now)
    try:
        wanted = replace(wanted, content=_content(form, await kept_content(scope, campaign_id), picked))
        preview: Preview | None = await _preview(scope, wanted)
    except (Invalid, Conflict, NotFound) as error:
        if strict:
            raise
        if not (_is_of("text", error) or _is_of("route", error)):
            return Ahead(form=form, preview=None, start_at=start_at, picked=picked, problem=error.detail)
        # The text is being written, the file being chosen: the audience can be counted all the same.
        text_problem, file_problem = (error.detail, "") if _is_of("text", error) else ("", _plain(error))
        preview = await _quietly(scope, replace(wanted, text="" if text_problem else form.text, content=None))
    channel, route_id = await _channel(scope, preview), chosen_route(form)
    if not text_problem and route_id is None:
        file_problem = _file_problem(channel, picked, links=links, strict=strict)
    ahead = Ahead(
        form=form, preview=preview, channel=channel, start_at=start_at, text_problem=text_problem, picked=picked, file_problem=file_problem
    )
    return ahead if preview is None or route_id is None else replace(ahead, **await _by_route(scope, preview, route_id))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked ahead at."""

    form: ComposeForm
    text: str
    content: Content | None
    links: bool
    start_at: datetime


def _content(form: ComposeForm, kept: Content | None, picked: ShownFile | None) -> Content | None:
    """What goes with the text; of a file that is not there any more, nothing."""
    content = content_with(kept, form.file)
    if content is None or content.media is None or form.file == KEPT:
        return content
    made = msgspec.structs.replace(content, media=_part(picked) if picked is not None else None)
    return None if made == Content() else made


def _part(picked: ShownFile) -> MediaPart:
    return MediaPart(id=picked.id, kind=media_kind(picked.content_type), content_type=picked.content_type, size=picked.size)


def _file_problem(channel: Channel | None, picked: ShownFile | None, *, links: bool, strict: bool) -> str:
    """Why the channel cannot carry the uploaded file. With `strict`, raises that as Invalid."""
    if channel is None or picked is None or not picked.address:
        return ""
    try:
        demand_carried(channel, "", Content(media=_part(picked)), links=links)
    except Invalid as error:
        if strict:
            raise
        return _plain(error)
    return ""


def _plain(error: TidingsError) -> str:
    return error.detail.removesuffix(" Nothing was sent.")


async def _by_route(scope: PageScope, preview: Preview, route_id: UUID) -> dict[str, Any]:
    """The names of the route and of the channels that people would be written to by first."""
    route = (await get_route(scope.session, scope.access, route_id)).route
    names = {one.id: one.name for one in await list_channels(scope.session, scope.access)}
    return {"route_name": route.name, "ways": [(names.get(one.channel_id, one.medium), one.to_send) for one in preview.ways]}


async def _channel(scope: PageScope, preview: Preview | None) -> Channel | None:
    return await get_channel(scope.session, scope.access, preview.channel_id) if preview else None


async def _quietly(scope: PageScope, wanted: _Wanted) -> Preview | None:
    try:
        return await _preview(scope, wanted)
    except (Invalid, Conflict, NotFound):
        return None


async def _preview(scope: PageScope, wanted: _Wanted) -> Preview:
    text, audience, route_id = wanted.text, chosen_audience(wanted.form), chosen_route(wanted.form)
    if route_id is None:
        channel_id = chosen_channel(wanted.form)
        return await preview_campaign(
            scope.session, scope.access, text=text, audience=audience, channel_id=channel_id, start_at=wanted.start_at
        )
    return await preview_by_route(
        scope.session, scope.access, text=text, content=wanted.content, audience=audience, route_id=route_id, links=wanted.links
    )


def _is_of(field: str, error: Exception) -> bool:
    return isinstance(error, Invalid) and any(one.field == field for one in error.errors)


def _start(form: ComposeForm, timezone: str, now: datetime) -> datetime | None:
    if not form.is_later:
        return now
    try:
        return read_local(form.scheduled_at, timezone)
    except BadMoment:
        return None
