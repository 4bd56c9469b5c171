"""Start, stop, restart: one channel, or many at once. A stopped channel is asked to prove itself before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from tidings.channels import asking, service
from tidings.channels.lifecycle import ActualState
from tidings.channels.standing import standings
from tidings.errors import Conflict, NotFound, TidingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.asking import Asking
    from tidings.channels.models import Channel
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

    Wake = Callable[[AsyncSession, Database, UUID], None]

Action = Literal["start", "stop", "restart"]
MOST_AT_ONCE = 500
"""Channels of one call."""
_SIDE_BY_SIDE = 4
"""Of a call over many: each may ask its provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """What became of one of many."""

    channel_id: UUID
    channel: Channel | None = None
    error: TidingsError | None = None


async def control(asked: Asking, access: Access, channel_id: UUID, action: Action, wake: Wake) -> Channel:
    """Do it to one channel. Raises NotFound, or Conflict when a stopped channel's check fails."""
    async with asked.database.workspace(access.workspace_id) as session:
        channel = await service.get_channel(session, access, channel_id)
        if action == "stop":
            return await service.set_enabled(session, access, channel_id, enabled=False)
        failed = channel.stopped_at is not None
    if failed:
        await asking.restart_channel(asked, access, channel_id)
    async with asked.database.workspace(access.workspace_id) as session:
        channel = await service.set_enabled(session, access, channel_id, enabled=True)
        if action == "restart" and not failed:
            channel = await service.begin_again(session, access, channel_id)
        wake(session, asked.database, channel_id)
        return channel


async def choose(
    session: AsyncSession, access: Access, *, ids: Sequence[UUID] = (), provider: str | None = None, state: ActualState | None = None
) -> list[UUID]:
    """The channels meant: those named, or those of a provider and state. Raises Conflict when they are too many for one call."""
    if ids:
        return list(dict.fromkeys(ids))
    channels = [one for one in await service.list_channels(session, access, limit=10_000) if provider in {None, one.provider}]
    if state is not None:
        known = await standings(session, channels)
        channels = [one for one in channels if known[one.id].actual.state == state]
    if len(channels) > MOST_AT_ONCE:
        raise Conflict(f"That are {len(channels)} channels; {MOST_AT_ONCE} can be done in one call. Nothing was done: name fewer.")
    return [one.id for one in channels]


async def control_many(asked: Asking, access: Access, ids: Sequence[UUID], action: Action, wake: Wake) -> list[Controlled]:
    """Do it to each of them. One that cannot does not keep the others from it."""
    places = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(channel_id: UUID) -> Controlled:
        async with places:
            try:
                return Controlled(channel_id=channel_id, channel=await control(asked, access, channel_id, action, wake))
            except (NotFound, Conflict) as error:
                return Controlled(channel_id=channel_id, error=error)

    return list(await asyncio.gather(*(one(each) for each in ids)))
