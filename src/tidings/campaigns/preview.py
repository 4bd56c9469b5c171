"""Says what a campaign would come to before it is sent: how many people, how many SMS parts, how long, how dear, and who lacks what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import msgspec

from tidings.campaigns.reading import pace_limit
from tidings.channels.service import channel_for_sending
from tidings.contacts.service import Audience, AudienceCount, audience_page, check_audience, count_audience
from tidings.core.segments import count_segments
from tidings.db.database import raw_connection
from tidings.messages.service import Price, recent_price
from tidings.templates.rendering import CannotRender, Text, read_text, render

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

SAMPLE = 1_000
"""Recipients whose text is made to see what it comes to."""
SHOWN = 5
_FARTHEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text of one recipient, or why it cannot be made."""

    contact_id: UUID
    name: str
    address: str
    text: str | None
    segments: int | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the text costs in SMS parts over the whole audience."""

    smallest: int
    largest: int
    total: int
    is_exact: bool
    """False where the total is carried over from a sample."""
    encoding: Literal["GSM-7", "UCS-2"]
    unsupported: tuple[str, ...]
    """The characters that make it UCS-2, which holds less than half as many a part."""


@dataclass(frozen=True, slots=True)
class Way:
    """The recipients who would be written to by one channel of a route first."""

    channel_id: UUID
    medium: str
    recipients: int
    """The opted-out among them."""
    opted_out: int

    @property
    def to_send(self) -> int:
        return self.recipients - self.opted_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A campaign before it is one."""

    channel_id: UUID
    medium: str
    audience: AudienceCount
    variables: tuple[str, ...]
    samples: tuple[Rendered, ...]
    sampled: int
    unrenderable: tuple[Rendered, ...]
    """The first of those whose text cannot be made: they would end as failed."""
    unrenderable_count: int
    """Of those sampled."""
    parts: Parts | None
    """None on mediums that count no parts."""
    per_second: float | None
    finish_at: datetime | None
    price: Price | None
    """A part's price lately on this channel."""
    ways: tuple[Way, ...] = ()
    """Of a route: by which channel how many are written to first."""

    @property
    def to_send(self) -> int:
        return self.audience.recipients - self.audience.opted_out


async def preview_campaign(
    session: AsyncSession, access: Access, *, text: str, audience: Audience, channel_id: UUID | None, start_at: datetime
) -> Preview:
    """Look ahead. Raises Invalid when the text or the audience could not be used, NotFound or Conflict when the channel could not."""
    template = read_text(text)
    channel = await channel_for_sending(session, access.workspace_id, channel_id, "sms")
    await check_audience(session, access.workspace_id, audience.groups, audience.contacts)
    connection = await raw_connection(session)
    counted = await count_audience(connection, access.workspace_id, audience, channel.medium)
    page = await audience_page(connection, access.workspace_id, audience, channel.medium, limit=SAMPLE if template.names else SHOWN)
    made = [rendered_for(template, dict(row)) for row in page]
    good = [one for one in made if one.text is not None]
    bad = [one for one in made if one.text is None]
    to_send = counted.recipients - counted.opted_out
    per_second = pace_limit(channel)
    return Preview(
        channel_id=channel.id,
        medium=channel.medium,
        audience=counted,
        variables=tuple(sorted(template.names)),
        samples=tuple(good[:SHOWN]),
        sampled=len(made),
        unrenderable=tuple(bad[:SHOWN]),
        unrenderable_count=len(bad),
        parts=parts_of(template, made, counted) if channel.medium == "sms" else None,
        per_second=per_second,
        finish_at=start_at + min(timedelta(seconds=to_send / per_second), _FARTHEST) if per_second else None,
        price=await recent_price(session, access.workspace_id, channel.id),
    )


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipient's text can use: the same values that campaigns/fan_out.sql freezes with the message (a test holds them equal)."""
    name = row["name"]
    own = {
        "name": name, "first_name": name.partition(" ")[0], "last_name": name.partition(" ")[2], "phone": row["address"],
        "locale": row["locale"], "timezone": row["timezone"],
    }  # fmt: skip
    attributes = msgspec.json.decode(row["attributes"]) if isinstance(row["attributes"], str) else row["attributes"]
    merged = {key: value for key, value in own.items() if value} | attributes
    return {key: value for key, value in merged.items() if value is not None}


def rendered_for(template: Text, row: Mapping[str, Any]) -> Rendered:
    """As one recipient would read it."""
    text, problem = None, None
    try:
        text = render(template.source, {key: value for key, value in values_of(row).items() if key in template.names})
    except CannotRender as error:
        problem = error.detail
    return Rendered(
        contact_id=row["contact_id"],
        name=row["name"],
        address=row["address"],
        text=text,
        segments=None if text is None else count_segments(text).segments,
        problem=problem,
    )


def parts_of(template: Text, made: Sequence[Rendered], audience: AudienceCount) -> Parts:
    """What the SMS of an audience take, judged by those that were made."""
    texts = [one.text for one in made if one.text is not None]
    counted = [count_segments(text) for text in texts or [template.source]]
    sizes = [one.segments for one in counted]
    unsupported = tuple(dict.fromkeys(character for one in counted for character in one.unsupported))
    renderable = len(texts) / len(made) if made else 1.0
    is_whole = len(made) >= audience.recipients and not audience.opted_out
    return Parts(
        smallest=min(sizes),
        largest=max(sizes),
        total=round(sum(sizes) / len(sizes) * renderable * (audience.recipients - audience.opted_out)),
        is_exact=not template.names or is_whole,
        encoding="UCS-2" if unsupported else "GSM-7",
        unsupported=unsupported,
    )
