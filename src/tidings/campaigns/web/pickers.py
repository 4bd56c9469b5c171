"""Choosing groups and contacts in the compose form: what is chosen stays on top, what the search finds comes below."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from tidings.contacts.groups.models import Group
from tidings.contacts.groups.service import get_group, list_groups
from tidings.contacts.reading import read_contacts
from tidings.contacts.service import Contact, Filters, list_contacts
from tidings.core.ids import read_id, show_id
from tidings.db.database import raw_connection
from tidings.errors import NotFound
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PlainText

router = APIRouter()
Reader = Annotated[PageScope, require_page(Permission.CONTACTS_READ, "campaigns")]
Ids = Annotated[tuple[str, ...], Query(max_length=500)]
OFFERED = 12
"""Groups or contacts that a search shows below the chosen ones."""


@router.get("/campaigns/pick-groups")
async def pick_groups(
    request: Request,
    scope: Reader,
    groups: Ids = (),
    group_search: PlainText = "",
) -> Response:
    """The groups to choose from."""
    context = await group_choices(scope, groups, group_search)
    return render(request, "campaigns/parts/group_choices.html", frame=scope.frame, **context)


@router.get("/campaigns/pick-contacts")
async def pick_contacts(
    request: Request,
    scope: Reader,
    contacts: Ids = (),
    contact_search: PlainText = "",
) -> Response:
    """The contacts to choose from."""
    context = await contact_choices(scope, contacts, contact_search)
    return render(request, "campaigns/parts/contact_choices.html", frame=scope.frame, **context)


async def group_choices(scope: PageScope, chosen: tuple[str, ...], search: str = "") -> dict[str, Any]:
    """Chosen groups, then those that match: (id, name, contacts)."""
    found, more = await list_groups(scope.session, scope.access, search=search[:200], limit=OFFERED)
    offered = {show_id("grp", one.id): one for one in found}
    picked = [one for one in [offered.get(id_) or await _group(scope, id_) for id_ in chosen] if one is not None]
    rest = [one for id_, one in offered.items() if id_ not in chosen]
    return {
        "group_rows": [(show_id("grp", one.id), one.name, one.contact_count, True) for one in picked]
        + [(show_id("grp", one.id), one.name, one.contact_count, False) for one in rest],
        "group_search": search,
        "has_more_groups": more is not None,
    }


async def contact_choices(scope: PageScope, chosen: tuple[str, ...], search: str = "") -> dict[str, Any]:
    """Chosen contacts, then those that match: (id, name, number)."""
    ids = [one for one in (read_id("con", text) for text in chosen) if one is not None]
    picked = await read_contacts(await raw_connection(scope.session), scope.access.workspace_id, ids)
    found: list[Contact] = []
    if search.strip():
        found, _ = await list_contacts(scope.session, scope.access, Filters(search=search[:200]), limit=OFFERED)
    rest = [one for one in found if one.id not in ids]
    return {
        "contact_rows": [(show_id("con", one.id), one.name, one.phone, True) for one in picked]
        + [(show_id("con", one.id), one.name, one.phone, False) for one in rest],
        "contact_search": search,
    }


async def attribute_names(scope: PageScope) -> list[str]:
    """Names of attributes that a text may insert, as the newest contacts have them, the most frequent first."""
    newest, _ = await list_contacts(scope.session, scope.access, Filters(), limit=OFFERED)
    counted: dict[str, int] = {}
    for contact in newest:
        for name in contact.attributes:
            counted[name] = counted.get(name, 0) + 1
    return sorted(counted, key=lambda name: (-counted[name], name))


async def _group(scope: PageScope, public_id: str) -> Group | None:
    group_id = read_id("grp", public_id)
    if group_id is None:
        return None
    try:
        return await get_group(scope.session, scope.access, group_id)
    except NotFound:
        return None
