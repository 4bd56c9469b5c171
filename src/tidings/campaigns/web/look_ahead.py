"""What the form as it stands would come to: for the live preview and for the last question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidings.campaigns.preview import Preview, Rendered, preview_campaign
from tidings.campaigns.web.file import find_picked
from tidings.campaigns.web.form import ComposeForm, chosen_audience, chosen_channel
from tidings.channels.service import get_channel
from tidings.core.local_time import BadMoment, read_local
from tidings.core.segments import GSM_EXTENDED, Segments, count_segments
from tidings.delivery.content import Content, MediaPart
from tidings.errors import Conflict, Invalid, NotFound
from tidings.files.shown import ShownFile
from tidings.messages.carrying import demand_carried
from tidings.providers.base import media_kind

if TYPE_CHECKING:
    from tidings.channels.models import Channel
    from tidings.workspaces.page_edge import PageScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The preview, or why there is none."""

    form: ComposeForm
    preview: Preview | None
    channel: Channel | None = None
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


async def look_ahead(scope: PageScope, form: ComposeForm, *, now: datetime, strict: bool = False) -> Ahead:
    """Look ahead; with `strict`, raise what would be refused instead of telling it."""
    start_at = _start(form, scope.frame.timezone, now)
    picked = await find_picked(scope, form.file)
    try:
        preview: Preview | None = await _preview(scope, form, form.text, start_at or now)
    except (Invalid, Conflict, NotFound) as error:
        if strict:
            raise
        if not _is_of_text(error):
            return Ahead(form=form, preview=None, start_at=start_at, picked=picked, problem=error.detail)
        # The text is being written: the audience can be counted all the same.
        preview = await _quietly(scope, form, start_at or now)
        return Ahead(
            form=form, preview=preview, channel=await _channel(scope, preview), start_at=start_at, picked=picked, text_problem=error.detail
        )
    channel = await _channel(scope, preview)
    file_problem = _file_problem(channel, picked, strict=strict)
    return Ahead(form=form, preview=preview, channel=channel, start_at=start_at, picked=picked, file_problem=file_problem)


def _file_problem(channel: Channel | None, picked: ShownFile | None, *, strict: bool) -> str:
    """Why the channel cannot carry the uploaded file. With `strict`, raises that as Invalid."""
    if channel is None or picked is None or not picked.address:
        return ""
    part = MediaPart(id=picked.id, kind=media_kind(picked.content_type), content_type=picked.content_type, size=picked.size)
    try:
        demand_carried(channel, "", Content(media=part))
    except Invalid as error:
        if strict:
            raise
        return error.detail.removesuffix(" Nothing was sent.")
    return ""


async def _channel(scope: PageScope, preview: Preview | None) -> Channel | None:
    return await get_channel(scope.session, scope.access, preview.channel_id) if preview else None


async def _quietly(scope: PageScope, form: ComposeForm, start_at: datetime) -> Preview | None:
    try:
        return await _preview(scope, form, "", start_at)
    except (Invalid, Conflict, NotFound):
        return None


async def _preview(scope: PageScope, form: ComposeForm, text: str, start_at: datetime) -> Preview:
    return await preview_campaign(
        scope.session, scope.access, text=text, audience=chosen_audience(form), channel_id=chosen_channel(form), start_at=start_at
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
