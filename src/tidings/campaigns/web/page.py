"""The page of one campaign: how it goes, what became of each recipient, and who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.campaigns import service
from tidings.campaigns.contents import carried_by
from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import EDITABLE
from tidings.campaigns.web.file import find_picked, named_by
from tidings.campaigns.web.form import form_of
from tidings.campaigns.web.history import tell_history
from tidings.campaigns.web.look_ahead import Ahead, look_ahead
from tidings.campaigns.web.looking import look_at
from tidings.campaigns.web.shown import LEDGER_WORDS
from tidings.channels.service import list_channels
from tidings.contacts.groups.service import get_group
from tidings.contacts.service import Filters, list_contacts
from tidings.core.clock import utc_now
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import show_id
from tidings.core.phone import BadPhone, parse_phone
from tidings.errors import NotFound
from tidings.routes.service import list_routes
from tidings.templates.rendering import read_text
from tidings.ui.pages import render, wants_fragment
from tidings.ui.words import MESSAGE
from tidings.workspaces.audit_log import AuditFilter, list_audit_log
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import get_workspace
from tidings.workspaces.wire import Cursor, PathId, PlainText

router = APIRouter()
PAGE = 25
MATCHES = 200
"""Contacts that a search for a name or a part of a number may mean."""
ACTS = 50
WORDS = [(word, MESSAGE[word].label) for word in LEDGER_WORDS]


@router.get("/campaigns/{campaign_id}")
async def campaign_page(  # noqa: PLR0917
    campaign_id: Annotated[UUID, PathId("cmp")],
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CAMPAIGNS_READ, "campaigns")],
    search: PlainText = "",
    status: str = "",
    cursor: Cursor = None,
) -> Response:
    """One campaign; its list of recipients alone where htmx asked for it."""
    campaign = await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    context = await recipients_context(scope, campaign, search.strip()[:200], status if status in LEDGER_WORDS else "", cursor)
    if not wants_fragment(request):
        context |= await campaign_context(scope, campaign, links=request.app.state.links.reachable)
    return render(request, "campaigns/campaign.html", frame=scope.frame, fragment="rows" if cursor else "recipients", **context)


async def campaign_context(scope: PageScope, campaign: Campaign, *, links: bool) -> dict[str, Any]:
    """Everything but the recipients."""
    now = utc_now()
    one = await look_at(scope.session, scope.access, campaign, now)
    channels = {channel.id: channel for channel in await list_channels(scope.session, scope.access)}
    routes = {one.route.id: one.route for one in await list_routes(scope.session, scope.access)} if campaign.route_id else {}
    acts = await list_audit_log(scope.session, scope.access, AuditFilter(object_kind="campaign", object_id=campaign.id), limit=ACTS)
    return {
        "one": one,
        "ahead": await _ahead(scope, campaign, now, links=links) if campaign.status in EDITABLE else None,
        "seconds_left": one.seconds_left(now),
        "channel": channels.get(campaign.channel_id),
        "channel_id": show_id("chn", campaign.channel_id),
        "route": routes.get(campaign.route_id) if campaign.route_id else None,
        "route_id": show_id("rte", campaign.route_id) if campaign.route_id else "",
        "audience": await _audience(scope, campaign),
        "picked": await find_picked(scope, named_by(carried_by(campaign))),
        "variables": sorted(read_text(campaign.text).names),
        "history": tell_history(campaign, acts),
    }


async def recipients_context(scope: PageScope, campaign: Campaign, search: str, status: str, cursor: str | None) -> dict[str, Any]:
    """The ledger, recipient by recipient."""
    address, contacts = await _meant(scope, search) if search else (None, None)
    after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_recipients(
        scope.session, scope.access.workspace_id, campaign.id, words=[status] if status else [],
        contacts=contacts, address=address, after=after, limit=PAGE + 1,
    )  # fmt: skip
    page = found[:PAGE]
    following = ""
    if len(found) > PAGE:
        query = urlencode({"search": search, "status": status, "cursor": write_cursor(page[-1].id)})
        following = f"/campaigns/{show_id('cmp', campaign.id)}?{query}"
    return {
        "campaign": campaign,
        "campaign_id": show_id("cmp", campaign.id),
        "recipients": [(show_id("msg", one.id), one) for one in page],
        "next": following,
        "search": search,
        "status": status,
        "words": WORDS,
        "is_filtered": bool(search or status),
    }


async def _meant(scope: PageScope, search: str) -> tuple[str | None, list[UUID]]:
    """Whom a search may mean: an address as it stands in the ledger, and contacts of this name or number."""
    region = (await get_workspace(scope.session, scope.access)).default_region
    contacts, _ = await list_contacts(scope.session, scope.access, Filters(search=search), limit=MATCHES)
    ids = [contact.id for contact in contacts]
    try:
        return parse_phone(search, region), ids
    except BadPhone:
        return None, ids


async def _ahead(scope: PageScope, campaign: Campaign, now: datetime, *, links: bool) -> Ahead:
    return await look_ahead(scope, form_of(campaign, scope.frame.timezone), now=now, links=links, campaign_id=campaign.id)


async def _audience(scope: PageScope, campaign: Campaign) -> list[tuple[str, str]]:
    """Whom it goes to, in words with an address each (empty where there is no page)."""
    audience = campaign.audience
    if audience.get("all"):
        return [("Everyone", "/contacts")]
    if resend := audience.get("resend"):
        earlier = show_id("cmp", UUID(resend["campaign"]))
        return [(f"Those of an earlier campaign who ended as {' or '.join(resend['statuses'])}", f"/campaigns/{earlier}")]
    meant = [await _group(scope, UUID(one)) for one in audience.get("groups", ())]
    if contacts := audience.get("contacts"):
        meant.append((f"{len(contacts)} chosen contact{'' if len(contacts) == 1 else 's'}", ""))
    return meant


async def _group(scope: PageScope, group_id: UUID) -> tuple[str, str]:
    try:
        return (await get_group(scope.session, scope.access, group_id)).name, f"/groups/{show_id('grp', group_id)}"
    except NotFound:
        return "A group that was deleted since", ""
