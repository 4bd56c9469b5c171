"""One contact."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.contacts import service
from tidings.contacts.groups.service import add_contacts, get_group, remove_contacts
from tidings.contacts.web.form import show_value
from tidings.contacts.web.shown import MEDIA, ContactPath, GroupPath, group_choices
from tidings.core.ids import read_id, show_id
from tidings.errors import Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter(prefix="/contacts/{contact_id}")
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "contacts")]


@router.get("")
async def contact_page(
    contact_id: ContactPath, request: Request, scope: Annotated[PageScope, require_page(Permission.CONTACTS_READ, "contacts")]
) -> Response:
    """Who it is, how to reach them, whether they may be written to."""
    return render(request, "contacts/page.html", frame=scope.frame, **await contact_context(scope, contact_id))


async def contact_context(scope: PageScope, contact_id: UUID) -> dict[str, Any]:
    """What the page shows."""
    contact = await service.get_contact(scope.session, scope.access, contact_id)
    groups = [
        (show_id("grp", group_id), name) for group_id, name in await service.groups_of_contact(scope.session, scope.access, contact_id)
    ]
    member_of = {group_id for group_id, _ in groups}
    return {
        "contact": contact,
        "contact_id": show_id("con", contact.id),
        "address": f"/contacts/{show_id('con', contact.id)}",
        "points": [(show_id("pnt", point.id), point) for point in contact.points],
        "attributes": [(key, show_value(value)) for key, value in contact.attributes.items()],
        "groups": groups,
        "other_groups": [(group_id, name) for group_id, name in await group_choices(scope) if group_id not in member_of],
        "media": MEDIA,
        "medium_names": dict(MEDIA),
    }


@router.post("/groups")
async def join_group(contact_id: ContactPath, request: Request, scope: Writer) -> Response:
    """Put the contact in a group."""
    group_id = read_id("grp", str((await request.form()).get("group", "")))
    if group_id is None:
        raise Invalid("Choose a group first. Nothing was changed.")
    await add_contacts(scope.session, scope.access, group_id, [contact_id])
    return await _back(request, scope, contact_id, group_id, "Joined")


@router.post("/groups/{group_id}/leave")
async def leave_group(contact_id: ContactPath, group_id: GroupPath, request: Request, scope: Writer) -> Response:
    """Take the contact out of a group."""
    await remove_contacts(scope.session, scope.access, group_id, [contact_id])
    return await _back(request, scope, contact_id, group_id, "Left")


@router.post("/delete")
async def delete_contact(contact_id: ContactPath, request: Request, scope: Writer) -> Response:
    """Delete the contact."""
    await service.delete_contact(scope.session, scope.access, contact_id)
    response = go_to(request, "/contacts")
    flash(response, "The contact is deleted. An opt-out is kept by number, and messages stay in their ledgers.")
    return response


async def _back(request: Request, scope: PageScope, contact_id: UUID, group_id: UUID, verb: str) -> Response:
    group = await get_group(scope.session, scope.access, group_id)
    response = go_to(request, f"/contacts/{show_id('con', contact_id)}")
    flash(response, f"{verb} “{group.name}”.")
    return response
