"""The ledger as a file."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from tidings.campaigns import service
from tidings.campaigns.export import export_csv, export_xlsx
from tidings.errors import NotFound
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId

router = APIRouter()
KINDS = {
    "csv": (export_csv, "text/csv; charset=utf-8"),
    "xlsx": (export_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


@router.get("/campaigns/{campaign_id}/ledger.{kind}")
async def download_ledger(
    campaign_id: Annotated[UUID, PathId("cmp")],
    kind: str,
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CAMPAIGNS_READ, "campaigns")],
) -> Response:
    """Every recipient with what became of them. The file is written while it is read; no transaction stays open for it."""
    if kind not in KINDS:
        raise NotFound("A ledger is given as .csv or as .xlsx.")
    campaign = await service.get_campaign(scope.session, scope.access.workspace_id, campaign_id)
    export, media_type = KINDS[kind]
    rows = export(request.app.state.database, scope.access.workspace_id, campaign_id)
    headers = {"Content-Disposition": _attachment(f"{campaign.name}.{kind}"), "Cache-Control": "no-store"}
    return StreamingResponse(rows, media_type=media_type, headers=headers)


def _attachment(name: str) -> str:
    """The file's name in plain letters for old programs, and as it is for the others (RFC 6266)."""
    tidy = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', " ", name).strip()
    plain = unicodedata.normalize("NFKD", tidy).encode("ascii", "ignore").decode().strip() or "ledger"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(tidy)}"
