"""Some services take free text only for some hours after a person's last message (`capabilities.window_hours`).

A message that would leave now is refused when it is given to us, or goes by another channel of its route; one for later, and those of
campaigns, at the last moment before the send (`delivery/windows.py`), since the person may write until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tidings.db.database import raw_connection
from tidings.delivery.rules import Status
from tidings.errors import FieldError, Invalid, TidingsError
from tidings.messages.conversations import Place, last_inbound
from tidings.messages.models import Message
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.delivery.content import Content


def window_of(provider: str) -> timedelta | None:
    """How long after a person's message a channel of this provider may write freely; None where there is no such window."""
    hours = PROVIDERS[provider].description.capabilities.window_hours if provider in PROVIDERS else None
    return timedelta(hours=hours) if hours is not None else None


def window_until(provider: str, last_inbound_at: datetime | None) -> datetime | None:
    """Until when free text is taken; None where there is no window, or where the person never wrote."""
    window = window_of(provider)
    return last_inbound_at + window if window is not None and last_inbound_at is not None else None


async def closed_places(connection: asyncpg.Connection, wanted: Mapping[Place, tuple[UUID, str]], *, now: datetime) -> set[Place]:
    """Those of the places, each with its workspace and provider, where free text is not taken now."""
    windowed = {place: given for place, given in wanted.items() if window_of(given[1]) is not None}
    wrote = await last_inbound(connection, {place: workspace_id for place, (workspace_id, _) in windowed.items()})
    return {place for place, (_, provider) in windowed.items() if not _is_open(provider, wrote.get(place), now)}


def needs_window(content: Content | None) -> bool:
    """Whether it is free text: an approved template may always leave."""
    return content is None or content.template is None


async def refuse_closed(
    session: AsyncSession, workspace_id: UUID, made: Sequence[Message | TidingsError], channels: Sequence[Channel], *, now: datetime
) -> list[Message | TidingsError]:
    """The same, but with a refusal in place of each free text that would leave now although its window is closed."""
    windowed = {one.id: one for one in channels if window_of(one.provider) is not None}
    free = [one for one in made if isinstance(one, Message) and one.channel_id in windowed and _leaves_now(one)]
    if not free:
        return list(made)
    connection = await raw_connection(session)
    wrote = await last_inbound(connection, {(one.channel_id, one.address): workspace_id for one in free})
    closed = {
        id(one)
        for one in free
        if not _is_open(windowed[one.channel_id].provider, wrote.get((one.channel_id, one.address)), now)
    }  # fmt: skip
    return [_refusal(one, windowed[one.channel_id]) if isinstance(one, Message) and id(one) in closed else one for one in made]


def _leaves_now(message: Message) -> bool:
    """Whether a message is free text that would leave at once."""
    carried = message.content or {}
    return message.status == Status.QUEUED and not message.is_confirmation and not carried.get("template")


def _is_open(provider: str, last_inbound_at: datetime | None, now: datetime) -> bool:
    until = window_until(provider, last_inbound_at)
    return until is not None and now < until


def _refusal(message: Message, channel: Channel) -> Invalid:
    label = PROVIDERS[channel.provider].description.label
    hours = round((window_of(channel.provider) or timedelta()).total_seconds() / 3600)
    return Invalid(
        f"{label} takes free text only for {hours} hours after a person's own message, and {message.address} has not written to "
        f"“{channel.name}” in that time. Send an approved template, or wait until they write. Nothing was sent.",
        errors=(FieldError("text", "needs a template: the window is closed"),), code="template_required",
    )  # fmt: skip
