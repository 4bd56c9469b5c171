"""The JSON edge of campaigns: making, changing and steering them. Their recipients and the look ahead are in recipients_api.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from tidings.campaigns import recipients_api, service
from tidings.campaigns.models import Campaign
from tidings.campaigns.schemas import CampaignChange, CampaignInput, CampaignOutput, CampaignPage, CampaignStatusWord, ResendInput
from tidings.core.clock import utc_now
from tidings.core.cursor import read_cursor, write_cursor
from tidings.errors import FieldError, Invalid
from tidings.files.links import Links
from tidings.workspaces.edge import Scope, require, require_send
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, PathId, PlainText, problems

router = APIRouter(prefix="/campaigns", tags=["Campaigns"])
router.include_router(recipients_api.router)
CampaignPath = Annotated[UUID, PathId("cmp")]
Reader = Annotated[Scope, require(Permission.CAMPAIGNS_READ)]
Writer = Annotated[Scope, require(Permission.CAMPAIGNS_WRITE)]
Sender = Annotated[Scope, require_send(Permission.CAMPAIGNS_WRITE)]
Repeatable = Annotated[Once, idempotent()]


@router.post("", status_code=201, response_model=CampaignOutput, responses=problems(404, 409, 429))
async def create_campaign(body: CampaignInput, request: Request, once: Repeatable, scope: Sender) -> Response:
    """Make a campaign: a draft; with `scheduled_at`, one that goes out by itself; with `send_now`, one that goes out at once."""

    async def create() -> CampaignOutput:
        wanted = replace(body.wanted(), links=_links(request))
        campaign = await service.create_campaign(scope.session, scope.access, wanted, now=utc_now())
        if body.send_now:
            campaign = await service.launch_campaign(scope.session, scope.access, campaign.id, now=utc_now())
        return await _output(scope, campaign)

    return await once.answer(scope, create, status_code=201)


@router.get("", responses=problems())
async def list_campaigns(
    scope: Reader,
    status: Annotated[list[CampaignStatusWord], Query(description="Repeat it for several.")] = [],  # noqa: B006 - FastAPI copies it
    search: Annotated[PlainText, Query(max_length=200, description="A part of the name.")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> CampaignPage:
    """The campaigns of the workspace with their ledgers, the newest first."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_campaigns(
        scope.session, scope.access.workspace_id, statuses=status, search=search, before=before, limit=limit + 1
    )
    items = await _outputs(scope, found[:limit])
    return CampaignPage(items=items, next_cursor=write_cursor(found[limit - 1].id) if len(found) > limit else None)


@router.get("/{campaign_id}", responses=problems(404))
async def get_campaign(campaign_id: CampaignPath, scope: Reader, response: Response) -> CampaignOutput:
    """One campaign: its ledger, how fast it goes and when it should be through."""
    campaign = await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    return await _tagged(scope, campaign, response)


@router.patch("/{campaign_id}", responses=problems(404, 409))
async def edit_campaign(  # noqa: PLR0917 - each is named in the request
    campaign_id: CampaignPath,
    body: CampaignChange,
    request: Request,
    scope: Writer,
    response: Response,
    if_match: Annotated[str | None, Header(max_length=100, description="The `ETag` you saw; 409 when somebody changed it since.")] = None,
) -> CampaignOutput:
    """Change a campaign that has not been launched. 409 when it has, or when somebody else changed it since you looked."""
    before = await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    expected = body.version if body.version is not None else _version(if_match)
    campaign = await service.edit_campaign(
        scope.session,
        scope.access,
        campaign_id,
        replace(body.applied_to(before), links=_links(request)),
        now=utc_now(),
        expected_version=before.version if expected is None else expected,
    )
    return await _tagged(scope, campaign, response)


@router.delete("/{campaign_id}", status_code=204, responses=problems(404, 409))
async def delete_campaign(campaign_id: CampaignPath, scope: Writer) -> None:
    """Delete a draft. What has been launched stays in the ledger for good."""
    await service.delete_campaign(scope.session, scope.access, campaign_id)


@router.put("/{campaign_id}/launch", response_model=CampaignOutput, responses=problems(404, 409, 429))
async def launch_campaign(campaign_id: CampaignPath, once: Repeatable, scope: Sender) -> Response:
    """Send a draft or scheduled campaign now."""

    async def launch() -> CampaignOutput:
        return await _output(scope, await service.launch_campaign(scope.session, scope.access, campaign_id, now=utc_now()))

    return await once.answer(scope, launch)


@router.put("/{campaign_id}/pause", responses=problems(404, 409))
async def pause_campaign(campaign_id: CampaignPath, scope: Writer) -> CampaignOutput:
    """Let nothing more leave. What is in the air still ends, and is counted."""
    return await _output(scope, await service.pause_campaign(scope.session, scope.access, campaign_id, now=utc_now()))


@router.delete("/{campaign_id}/pause", responses=problems(404, 409))
async def resume_campaign(campaign_id: CampaignPath, request: Request, scope: Writer) -> CampaignOutput:
    """Go on where it was paused."""
    campaign = await service.resume_campaign(scope.session, scope.access, request.app.state.database, campaign_id, now=utc_now())
    return await _output(scope, campaign)


@router.put("/{campaign_id}/cancellation", responses=problems(404, 409))
async def cancel_campaign(campaign_id: CampaignPath, scope: Writer) -> CampaignOutput:
    """Take back everything that has not left. Nothing more leaves from the moment of the answer; counting it takes a moment longer."""
    return await _output(scope, await service.cancel_campaign(scope.session, scope.access, campaign_id, now=utc_now()))


@router.post("/{campaign_id}/resends", status_code=201, response_model=CampaignOutput, responses=problems(404, 409, 429))
async def resend_campaign(campaign_id: CampaignPath, body: ResendInput, once: Repeatable, scope: Sender) -> Response:
    """Send again, as a new campaign, to only those who ended as `failed` or `unknown` and have not been sent to again already."""

    async def resend() -> CampaignOutput:
        campaign = await service.resend_campaign(scope.session, scope.access, campaign_id, body.statuses, now=utc_now())
        return await _output(scope, campaign)

    return await once.answer(scope, resend, status_code=201)


async def _tagged(scope: Scope, campaign: Campaign, response: Response) -> CampaignOutput:
    response.headers["ETag"] = f'"{campaign.version}"'
    return await _output(scope, campaign)


def _links(request: Request) -> bool:
    """Whether a provider could fetch an uploaded file from this installation."""
    links: Links = request.app.state.links
    return links.reachable


async def _output(scope: Scope, campaign: Campaign) -> CampaignOutput:
    (output,) = await _outputs(scope, [campaign])
    return output


async def _outputs(scope: Scope, campaigns: Sequence[Campaign]) -> list[CampaignOutput]:
    ledgers = await service.ledgers(scope.session, scope.access.workspace_id, campaigns)
    progresses = await service.progresses(scope.session, scope.access, campaigns, ledgers, now=utc_now())
    return [CampaignOutput.of(one, ledgers[one.id], progresses[one.id]) for one in campaigns]


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    number = if_match.strip().removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Invalid("`If-Match` must hold the `ETag` of the campaign.", errors=(FieldError("If-Match", "is not an ETag of ours"),))
    return int(number)
