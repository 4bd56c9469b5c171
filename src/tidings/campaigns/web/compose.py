"""Writing a campaign: the form's pages, and saving it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.campaigns import service
from tidings.campaigns.rules import EDITABLE
from tidings.campaigns.web.compose_page import form_page
from tidings.campaigns.web.file import KEPT, kept_content
from tidings.campaigns.web.form import ComposeForm, field_error, form_of, parse, read_editing, read_form, read_number
from tidings.campaigns.web.fragments import NOBODY
from tidings.campaigns.web.look_ahead import look_ahead
from tidings.core.clock import utc_now
from tidings.core.ids import read_id, show_id
from tidings.errors import Conflict, Invalid, NotFound
from tidings.ui.flash import flash
from tidings.ui.pages import go_to
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId, PlainText

router = APIRouter()
CampaignId = Annotated[UUID, PathId("cmp")]
Writer = Annotated[PageScope, require_page(Permission.CAMPAIGNS_WRITE, "campaigns")]
Act = Literal["draft", "schedule", "send"]
_SAID: dict[Act, str] = {
    "draft": "Saved as a draft. Nothing is sent until you send or schedule it.",
    "schedule": "Scheduled. It starts by itself at its time; until then it can be changed or cancelled.",
    "send": "On its way. You can watch it here, or leave: it goes on by itself.",
}


@router.get("/campaigns/new")
async def new_campaign(  # noqa: PLR0917
    request: Request, scope: Writer, like: str = "", group: PlainText = "", contact: PlainText = "", route: str = ""
) -> Response:
    """An empty form; one like an earlier campaign; one to a group or a contact; or one by a route."""
    form = ComposeForm()
    if earlier := read_id("cmp", like):
        campaign = await service.get_campaign(scope.session, scope.access.workspace_id, earlier)
        form = form_of(campaign, scope.frame.timezone)
        file = "" if form.file == KEPT else form.file
        form = replace(form, name=f"{campaign.name[:190]} (copy)", when="now", scheduled_at="", file=file)
    elif group or contact:
        form = ComposeForm(audience="chosen", groups=(group,) if group else (), contacts=(contact,) if contact else ())
    if read_id("rte", route):
        form = replace(form, channel=route)
    return await form_page(request, scope, form)


@router.get("/campaigns/{campaign_id}/edit")
async def edit_campaign(campaign_id: CampaignId, request: Request, scope: Writer) -> Response:
    """The form of a campaign that has not been launched."""
    campaign = await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    if campaign.status not in EDITABLE:
        response = go_to(request, f"/campaigns/{show_id('cmp', campaign_id)}")
        flash(response, f"This campaign is {campaign.status}, so it can no longer be changed.", "warning")
        return response
    return await form_page(request, scope, form_of(campaign, scope.frame.timezone), campaign_id=campaign_id, version=campaign.version)


@router.post("/campaigns")
async def create(request: Request, scope: Writer) -> Response:
    """Save a new campaign, and send or schedule it where that was confirmed."""
    return await _save(request, scope, None)


@router.post("/campaigns/{campaign_id}/edit")
async def change(campaign_id: CampaignId, request: Request, scope: Writer) -> Response:
    """Save a campaign that has not been launched, and send or schedule it where that was confirmed."""
    await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    return await _save(request, scope, campaign_id)


async def _save(request: Request, scope: PageScope, campaign_id: UUID | None) -> Response:
    sent = await request.form()
    form, act, version = read_form(sent), _act(sent.get("act")), read_editing(sent)[1]
    links: bool = request.app.state.links.reachable
    try:
        async with scope.session.begin_nested():  # what is refused half-way leaves nothing behind
            if act != "draft":
                await limit_sends(request, scope)
                await _demand_confirmed(scope, form, str(sent.get("confirmed", "")), campaign_id, links=links)
            saved = await _write(scope, form, act, campaign_id, version, links=links)
    except (Invalid, Conflict, NotFound) as error:
        return await form_page(request, scope, form, error=error, campaign_id=campaign_id, version=version)
    response = go_to(request, f"/campaigns/{show_id('cmp', saved)}")
    flash(response, _SAID[act])
    return response


async def limit_sends(request: Request, scope: PageScope) -> None:
    """Raises RateLimited where the workspace sends too often; the API counts in the same window."""
    state = request.app.state
    await limit(state.database, f"send:{scope.access.workspace_id}", state.settings.send_requests_per_minute)


async def _write(scope: PageScope, form: ComposeForm, act: Act, campaign_id: UUID | None, version: int | None, *, links: bool) -> UUID:
    now, kept = utc_now(), await kept_content(scope, campaign_id)
    wanted = replace(parse(form, timezone=scope.frame.timezone, scheduled=act == "schedule", kept=kept), links=links)
    if campaign_id is None:
        campaign = await service.create_campaign(scope.session, scope.access, wanted, now=now)
    else:
        campaign = await service.edit_campaign(scope.session, scope.access, campaign_id, wanted, now=now, expected_version=version)
    if act == "send":
        await service.launch_campaign(scope.session, scope.access, campaign.id, now=now)
    return campaign.id


async def _demand_confirmed(scope: PageScope, form: ComposeForm, confirmed: str, campaign_id: UUID | None, *, links: bool) -> None:
    """Raises Conflict where the number that was agreed to is not the number that would get it now."""
    kept = await kept_content(scope, campaign_id)
    parse(form, timezone=scope.frame.timezone, scheduled=form.is_later, kept=kept)
    ahead = await look_ahead(scope, form, now=utc_now(), links=links, campaign_id=campaign_id, strict=True)
    count = ahead.preview.to_send if ahead.preview else 0
    if count == 0:
        raise field_error("audience", NOBODY)
    if confirmed != str(count):
        agreed = read_number(confirmed)
        was = f" It was {agreed:,} when you were asked." if agreed is not None else ""
        raise Conflict(f"{count:,} recipients would get it now.{was} Nothing was sent; please look once more and confirm.")


def _act(value: object) -> Act:
    match value:
        case "send":
            return "send"
        case "schedule":
            return "schedule"
        case _:
            return "draft"
