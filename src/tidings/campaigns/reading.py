"""Reads campaigns: lists, ledgers, progress, and what became of each recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.orm.exc import StaleDataError

from tidings.campaigns import ledger as rows
from tidings.campaigns import queries
from tidings.campaigns.ledger import Recipient
from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import Ledger, Progress, ledger, progress
from tidings.channels.rules import merged_limits
from tidings.channels.service import list_channels
from tidings.contacts.search import Filters, find_contacts
from tidings.errors import Conflict, NotFound
from tidings.messages import service as messages
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.workspaces.access import Access

MOST_FOUND = 200
"""Contacts that a search among recipients looks for."""


async def get_campaign(session: AsyncSession, workspace_id: UUID, campaign_id: UUID, *, lock: bool = False) -> Campaign:
    """One campaign. Raises NotFound; with `lock`, Conflict when it was changed since this transaction first read it."""
    try:
        campaign = await session.get(Campaign, (workspace_id, campaign_id), with_for_update=lock, populate_existing=lock)
    except StaleDataError as error:
        raise Conflict("Somebody else has just changed this campaign. Look at it again, then repeat.", code="stale_version") from error
    if campaign is None:
        raise NotFound("There is no such campaign in this workspace.")
    return campaign


async def list_campaigns(
    session: AsyncSession, workspace_id: UUID, *, statuses: Sequence[str] = (), search: str = "", before: UUID | None = None, limit: int
) -> list[Campaign]:
    """The newest first; `before` is the id of the last one shown."""
    return await queries.list_campaigns(session, workspace_id, statuses=statuses, search=search, before=before, limit=limit)


async def ledgers(session: AsyncSession, workspace_id: UUID, campaigns: Sequence[Campaign]) -> dict[UUID, Ledger]:
    """What became of every recipient, for each campaign, exact at this moment."""
    found = await queries.ledgers(session, workspace_id, [one.id for one in campaigns])
    return {campaign_id: ledger(counts, accepted) for campaign_id, (accepted, counts) in found.items()}


async def progresses(
    session: AsyncSession, access: Access, campaigns: Sequence[Campaign], counts: Mapping[UUID, Ledger], *, now: datetime
) -> dict[UUID, Progress]:
    """How far each campaign is, how fast it goes and when it should be through."""
    measured = await queries.paces(session, access.workspace_id, [one.id for one in campaigns])
    limits = {channel.id: pace_limit(channel) for channel in await list_channels(session, access)}
    return {
        one.id: progress(one.status, counts[one.id], per_second=measured.get(one.id, 0.0), limit=limits.get(one.channel_id), now=now)
        for one in campaigns
    }


def pace_limit(channel: Channel) -> float | None:
    """Messages a second that a channel may send; None where it has no pace."""
    provider = PROVIDERS.get(channel.provider)
    return merged_limits(provider.description.limits, channel.limits).per_second if provider else None


async def find_contact_ids(session: AsyncSession, workspace_id: UUID, search: str, *, region: str) -> list[UUID]:
    """The first contacts whose name or number holds this."""
    found, _ = await find_contacts(session, workspace_id, Filters(search=search), region=region, cursor=None, limit=MOST_FOUND)
    return found


async def list_recipients(
    session: AsyncSession,
    workspace_id: UUID,
    campaign_id: UUID,
    *,
    words: Sequence[str] = (),
    contacts: Sequence[UUID] | None = None,
    address: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Recipient]:
    """The ledger row by row, in the order of the audience; `words` are those of the ledger (`delivered` counts the read ones too)."""
    await get_campaign(session, workspace_id, campaign_id)
    statuses = [status for word in words for status in rows.STATUSES_OF_WORD.get(word, (word,))]
    if statuses:
        counts = (await messages.count_statuses(session, workspace_id, [campaign_id]))[campaign_id]
        if not any(counts.get(status) for status in statuses):
            return []  # what nobody is in would be looked for through the whole ledger
    return await rows.list_recipients(
        session, workspace_id, campaign_id, statuses=statuses, contacts=contacts, address=address, after=after, limit=limit
    )
