"""What changes an import as a whole: another reading, another group, confirmation, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request, Response

from tidings.contacts.imports import service
from tidings.contacts.imports.models import ImportStatus
from tidings.contacts.imports.service import Mapping, Reading
from tidings.contacts.imports.web.shown import ImportPath, ShownImport, limits_of
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from starlette.datastructures import FormData

router = APIRouter(prefix="/imports/{import_id}")
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "imports")]
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CONTACTS_WRITE, "imports")]
MOST_COLUMNS = 100


@router.post("/reading")
async def read_again(import_id: ImportPath, request: Request, visitor: WriterVisitor) -> Response:
    """Read the file afresh, with the columns as the form says."""
    form = await request.form()
    response = go_to(request, f"/imports/{show_id('imp', import_id)}")
    try:
        reading = Reading(mapping=read_mapping(form), header=form.get("header") == "true")
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            await service.change_import(session, visitor.access, import_id, reading, limits_of(request), again=True)
    except (Invalid, Conflict) as error:
        flash(response, f"{error.detail} The file is still read as before.", "danger")
    else:
        flash(response, "The file was read again, with the columns as you said. Rows you had corrected stay corrected.")
    return response


def read_mapping(form: FormData) -> Mapping:
    """The mapping that the form's selects say. Raises Invalid when it makes no sense."""
    names: list[str] = []
    single: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for letter in [key.removeprefix("role_") for key in form if key.startswith("role_")][:MOST_COLUMNS]:
        role = str(form.get(f"role_{letter}", ""))
        if role == "name":
            names.append(letter)
        elif role == "attribute":
            key = str(form.get(f"key_{letter}", "")).strip()
            if key in attributes:
                raise Invalid(f"Two columns are called “{key[:64]}”. Give each attribute a name of its own.")
            attributes[key] = letter
        elif role in {"phone", "locale", "timezone"}:
            if role in single:
                raise Invalid(f"Columns {single[role]} and {letter} cannot both be the {role}. Choose one of them.")
            single[role] = letter
    if "phone" not in single:
        raise Invalid("One column has to be the phone number.")
    return Mapping(
        name=tuple(names), phone=single["phone"], locale=single.get("locale"), timezone=single.get("timezone"), attributes=attributes
    )


@router.post("/confirm")
async def confirm(import_id: ImportPath, request: Request, scope: Writer) -> Response:
    """The second step. Twice is the same as once."""
    found = await service.confirm_import(scope.session, scope.access, import_id)
    response = go_to(request, ShownImport(found).address)
    if found.status is ImportStatus.DONE:
        flash(response, f"Done: {found.created_count:,} new contact{'' if found.created_count == 1 else 's'}.")
    return response


@router.post("/cancel")
async def cancel(import_id: ImportPath, request: Request, scope: Writer) -> Response:
    """Stop it for good."""
    found = await service.cancel_import(scope.session, scope.access, import_id)
    response = go_to(request, "/imports" if not found.created_count else ShownImport(found).address)
    flash(response, "The import is cancelled." + (" Contacts that it had made stay." if found.created_count else " Nothing was saved."))
    return response
