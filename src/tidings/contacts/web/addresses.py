"""The addresses of a contact: added, taken away, opted out and in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.contacts import service
from tidings.contacts.models import Address
from tidings.contacts.web.shown import ContactPath, PointPath
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import Tone, flash
from tidings.ui.pages import go_to
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission

router = APIRouter(prefix="/contacts/{contact_id}/points")
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "contacts")]
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CONTACTS_WRITE, "contacts")]


@router.post("")
async def add_address(contact_id: ContactPath, request: Request, visitor: WriterVisitor) -> Response:
    """Give the contact another address."""
    form = await request.form()
    # A NUL, which no browser sends, is not kept by PostgreSQL.
    wanted = Address(medium=str(form.get("medium", "")), address=str(form.get("address", ""))[:320].replace("\0", ""))
    try:
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            await service.add_address(session, visitor.access, contact_id, wanted)
    except (Invalid, Conflict) as error:
        return _back(request, contact_id, error.detail, "danger")
    return _back(request, contact_id, "The address is added.")


@router.post("/{point_id}/remove")
async def remove_address(contact_id: ContactPath, point_id: PointPath, request: Request, visitor: WriterVisitor) -> Response:
    """Take an address away."""
    try:
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            await service.remove_address(session, visitor.access, contact_id, point_id)
    except Conflict as error:
        return _back(request, contact_id, error.detail, "warning")
    return _back(request, contact_id, "The address is removed.")


@router.post("/{point_id}/consent")
async def change_consent(contact_id: ContactPath, point_id: PointPath, request: Request, scope: Writer) -> Response:
    """Whether this address may be written to."""
    if (await request.form()).get("may_write") == "true":
        await service.opt_in_contact(scope.session, scope.access, contact_id, point_id=point_id)
        return _back(request, contact_id, "This address may be written to again. Make sure that this is what they want.")
    detail = f"by {scope.access.actor_label}"
    await service.opt_out_contact(scope.session, scope.access, contact_id, point_id=point_id, source="dashboard", detail=detail)
    return _back(request, contact_id, "Nothing more is sent to this address, by no campaign and no API call.")


def _back(request: Request, contact_id: UUID, text: str, tone: Tone = "success") -> Response:
    response = go_to(request, f"/contacts/{show_id('con', contact_id)}")
    flash(response, text, tone)
    return response
