"""One import: what was understood before it is confirmed, how far it is, what came of it."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from tidings.contacts.imports import service
from tidings.contacts.imports.models import Import, ImportStatus, Verdict
from tidings.contacts.imports.web.shown import ROLES, ImportPath, ShownImport, wanted_verdict
from tidings.core.cursor import read_cursor, write_cursor
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor

router = APIRouter()
PAGE = 50
_RowNumber = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


@router.get("/imports/{import_id}")
async def import_page(  # noqa: PLR0917
    import_id: ImportPath,
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CONTACTS_READ, "imports")],
    verdict: str = "",
    cursor: Cursor = None,
    part: str = "",
) -> Response:
    """The preview, the progress or the result, whichever it is at."""
    context = await import_context(scope, import_id, verdict, cursor)
    fragment = "work" if part == "work" else "rows" if cursor else "list"
    response = render(request, "contacts/imports/page.html", frame=scope.frame, fragment=fragment, **context)
    if part == "work" and not context["one"].is_running and "HX-Request" in request.headers:
        # It has just ended: the whole page is another one now.
        response.headers["HX-Refresh"] = "true"
    return response


async def import_context(scope: PageScope, import_id: UUID, verdict: str, cursor: str | None) -> dict[str, Any]:
    """What the page shows."""
    found = await service.get_import(scope.session, scope.access, import_id)
    after = read_cursor(cursor, tuple[_RowNumber])[0] if cursor else 0
    wanted = wanted_verdict(verdict)
    rows = await service.list_rows(scope.session, scope.access, import_id, verdict=wanted, after=after, limit=PAGE + 1)
    page = rows[:PAGE]
    one = ShownImport(found)
    query = urlencode({"verdict": verdict if wanted else "", "cursor": write_cursor(page[-1].row)}) if len(rows) > PAGE else ""
    return {
        "one": one,
        "rows": page,
        "verdict": verdict if wanted else "",
        "tabs": tabs(found),
        "next": f"{one.address}?{query}" if query else "",
        "roles": ROLES,
        "may_fix": one.is_ready and scope.frame.may(Permission.CONTACTS_WRITE),
    }


def tabs(found: Import) -> list[tuple[str, str, int]]:
    """The verdicts that rows have at this stage: key, label, count."""
    over = found.status in {ImportStatus.DONE, ImportStatus.IMPORTING}
    one = ShownImport(found)
    first = (
        [(Verdict.CREATED, "Created", found.created_count), (Verdict.SKIPPED, "Known before", one.known_before)]
        if over
        else [(Verdict.VALID, "Good", found.valid_count), (Verdict.EXISTING, "Known already", found.existing_count)]
    )
    rest = [
        (Verdict.DUPLICATE_IN_FILE, "Repeated", found.duplicate_count),
        (Verdict.INVALID, "To mend" if not over else "Left out", found.error_count),
    ]
    return [("", "All rows", found.row_count), *((str(key), label, count) for key, label, count in (*first, *rest))]
