"""What people do with campaigns. The API, the dashboard, the command line and the schedule all come through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from tidings.campaigns import queries
from tidings.campaigns.contents import carried_by, names_used
from tidings.campaigns.models import Campaign
from tidings.campaigns.reading import find_contact_ids, get_campaign, ledgers, list_campaigns, list_recipients, progresses
from tidings.campaigns.rules import CampaignStatus, demand
from tidings.channels.service import channel_for_sending
from tidings.channels.templates import known_templates
from tidings.contacts.audience import Audience
from tidings.contacts.service import check_audience
from tidings.core.ids import new_id
from tidings.delivery.content import Content
from tidings.errors import Conflict, FieldError, Invalid
from tidings.jobs.queue import enqueue
from tidings.messages import service as messages
from tidings.messages.carrying import carriers, demand_carried, demand_template
from tidings.messages.uploads import demand_files
from tidings.routes.service import route_for_sending
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.workspaces.access import Access

__all__ = [
    "CANCEL", "FAN_OUT", "RESENDABLE", "CampaignInput", "cancel_campaign", "cancel_waiting", "create_campaign", "delete_campaign",
    "describe", "edit_campaign", "find_contact_ids", "get_campaign", "launch_campaign", "launch_scheduled", "ledgers", "list_campaigns", "list_recipients",
    "pause_campaign", "progresses", "resend_campaign", "resume_campaign",
]  # fmt: skip

FAN_OUT = "fan_out_campaign"
CANCEL = "cancel_campaign"
CANCEL_PAGE = 5_000
RESENDABLE = frozenset({"failed", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignInput:
    """What its author decides."""

    name: str
    text: str
    audience: Audience
    channel_id: UUID | None = None
    """None: the workspace's default SMS channel."""
    route_id: UUID | None = None
    """Instead of a channel: the route that chooses one for each recipient, and the next where that does not reach them."""
    content: Content | None = None
    """What goes with the text, filled in for each recipient as the text is."""
    scheduled_at: datetime | None = None
    validity_seconds: int | None = None
    delivery: Literal["at_least_once", "at_most_once"] = "at_most_once"
    links: bool = True
    """Whether a provider could fetch an uploaded file from this installation: it has a public address."""


async def create_campaign(session: AsyncSession, access: Access, wanted: CampaignInput, *, now: datetime) -> Campaign:
    """Make a draft; with `scheduled_at`, one that goes out at that time by itself."""
    campaign = Campaign(
        workspace_id=access.workspace_id,
        id=new_id(),
        status=CampaignStatus.DRAFT,
        accepted=0,
        created_by=access.actor_label,
        created_at=now,
        updated_at=now,
        **await _checked(session, access.workspace_id, wanted, now),
    )
    if wanted.scheduled_at is not None:
        campaign.status = CampaignStatus.SCHEDULED
    session.add(campaign)
    await session.flush()
    await record(session, access, "campaign.created", "campaign", campaign.id, after=describe(campaign))
    return campaign


async def edit_campaign(
    session: AsyncSession, access: Access, campaign_id: UUID, wanted: CampaignInput, *, now: datetime, expected_version: int | None = None
) -> Campaign:
    """Change a campaign that has not been launched. With `expected_version`, only if nobody else has changed it since."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    _demand_version(campaign, expected_version)
    demand(campaign.status, "edit")
    before = describe(campaign)
    for name, value in (await _checked(session, access.workspace_id, wanted, now)).items():
        setattr(campaign, name, value)
    campaign.status = CampaignStatus.SCHEDULED if wanted.scheduled_at is not None else CampaignStatus.DRAFT
    campaign.updated_at = now
    await session.flush()
    await record(session, access, "campaign.edited", "campaign", campaign.id, before=before, after=describe(campaign))
    return campaign


def _demand_version(campaign: Campaign, expected: int | None) -> None:
    if expected is not None and expected != campaign.version:
        raise Conflict(
            f"Somebody else has changed this campaign: you saw version {expected}, it is at {campaign.version}. "
            "Yours was not saved. Look at theirs, then change it again.",
            code="stale_version",
        )


async def delete_campaign(session: AsyncSession, access: Access, campaign_id: UUID) -> None:
    """Delete a draft. What has been sent stays in the ledger for good."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    demand(campaign.status, "delete")
    await session.delete(campaign)
    await session.flush()
    await record(session, access, "campaign.deleted", "campaign", campaign_id, before=describe(campaign))


