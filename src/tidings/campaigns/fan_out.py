"""Writes a campaign's messages page by page. Killed at any moment, it goes on where the last page was committed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.campaigns.contents import carried_by, names_used
from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import CampaignStatus
from tidings.channels.service import medium_of_channel
from tidings.contacts.audience import AUDIENCE_SQL, CONTACTS_SQL, START
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.delivery.wake import wake_after_commit
from tidings.messages.carrying import may_carry
from tidings.messages.windows import needs_window, window_of
from tidings.routes.service import route_for_sending

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.routes.rules import Step

PAGE = 2_000
FIRST_PAGE = 500
"""So that the first messages leave while the rest are being written."""
_SQL = NamedSql("tidings.campaigns", "fan_out.sql")


def _in_two_ways(sql: str, **parts: str) -> dict[bool, str]:
    """With our own ids, and with those that PostgreSQL makes by itself since version 18: the same kind in half the time."""
    return {has_own: sql.format(new_id="uuidv7()" if has_own else "new_id()", **parts) for has_own in (False, True)}


_WRITE_PAGE = _in_two_ways(_SQL.write_page, audience=AUDIENCE_SQL)
_WRITE_ROUTE_PAGE = _in_two_ways(_SQL.write_route_page, contacts=CONTACTS_SQL, way=_SQL.way)
_WRITE_RESEND_PAGE = _in_two_ways(_SQL.write_resend_page)
_OPEN = {CampaignStatus.LAUNCHING, CampaignStatus.PAUSED}


async def fan_out(database: Database, workspace_id: UUID, campaign_id: UUID, *, links: bool = True) -> None:
    """Write all messages of a launched campaign. `links` says whether a provider could fetch an uploaded file from this installation."""
    more = True
    while more:
        async with database.workspace(workspace_id) as session:
            more = await _write_page(session, database, workspace_id, campaign_id, links=links)


async def _write_page(session: AsyncSession, database: Database, workspace_id: UUID, campaign_id: UUID, *, links: bool) -> bool:
    """Write one page in the session's transaction; False when there is no more to write."""
    campaign = await session.get(Campaign, (workspace_id, campaign_id), with_for_update=True)
    if campaign is None or campaign.status not in _OPEN or campaign.fanned_out_at is not None:
        return False
    connection = await raw_connection(session)
    page = FIRST_PAGE if campaign.fanned_out_to is None else PAGE
    if "resend" in campaign.audience:
        written = await _resend_page(connection, campaign, page)
    elif campaign.route_id is not None:
        steps = await route_for_sending(session, workspace_id, campaign.route_id)
        written = await _route_page(connection, campaign, steps, page, links=links)
        for step in steps:
            wake_after_commit(session, database, step.channel_id)
    else:
        written = await _audience_page(session, connection, campaign, page)
    wake_after_commit(session, database, campaign.channel_id)
    if written == page:
        return True
    await connection.execute(_FANNED_OUT, workspace_id, campaign_id)
    return False


_FANNED_OUT = """
    UPDATE campaigns SET fanned_out_at = now(), status = CASE WHEN status = 'launching' THEN 'sending' ELSE status END
    WHERE workspace_id = $1 AND id = $2
"""


async def _audience_page(session: AsyncSession, connection: asyncpg.Connection, campaign: Campaign, page: int) -> int:
    audience = campaign.audience
    written: int = await connection.fetchval(
        _WRITE_PAGE[_makes_ids(connection)],
        campaign.workspace_id,
        await medium_of_channel(session, campaign.workspace_id, campaign.channel_id),
        audience.get("all", False),
        [UUID(one) for one in audience.get("groups", [])],
        [UUID(one) for one in audience.get("contacts", [])],
        campaign.fanned_out_to or START,
        page,
        campaign.id,
        campaign.channel_id,
        campaign.delivery,
        _validity(campaign),
        names_used(campaign.text, carried_by(campaign)),
    )
    return written


async def _route_page(connection: asyncpg.Connection, campaign: Campaign, steps: Sequence[Step], page: int, *, links: bool) -> int:
    """How many contacts were looked at: a whole page's worth means that there may be more."""
    audience = campaign.audience
    content = carried_by(campaign)
    chosen = [one for one in steps if one.health != "off" and may_carry(one, campaign.text, content, links=links)]
    looked_at: int = await connection.fetchval(
        _WRITE_ROUTE_PAGE[_makes_ids(connection)],
        campaign.workspace_id,
        audience.get("all", False),
        [UUID(one) for one in audience.get("groups", [])],
        [UUID(one) for one in audience.get("contacts", [])],
        campaign.fanned_out_to or START,
        page,
        campaign.id,
        campaign.delivery,
        _validity(campaign),
        names_used(campaign.text, carried_by(campaign)),
        campaign.route_id,
        [one.position for one in chosen],
        [one.channel_id for one in chosen],
        [one.medium for one in chosen],
        [one.wait_seconds if one.wished == "sent" else None for one in chosen],
        [one.health == "up" for one in chosen],
        [window_of(one.provider) if needs_window(content) else None for one in chosen],
    )
    return looked_at


async def _resend_page(connection: asyncpg.Connection, campaign: Campaign, page: int) -> int:
    earlier = campaign.audience["resend"]
    written: int = await connection.fetchval(
        _WRITE_RESEND_PAGE[_makes_ids(connection)],
        campaign.workspace_id,
        UUID(earlier["campaign"]),
        earlier["statuses"],
        campaign.fanned_out_to or START,
        page,
        campaign.id,
        campaign.channel_id,
        campaign.delivery,
        _validity(campaign),
    )
    return written


def _makes_ids(connection: asyncpg.Connection) -> bool:
    return bool(connection.get_server_version() >= (18,))


def _validity(campaign: Campaign) -> timedelta | None:
    return timedelta(seconds=campaign.validity_seconds) if campaign.validity_seconds else None
