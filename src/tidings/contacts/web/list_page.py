"""The list of contacts, and the same list as a file."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from tidings.contacts import service
from tidings.contacts.export import export_contacts
from tidings.contacts.web.shown import CONSENT, contacts_context, filter_query, group_choices, read_filters
from tidings.ui.pages import render, wants_fragment
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PlainText

router = APIRouter()
SearchCursor = Annotated[str | None, Query(max_length=12_000)]


@router.get("/contacts")
async def contacts_page(  # noqa: PLR0917
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CONTACTS_READ, "contacts")],
    search: PlainText = "",
    group: str = "",
    opted_out: str = "",
    cursor: SearchCursor = None,
) -> Response:
    """All contacts, the newest first, or those that fit a search."""
    filters = read_filters(search, group, opted_out)
    context = await contacts_context(scope, filters, cursor, address="/contacts")
    if cursor and wants_fragment(request):
        return render(request, "contacts/list.html", frame=scope.frame, fragment="rows", **context)
    groups = await group_choices(scope)
    query = filter_query(filters, with_group=True)
    return render(
        request, "contacts/list.html", frame=scope.frame, fragment="list", groups=groups, group=query["group"], consent=CONSENT,
        total=await service.count_contacts(scope.session, scope.access.workspace_id),
        export=f"/contacts/export.csv?{urlencode({name: value for name, value in query.items() if value})}", **context,
    )  # fmt: skip


@router.get("/contacts/export.csv")
async def export(
    request: Request,
    visitor: Annotated[Visitor, require_visitor(Permission.CONTACTS_READ, "contacts")],
    search: PlainText = "",
    group: str = "",
    opted_out: str = "",
) -> Response:
    """The contacts of the list as CSV."""
    parts = export_contacts(request.app.state.database, visitor.access, read_filters(search, group, opted_out))
    headers = {"Content-Disposition": 'attachment; filename="contacts.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=headers)
