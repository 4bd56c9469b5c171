"""The templates of a channel's provider, kept so that a message's parameters can be checked before it is accepted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from sqlalchemy import text

from tidings.channels.asking import Asking, open_for_asking
from tidings.channels.service import get_channel
from tidings.core.clock import utc_now
from tidings.errors import Conflict
from tidings.providers.base import ProviderError, ProviderTemplate, Templates

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

KEPT = timedelta(hours=1)
_MOST = 5_000
_LIST = msgspec.json.Decoder(list[ProviderTemplate])


@dataclass(frozen=True, slots=True)
class KnownTemplates:
    """Templates and when the provider told them."""

    templates: list[ProviderTemplate]
    at: datetime


async def read_templates(asking: Asking, access: Access, channel_id: UUID, *, refresh: bool = False) -> KnownTemplates:
    """The channel's templates: as known, when that is not older than an hour, or asked anew.

    Raises NotFound, or Conflict when the provider has no such thing or cannot say.
    """
    async with asking.database.workspace(access.workspace_id) as session:
        await get_channel(session, access, channel_id)
        known = (await known_templates(session, access.workspace_id, [channel_id])).get(channel_id)
    if known is not None and not refresh and utc_now() - known.at < KEPT:
        return known
    channel = await open_for_asking(asking, access, channel_id)
    description = channel.provider.description
    if not isinstance(channel.provider, Templates) or not description.capabilities.templates:
        raise Conflict(f"{description.label} has no templates of its own.", code="unsupported")
    try:
        fresh = KnownTemplates((await channel.provider.templates(asking.http, channel.config))[:_MOST], utc_now())
    except ProviderError as error:
        raise Conflict(f"{description.label} did not tell its templates: {error.detail}", code=error.code) from error
    async with asking.database.workspace(access.workspace_id) as session:
        listed = msgspec.json.encode([asdict(one) for one in fresh.templates]).decode()
        await session.execute(
            _KEEP, {"workspace_id": access.workspace_id, "channel_id": channel_id, "templates": listed, "asked_at": fresh.at}
        )
    return fresh


async def known_templates(session: AsyncSession, workspace_id: UUID, channel_ids: Collection[UUID]) -> dict[UUID, KnownTemplates]:
    """What is known of those of these channels that have been asked."""
    rows = await session.execute(_KNOWN, {"workspace_id": workspace_id, "ids": list(channel_ids)})
    return {row.channel_id: KnownTemplates(_LIST.decode(row.templates), row.asked_at) for row in rows}


_KNOWN = text(
    "SELECT channel_id, templates::text AS templates, asked_at FROM channel_templates "
    "WHERE workspace_id = :workspace_id AND channel_id = ANY(CAST(:ids AS uuid[]))"
)
_KEEP = text(
    "INSERT INTO channel_templates (workspace_id, channel_id, templates, asked_at) "
    "VALUES (:workspace_id, :channel_id, CAST(:templates AS jsonb), :asked_at) ON CONFLICT (workspace_id, channel_id) "
    "DO UPDATE SET templates = excluded.templates, asked_at = excluded.asked_at"
)
