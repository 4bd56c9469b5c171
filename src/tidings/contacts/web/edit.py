"""A contact made and changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from tidings.contacts import service
from tidings.contacts.models import Contact
from tidings.contacts.web.form import ContactForm, changes, creation, form_of, read_form
from tidings.contacts.web.shown import MEDIA, ContactPath, sentences
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import flash
from tidings.ui.frame import Frame
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission

router = APIRouter()
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "contacts")]
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CONTACTS_WRITE, "contacts")]


@router.get("/contacts/new")
async def new_contact(request: Request, scope: Writer) -> Response:
    """The empty form."""
    return _form_page(request, scope.frame, ContactForm())


@router.post("/contacts/new")
async def create_contact(request: Request, visitor: WriterVisitor) -> Response:
    """Make the contact, or show the form again with what is wrong in it."""
    form = read_form(await request.form())
    try:
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            made = await service.create_contact(session, visitor.access, creation(form))
    except (Invalid, Conflict) as error:
        return _form_page(request, visitor.frame, form, errors=sentences(error), status_code=error.status_code)
    response = go_to(request, f"/contacts/{show_id('con', made.id)}")
    flash(response, f"{made.name or made.phone or 'The contact'} is a contact now.")
    return response


@router.get("/contacts/{contact_id}/edit")
async def edit_contact(contact_id: ContactPath, request: Request, scope: Writer) -> Response:
    """The form with what is known."""
    contact = await service.get_contact(scope.session, scope.access, contact_id)
    return _form_page(request, scope.frame, form_of(contact), contact=contact)


@router.post("/contacts/{contact_id}/edit")
async def change_contact(contact_id: ContactPath, request: Request, visitor: WriterVisitor) -> Response:
    """Keep the change, or show the form again."""
    form = read_form(await request.form())
    database = request.app.state.database
    async with database.workspace(visitor.access.workspace_id) as session:
        contact = await service.get_contact(session, visitor.access, contact_id)
    try:
        async with database.workspace(visitor.access.workspace_id) as session:
            await service.change_contact(session, visitor.access, contact_id, changes(form, contact))
    except (Invalid, Conflict) as error:
        return _form_page(request, visitor.frame, form, contact=contact, errors=sentences(error), status_code=error.status_code)
    response = go_to(request, f"/contacts/{show_id('con', contact_id)}")
    flash(response, "Saved.")
    return response


def _form_page(  # noqa: PLR0917
    request: Request,
    frame: Frame,
    form: ContactForm,
    contact: Contact | None = None,
    errors: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    context: dict[str, Any] = {
        "form": form,
        "contact": contact,
        "errors": errors or {},
        "media": MEDIA,
        "address": f"/contacts/{show_id('con', contact.id)}" if contact else "/contacts",
    }
    return render(request, "contacts/form.html", frame=frame, status_code=status_code, **context)
