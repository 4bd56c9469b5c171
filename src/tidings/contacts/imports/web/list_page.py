"""The list of imports."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.contacts.imports import service
from tidings.contacts.imports.web.shown import ShownImport
from tidings.core.cursor import read_cursor, write_cursor
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor

router = APIRouter()
PAGE = 30


@router.get("/imports")
async def imports_page(
    request: Request, scope: Annotated[PageScope, require_page(Permission.CONTACTS_READ, "imports")], cursor: Cursor = None
) -> Response:
    """All imports, the newest first."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_imports(scope.session, scope.access, before=before, limit=PAGE + 1)
    page = found[:PAGE]
    context: dict[str, Any] = {
        "rows": [ShownImport(one) for one in page],
        "next": f"/imports?cursor={write_cursor(page[-1].id)}" if len(found) > PAGE else "",
    }
    return render(request, "contacts/imports/list.html", frame=scope.frame, fragment="rows", **context)
