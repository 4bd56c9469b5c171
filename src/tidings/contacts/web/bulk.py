"""What is done with several contacts at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from tidings.contacts import service
from tidings.contacts.groups.service import add_contacts, get_group, remove_contacts
from tidings.contacts.web.shown import read_selected
from tidings.core.ids import read_id, show_id
from tidings.errors import Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, safe_next
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission

router = APIRouter(prefix="/contacts/bulk")
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "contacts")]


@router.post("/add")
async def add_to_group(request: Request, scope: Writer) -> Response:
    """Put them in a group."""
    form = await request.form()
    group_id = read_id("grp", str(form.get("group", "")))
    if group_id is None:
        raise Invalid("Choose the group that they are to go to. Nothing was changed.")
    selected = read_selected(form)
    added = await add_contacts(scope.session, scope.access, group_id, selected)
    group = await get_group(scope.session, scope.access, group_id)
    response = go_to(request, safe_next(str(form.get("next") or "/contacts")))
    known = len(selected) - added
    flash(response, f"{_people(added)} joined “{group.name}”." + (f" {_people(known)} had been in it before." if known else ""))
    return response


@router.post("/remove")
async def remove_from_group(request: Request, scope: Writer) -> Response:
    """Take them out of a group; they stay contacts."""
    form = await request.form()
    group_id = read_id("grp", str(form.get("group", "")))
    if group_id is None:
        raise Invalid("Choose the group that they are to leave. Nothing was changed.")
    removed = await remove_contacts(scope.session, scope.access, group_id, read_selected(form))
    response = go_to(request, safe_next(str(form.get("next") or f"/groups/{show_id('grp', group_id)}")))
    flash(response, f"{_people(removed)} left the group.")
    return response


@router.post("/delete")
async def delete(request: Request, scope: Writer) -> Response:
    """Delete them for good."""
    form = await request.form()
    selected = read_selected(form)
    for contact_id in selected:
        await service.delete_contact(scope.session, scope.access, contact_id)
    response = go_to(request, safe_next(str(form.get("next") or "/contacts")))
    flash(response, f"{_people(len(selected))} deleted. Opt-outs are kept by number, and messages stay in their ledgers.")
    return response


def _people(count: int) -> str:
    return f"{count:,} contact{'' if count == 1 else 's'}"
