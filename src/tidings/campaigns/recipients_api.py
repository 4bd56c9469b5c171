"""The JSON edge of a campaign's recipients: the look ahead, the ledger row by row, the export."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from tidings.campaigns import service
from tidings.campaigns.export import export_csv, export_xlsx
from tidings.campaigns.preview import preview_campaign
from tidings.campaigns.preview_route import preview_by_route
from tidings.campaigns.recipient_schemas import LedgerWord, PreviewInput, PreviewOutput, RecipientOutput, RecipientPage
from tidings.core.clock import utc_now
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.phone import BadPhone, parse_phone
from tidings.files.links import Links
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import get_workspace
from tidings.workspaces.wire import Cursor, Limit, PathId, PlainText, problems

router = APIRouter()
CampaignPath = Annotated[UUID, PathId("cmp")]
Reader = Annotated[Scope, require(Permission.CAMPAIGNS_READ)]
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.post("/preview", responses=problems(404, 409))
async def preview(body: PreviewInput, request: Request, scope: Reader) -> PreviewOutput:
    """What a campaign would come to: how many people and SMS parts, how long, how dear, and for whom the text cannot be made.

    Nothing is saved or sent. Texts are made for the first 1000 recipients, or for all of them where there are fewer.
    """
    if body.route is not None:
        links: Links = request.app.state.links
        ahead = await preview_by_route(
            scope.session, scope.access, text=body.text, content=body.content(), audience=body.audience.audience(), route_id=body.route,
            links=links.reachable,
        )  # fmt: skip
        return PreviewOutput.of(ahead)
    ahead = await preview_campaign(
        scope.session,
        scope.access,
        text=body.text,
        audience=body.audience.audience(),
        channel_id=body.channel,
        start_at=body.scheduled_at or utc_now(),
    )
    return PreviewOutput.of(ahead)


@router.get("/{campaign_id}/recipients", responses=problems(404))
async def list_recipients(  # noqa: PLR0917 - each is named in the query
    campaign_id: CampaignPath,
    scope: Reader,
    status: Annotated[list[LedgerWord], Query(description="A column of the ledger; repeat it for several.")] = [],  # noqa: B006 - FastAPI copies it
    search: Annotated[PlainText, Query(max_length=100, description="A number, or a part of a name or number.")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RecipientPage:
    """What became of each recipient, with reasons."""
    after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    address, contacts = await _sought(scope, search.strip())
    found = await service.list_recipients(
        scope.session,
        scope.access.workspace_id,
        campaign_id,
        words=status,
        contacts=contacts,
        address=address,
        after=after,
        limit=limit + 1,
    )
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return RecipientPage(items=[RecipientOutput.of(one) for one in found[:limit]], next_cursor=following)


async def _sought(scope: Scope, search: str) -> tuple[str | None, list[UUID] | None]:
    """The address meant, where it is a whole number, and the first 200 contacts who match."""
    if not search:
        return None, None
    region = (await get_workspace(scope.session, scope.access)).default_region
    contacts = await service.find_contact_ids(scope.session, scope.access.workspace_id, search, region=region)
    try:
        return parse_phone(search, region), contacts
    except BadPhone:
        return search, contacts


@router.get(
    "/{campaign_id}/export",
    response_class=StreamingResponse,
    responses={**problems(404), 200: {"description": "The file.", "content": {CSV.partition(";")[0]: {}, XLSX: {}}}},
)
async def export_recipients(
    campaign_id: CampaignPath,
    request: Request,
    scope: Reader,
    file_format: Annotated[Literal["csv", "xlsx"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """The whole ledger as a file: everybody once, with status, reason, times, parts and cost."""
    await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    write = export_csv if file_format == "csv" else export_xlsx
    return StreamingResponse(
        write(request.app.state.database, scope.access.workspace_id, campaign_id),
        media_type=CSV if file_format == "csv" else XLSX,
        headers={"Content-Disposition": f'attachment; filename="ledger.{file_format}"'},
    )