async def launch_campaign(session: AsyncSession, access: Access, campaign_id: UUID, *, now: datetime) -> Campaign:
    """Send now: freeze the text and have the audience written out as messages."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    demand(campaign.status, "launch")
    if campaign.route_id is not None:
        await route_for_sending(session, access.workspace_id, campaign.route_id)
    else:
        await channel_for_sending(session, access.workspace_id, campaign.channel_id, None)
    await messages.freeze_content(
        session, access.workspace_id, campaign.id, name=campaign.name, content=campaign.text, carried=carried_by(campaign)
    )
    campaign.status, campaign.launched_at, campaign.updated_at = CampaignStatus.LAUNCHING, now, now
    await session.flush()
    await enqueue(
        session, FAN_OUT, {"workspace_id": access.workspace_id, "campaign_id": campaign.id}, dedupe_key=f"{FAN_OUT}:{campaign.id}"
    )
    await record(session, access, "campaign.launched", "campaign", campaign.id, after=describe(campaign))
    return campaign


async def launch_scheduled(session: AsyncSession, access: Access, campaign_id: UUID) -> None:
    """Launch at its time; does nothing when another worker was faster or its author took it back."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    now = (await session.execute(text("SELECT now()"))).scalar_one()
    if campaign.status != CampaignStatus.SCHEDULED or campaign.scheduled_at is None or campaign.scheduled_at > now:
        return
    await launch_campaign(session, access, campaign_id, now=now)


async def pause_campaign(session: AsyncSession, access: Access, campaign_id: UUID, *, now: datetime) -> Campaign:
    """Let nothing more leave. What is in the air still ends, and is counted."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    demand(campaign.status, "pause")
    campaign.status, campaign.paused_at, campaign.updated_at = CampaignStatus.PAUSED, now, now
    await session.flush()
    await messages.hold_source(session, access.workspace_id, campaign.id)
    await record(session, access, "campaign.paused", "campaign", campaign.id)
    return campaign


async def resume_campaign(session: AsyncSession, access: Access, database: Database, campaign_id: UUID, *, now: datetime) -> Campaign:
    """Go on where it was paused."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    demand(campaign.status, "resume")
    campaign.status = CampaignStatus.LAUNCHING if campaign.fanned_out_at is None else CampaignStatus.SENDING
    campaign.paused_at, campaign.updated_at = None, now
    await session.flush()
    await messages.release_source(session, database, access.workspace_id, campaign.id, campaign.channel_id)
    await record(session, access, "campaign.resumed", "campaign", campaign.id)
    return campaign


async def cancel_campaign(session: AsyncSession, access: Access, campaign_id: UUID, *, now: datetime) -> Campaign:
    """Take back everything that has not left. Nothing more leaves from the moment this is committed."""
    campaign = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    demand(campaign.status, "cancel")
    was_launched = campaign.launched_at is not None
    campaign.status, campaign.updated_at = CampaignStatus.CANCELLED, now
    campaign.finished_at = None if was_launched else now
    await session.flush()
    if was_launched:
        await messages.end_source(session, access.workspace_id, campaign.id)
        await messages.hold_source(session, access.workspace_id, campaign.id)
        await enqueue(
            session, CANCEL, {"workspace_id": access.workspace_id, "campaign_id": campaign.id}, dedupe_key=f"{CANCEL}:{campaign.id}"
        )
    await record(session, access, "campaign.cancelled", "campaign", campaign.id)
    return campaign


async def cancel_waiting(session: AsyncSession, workspace_id: UUID, campaign_id: UUID) -> int:
    """Cancel one page of a cancelled campaign's waiting messages; return how many there were."""
    return await messages.cancel_source_page(session, workspace_id, campaign_id, CANCEL_PAGE)


