"""What a campaign's buttons do. Each leads back to the campaign, which says what came of it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from tidings.campaigns import service
from tidings.campaigns.web.compose import limit_sends
from tidings.core.clock import utc_now
from tidings.core.ids import show_id
from tidings.errors import Conflict
from tidings.ui.flash import flash
from tidings.ui.pages import go_to
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId

if TYPE_CHECKING:
    from tidings.ui.flash import Tone

router = APIRouter(prefix="/campaigns/{campaign_id}")
CampaignId = Annotated[UUID, PathId("cmp")]
Writer = Annotated[PageScope, require_page(Permission.CAMPAIGNS_WRITE, "campaigns")]


@router.post("/pause")
async def pause(campaign_id: CampaignId, request: Request, scope: Writer) -> Response:
    """Let nothing more leave."""
    work = service.pause_campaign(scope.session, scope.access, campaign_id, now=utc_now())
    return await _act(request, scope, campaign_id, work, "Paused. Nothing leaves until you resume it; what was in the air still ends.")


@router.post("/resume")
async def resume(campaign_id: CampaignId, request: Request, scope: Writer) -> Response:
    """Go on where it was paused."""
    work = service.resume_campaign(scope.session, scope.access, request.app.state.database, campaign_id, now=utc_now())
    return await _act(request, scope, campaign_id, work, "It goes on where it was paused.")


@router.post("/cancel")
async def cancel(campaign_id: CampaignId, request: Request, scope: Writer) -> Response:
    """Take back what has not left."""
    work = service.cancel_campaign(scope.session, scope.access, campaign_id, now=utc_now())
    return await _act(request, scope, campaign_id, work, "Cancelled. Nothing more leaves.")


@router.post("/delete")
async def delete(campaign_id: CampaignId, request: Request, scope: Writer) -> Response:
    """Delete a draft."""
    name = (await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)).name
    work = service.delete_campaign(scope.session, scope.access, campaign_id)
    return await _act(request, scope, campaign_id, work, f"The draft “{name}” was deleted.", address="/campaigns")


@router.post("/resend")
async def resend(campaign_id: CampaignId, request: Request, scope: Writer, statuses: Annotated[list[str], Form()]) -> Response:
    """Send again to those who failed, or whose end is unknown, as a campaign of its own."""
    await limit_sends(request, scope)
    try:
        async with scope.session.begin_nested():
            made = await service.resend_campaign(scope.session, scope.access, campaign_id, statuses, now=utc_now())
    except Conflict as error:
        return _say(go_to(request, _address(campaign_id)), error.detail, "warning")
    return _say(go_to(request, _address(made.id)), "Sending again, as a campaign of its own. The first one's ledger stays as it is.")


async def _act(request: Request, scope: PageScope, campaign_id: UUID, work: Awaitable[Any], said: str, *, address: str = "") -> Response:
    """Do it, or say why not now; then nothing was changed."""
    try:
        async with scope.session.begin_nested():
            await work
    except Conflict as error:
        return _say(go_to(request, _address(campaign_id)), error.detail, "warning")
    return _say(go_to(request, address or _address(campaign_id)), said)


def _say(response: Response, text: str, tone: Tone = "success") -> Response:
    flash(response, text, tone)
    return response


def _address(campaign_id: UUID) -> str:
    return f"/campaigns/{show_id('cmp', campaign_id)}"
