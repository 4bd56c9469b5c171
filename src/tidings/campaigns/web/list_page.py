"""The list of campaigns."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.campaigns import service
from tidings.campaigns.rules import CampaignStatus
from tidings.campaigns.web.shown import ShownCampaign
from tidings.core.cursor import read_cursor, write_cursor
from tidings.ui.pages import render
from tidings.ui.words import CAMPAIGN
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, PlainText

router = APIRouter()
PAGE = 30
STATUSES = [(status.value, CAMPAIGN[status].label) for status in CampaignStatus]


@router.get("/campaigns")
async def campaigns_page(
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CAMPAIGNS_READ, "campaigns")],
    search: PlainText = "",
    status: str = "",
    cursor: Cursor = None,
) -> Response:
    """All campaigns, the newest first."""
    context = await campaigns_context(scope, search.strip()[:200], status if status in CAMPAIGN else "", cursor)
    return render(request, "campaigns/list.html", frame=scope.frame, fragment="rows" if cursor else "list", **context)


async def campaigns_context(scope: PageScope, search: str, status: str, cursor: str | None) -> dict[str, Any]:
    """What the list shows."""
    workspace_id = scope.access.workspace_id
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_campaigns(
        scope.session, workspace_id, statuses=[status] if status else [], search=search, before=before, limit=PAGE + 1
    )
    page = found[:PAGE]
    ledgers = await service.ledgers(scope.session, workspace_id, page)
    following = ""
    if len(found) > PAGE:
        following = "/campaigns?" + urlencode({"search": search, "status": status, "cursor": write_cursor(page[-1].id)})
    return {
        "rows": [ShownCampaign(one, ledgers[one.id]) for one in page],
        "next": following,
        "search": search,
        "status": status,
        "statuses": STATUSES,
        "is_filtered": bool(search or status),
    }