async def resend_campaign(session: AsyncSession, access: Access, campaign_id: UUID, statuses: Sequence[str], *, now: datetime) -> Campaign:
    """Make and launch a campaign to only those of an earlier one who ended as `failed` or `unknown`.

    A copy for somebody whose first outcome is unknown is marked as a possible duplicate.
    """
    earlier = await get_campaign(session, access.workspace_id, campaign_id, lock=True)
    demand(earlier.status, "resend")
    if not statuses or not set(statuses) <= RESENDABLE:
        raise Invalid("Choose `failed`, `unknown` or both.", errors=(FieldError("statuses", "failed, unknown"),))
    if await queries.is_resending(session, access.workspace_id, campaign_id):
        raise Conflict("This campaign is being sent again just now. Wait until its recipients are written down.", code="cannot_resend")
    if not await queries.has_unresent(session, access.workspace_id, campaign_id, statuses):
        raise Conflict(
            f"No recipient of this campaign is {' or '.join(sorted(statuses))} and has not been sent to again already; "
            "there is nobody to send to.",
            code="nobody_to_resend",
        )
    try:
        await demand_files(session, access.workspace_id, carried_by(earlier))
    except Invalid as error:
        raise Conflict(
            "The file that went with this campaign is no longer kept, so it cannot be sent again as it was. Duplicate it and choose a file anew.",
            code="file_lost",
        ) from error
    campaign = Campaign(
        workspace_id=access.workspace_id,
        id=new_id(),
        name=f"{earlier.name} (again to {', '.join(sorted(statuses))})"[:200],
        text=earlier.text,
        content=earlier.content,
        channel_id=earlier.channel_id,
        audience={"resend": {"campaign": str(campaign_id), "statuses": sorted(set(statuses))}},
        status=CampaignStatus.DRAFT,
        validity_seconds=earlier.validity_seconds,
        delivery=earlier.delivery,
        resend_of=campaign_id,
        accepted=0,
        created_by=access.actor_label,
        created_at=now,
        updated_at=now,
    )
    session.add(campaign)
    await session.flush()
    await record(session, access, "campaign.created", "campaign", campaign.id, after=describe(campaign))
    return await launch_campaign(session, access, campaign.id, now=now)


def describe(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the audit log keeps it."""
    return {
        "name": campaign.name, "text": campaign.text, "content": campaign.content, "channel_id": str(campaign.channel_id),
        "route_id": str(campaign.route_id) if campaign.route_id else None, "audience": campaign.audience,
        "status": str(campaign.status), "scheduled_at": campaign.scheduled_at, "delivery": campaign.delivery,
        "validity_seconds": campaign.validity_seconds,
    }  # fmt: skip


async def _checked(session: AsyncSession, workspace_id: UUID, wanted: CampaignInput, now: datetime) -> dict[str, Any]:
    content = await demand_files(session, workspace_id, wanted.content)
    if not wanted.text.strip() and not (content is not None and content.speaks):
        raise Invalid("A campaign needs a text.", errors=(FieldError("text", "is empty"),))
    names_used(wanted.text, content)
    if wanted.scheduled_at is not None and wanted.scheduled_at <= now:
        raise Invalid(
            "The time to send lies in the past. Leave it out to send now.", errors=(FieldError("scheduled_at", "is in the past"),)
        )
    if wanted.route_id is not None:
        steps = await route_for_sending(session, workspace_id, wanted.route_id)
        channel_id = carriers(steps, wanted.text, content, links=wanted.links)[0].channel_id
    else:
        channel = await channel_for_sending(session, workspace_id, wanted.channel_id, "sms")
        demand_carried(channel, "", content, links=wanted.links)
        if content is not None and content.template is not None:
            known = await known_templates(session, workspace_id, [channel.id])
            demand_template(known.get(channel.id), content)
        channel_id = channel.id
    await check_audience(session, workspace_id, wanted.audience.groups, wanted.audience.contacts)
    if not (wanted.audience.all or wanted.audience.groups or wanted.audience.contacts):
        raise Invalid("Choose at least one group or contact, or everyone.", errors=(FieldError("audience", "is empty"),))
    return {
        "name": wanted.name, "text": wanted.text, "content": None if content is None else msgspec.to_builtins(content), "channel_id": channel_id, "route_id": wanted.route_id, "audience": msgspec.to_builtins(wanted.audience),
        "scheduled_at": wanted.scheduled_at, "validity_seconds": wanted.validity_seconds, "delivery": wanted.delivery,
    }  # fmt: skip
