"""The first step: a file is chosen, and where its contacts go."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import xlsxwriter
from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from tidings.contacts.groups.service import list_groups
from tidings.contacts.imports import service
from tidings.contacts.imports.service import Reading, Upload
from tidings.contacts.imports.web.shown import ShownImport, limits_of
from tidings.core.ids import read_id, show_id
from tidings.errors import Invalid, TooLarge, Unavailable
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import Visitor, require_visitor
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from starlette.datastructures import FormData

router = APIRouter()
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CONTACTS_WRITE, "imports")]
GROUPS = 200
"""Groups that the form offers; others are named by typing."""
EXAMPLE = (
    ("Name", "Phone", "City"),
    ("Amina Hassan", "0712 345 678", "Nairobi"),
    ("John Otieno", "+254 733 000 111", "Kisumu"),
    ("Grace Wanjiru", "254722000333", "Nakuru"),
)


@router.get("/imports/new")
async def new_import(request: Request, visitor: WriterVisitor, group: str = "") -> Response:
    """The empty form, for a group where one is named."""
    return await _form_page(request, visitor, target="group" if group else "none", group=group)


@router.post("/imports/new")
async def start_import(request: Request, visitor: WriterVisitor) -> Response:
    """Read the file and show what was understood; nothing is saved as a contact yet."""
    form = await request.form()
    target, group, name = (str(form.get(key, "")) for key in ("target", "group", "group_name"))
    try:
        upload, reading = await _upload(form), _reading(target, group, name)
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            made = await service.start_import(session, visitor.access, upload, reading, limits_of(request))
    except (Invalid, TooLarge, Unavailable) as error:
        errors = {_place(error): error.detail}
        return await _form_page(request, visitor, target=target, group=group, group_name=name, errors=errors, status_code=error.status_code)
    return go_to(request, ShownImport(made).address)


async def _upload(form: FormData) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose a file first.", code="no_file")
    return Upload(filename=file.filename, content=await file.read())


def _reading(target: str, group: str, name: str) -> Reading:
    if target == "group":
        group_id: UUID | None = read_id("grp", group)
        if group_id is None:
            raise Invalid("Choose a group, or let the contacts go to none.", code="no_group")
        return Reading(group_id=group_id)
    if target == "new":
        if not name.strip() or "\0" in name:
            raise Invalid("Give the new group a name.", code="no_name")
        return Reading(group_name=name)
    return Reading()


def _place(error: Invalid | TooLarge | Unavailable) -> str:
    if error.code == "no_group" or any(one.field == "group_id" for one in error.errors):
        return "group"
    if error.code == "no_name" or any(one.field == "group_name" for one in error.errors):
        return "group_name"
    return "file"


async def _form_page(  # noqa: PLR0917
    request: Request,
    visitor: Visitor,
    target: str,
    group: str = "",
    group_name: str = "",
    errors: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
        groups, _ = await list_groups(session, visitor.access, limit=GROUPS)
    errors = dict(errors or {})
    if "group" in errors and not groups:  # the field is not on the page then
        errors["file"] = errors.pop("group")
    limits = limits_of(request)
    context: dict[str, Any] = {
        "target": target if target in {"group", "new"} else "none",
        "group": group,
        "group_name": group_name,
        "groups": [(show_id("grp", one.id), f"{one.name} ({one.contact_count:,})") for one in groups],
        "errors": errors,
        "limit": limits.upload_bytes,
        "row_limit": limits.rows,
    }
    return render(request, "contacts/imports/new.html", frame=visitor.frame, status_code=status_code, **context)


@router.get("/imports/example.xlsx")
async def example(visitor: WriterVisitor) -> Response:  # noqa: ARG001 - only who may import is given it
    """A small sheet to fill in."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Contacts")
        text = book.add_format({"num_format": "@"})  # so that a spreadsheet program does not eat the zero a number begins with
        sheet.set_column(0, 2, 22, text)
        for number, row in enumerate(EXAMPLE):
            for place, value in enumerate(row):
                sheet.write_string(number, place, value, text)
    headers = {"Content-Disposition": 'attachment; filename="contacts-example.xlsx"'}
    return Response(content.getvalue(), media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", headers=headers)
