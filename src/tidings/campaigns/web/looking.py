"""Reads all that the page of one campaign shows of how it goes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tidings.campaigns import service
from tidings.campaigns.web.shown import ShownCampaign
from tidings.channels.service import get_channel
from tidings.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.campaigns.models import Campaign
    from tidings.channels.models import Channel
    from tidings.workspaces.access import Access


async def look_at(session: AsyncSession, access: Access, campaign: Campaign, now: datetime) -> ShownCampaign:
    """The campaign with its ledger, its progress and what holds it up."""
    ledgers = await service.ledgers(session, access.workspace_id, [campaign])
    progresses = await service.progresses(session, access, [campaign], ledgers, now=now)
    shown = ShownCampaign(campaign, ledgers[campaign.id], progresses[campaign.id])
    if not shown.is_live:
        return shown
    return ShownCampaign(campaign, shown.ledger, shown.progress, await _held_by(session, access, campaign))


async def _held_by(session: AsyncSession, access: Access, campaign: Campaign) -> Channel | None:
    if campaign.route_id:
        return None  # what one channel holds up may go by the next
    try:
        channel = await get_channel(session, access, campaign.channel_id)
    except NotFound:
        return None
    return channel if channel.stopped_at or not channel.enabled else None
