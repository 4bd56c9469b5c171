"""Rows mended by hand, one at a time, without leaving the preview."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from tidings.contacts.imports import service
from tidings.contacts.imports.web.preview import tabs
from tidings.contacts.imports.web.shown import ImportPath, ShownImport
from tidings.core.ids import show_id
from tidings.errors import Invalid, NotFound
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter(prefix="/imports/{import_id}/rows/{number}")
RowPath = Annotated[int, Path(ge=1, le=2**31 - 1)]
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "imports")]


@router.get("")
async def row_form(import_id: ImportPath, number: RowPath, request: Request, scope: Writer) -> Response:
    """A row as fields to type in."""
    found = await service.get_import(scope.session, scope.access, import_id)
    rows = await service.list_rows(scope.session, scope.access, import_id, after=number - 1, limit=1)
    if not rows or rows[0].row != number:
        raise NotFound(f"The import has no row {number}.")
    return render(
        request, "contacts/imports/row.html", frame=scope.frame, fragment="row", one=ShownImport(found), row=rows[0], open=True, tabs=None,
        verdict="", may_fix=True,
    )  # fmt: skip


@router.post("")
async def correct_row(import_id: ImportPath, number: RowPath, request: Request, scope: Writer) -> Response:
    """Judge the row anew with what was typed; the counts follow."""
    form = await request.form()
    name, phone = (str(form.get(key, "")) for key in ("name", "phone"))
    if "\0" in name + phone or len(phone) > 100:
        raise Invalid("A name and a number are plain text; a number has 100 characters at most. The row is as it was.")
    row = await service.correct_row(scope.session, scope.access, import_id, number, name=name, phone=phone)
    if "HX-Request" not in request.headers:
        response = go_to(request, f"/imports/{show_id('imp', import_id)}")
        flash(
            response,
            f"Row {number} is corrected." if row.address else f"Row {number}: {row.error}",
            "success" if row.address else "warning",
        )
        return response
    found = await service.get_import(scope.session, scope.access, import_id)
    return render(
        request, "contacts/imports/row.html", frame=scope.frame, fragment="row", one=ShownImport(found), row=row, open=False, tabs=tabs(found),
        verdict=str(form.get("verdict", "")), may_fix=True,
    )  # fmt: skip
