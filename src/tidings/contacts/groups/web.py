"""The pages of groups."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from tidings.contacts.groups import service
from tidings.contacts.reading import list_contacts
from tidings.contacts.search import Filters
from tidings.contacts.web.shown import CONSENT, LONGEST_SEARCH, GroupPath, contacts_context, read_filters, read_selected, sentences
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PlainText

router = APIRouter()
PAGE = 50
CANDIDATES = 20
Reader = Annotated[PageScope, require_page(Permission.CONTACTS_READ, "groups")]
Writer = Annotated[PageScope, require_page(Permission.CONTACTS_WRITE, "groups")]
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CONTACTS_WRITE, "groups")]
LongCursor = Annotated[str | None, Query(max_length=12_000)]


@router.get("/groups")
async def groups_page(request: Request, scope: Reader, search: PlainText = "", cursor: LongCursor = None) -> Response:
    """All groups in the order of their names."""
    context = await groups_context(scope, search.strip()[:LONGEST_SEARCH], cursor)
    return render(request, "contacts/groups/list.html", frame=scope.frame, fragment="rows" if cursor else "list", **context)


async def groups_context(scope: PageScope, search: str, cursor: str | None) -> dict[str, Any]:
    """What the list shows."""
    rows, following = await service.list_groups(scope.session, scope.access, search=search, cursor=cursor, limit=PAGE)
    return {
        "rows": [(show_id("grp", one.id), one) for one in rows],
        "next": f"/groups?{urlencode({'search': search, 'cursor': following})}" if following else "",
        "search": search,
    }


@router.get("/groups/new")
async def new_group(request: Request, scope: Writer) -> Response:
    """The empty form."""
    return render(request, "contacts/groups/form.html", frame=scope.frame, **_form())


@router.post("/groups/new")
async def create_group(request: Request, visitor: WriterVisitor) -> Response:
    """Make the group, or show the form again."""
    name, description = await _typed(request)
    try:
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            group = await service.create_group(session, visitor.access, name, description)
    except (Invalid, Conflict) as error:
        context = _form(name=name, description=description, errors=sentences(error))
        return render(request, "contacts/groups/form.html", frame=visitor.frame, status_code=error.status_code, **context)
    response = go_to(request, f"/groups/{show_id('grp', group.id)}")
    flash(response, f"The group “{group.name}” is made. Now add contacts to it.")
    return response


@router.get("/groups/{group_id}")
async def group_page(  # noqa: PLR0917
    group_id: GroupPath, request: Request, scope: Reader, search: PlainText = "", opted_out: str = "", cursor: LongCursor = None
) -> Response:
    """One group and who is in it."""
    public_id = show_id("grp", group_id)
    filters = read_filters(search, public_id, opted_out)
    group = await service.get_group(scope.session, scope.access, group_id)
    context = await contacts_context(scope, filters, cursor, address=f"/groups/{public_id}")
    return render(
        request, "contacts/groups/page.html", frame=scope.frame, fragment="rows" if cursor else "list", group=group, group_id=public_id,
        address=f"/groups/{public_id}", consent=CONSENT, candidates=None, **context,
    )  # fmt: skip


@router.get("/groups/{group_id}/candidates")
async def candidates(group_id: GroupPath, request: Request, scope: Writer, search: PlainText = "") -> Response:
    """Contacts to choose from for the group, found as they are typed."""
    found, _ = await list_contacts(scope.session, scope.access, Filters(search=search.strip()[:LONGEST_SEARCH]), limit=CANDIDATES)
    members, _ = await list_contacts(
        scope.session, scope.access, Filters(search=search.strip()[:LONGEST_SEARCH], group_id=group_id), limit=200
    )
    inside = {one.id for one in members}
    rows = [(show_id("con", one.id), one, one.id in inside) for one in found]
    return render(request, "contacts/groups/candidates.html", frame=scope.frame, fragment="candidates", rows=rows)


@router.post("/groups/{group_id}/add")
async def add_members(group_id: GroupPath, request: Request, scope: Writer) -> Response:
    """Put the chosen contacts in the group."""
    added = await service.add_contacts(scope.session, scope.access, group_id, read_selected(await request.form()))
    response = go_to(request, f"/groups/{show_id('grp', group_id)}")
    flash(response, f"{added:,} contact{'' if added == 1 else 's'} joined.")
    return response


@router.get("/groups/{group_id}/edit")
async def edit_group(group_id: GroupPath, request: Request, scope: Writer) -> Response:
    """The form with what is there."""
    group = await service.get_group(scope.session, scope.access, group_id)
    return render(request, "contacts/groups/form.html", frame=scope.frame, **_form(group_id, group.name, group.description))


@router.post("/groups/{group_id}/edit")
async def change_group(group_id: GroupPath, request: Request, visitor: WriterVisitor) -> Response:
    """Rename or describe it."""
    name, description = await _typed(request)
    try:
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            await service.change_group(session, visitor.access, group_id, name=name, description=description)
    except (Invalid, Conflict) as error:
        context = _form(group_id, name, description, sentences(error))
        return render(request, "contacts/groups/form.html", frame=visitor.frame, status_code=error.status_code, **context)
    response = go_to(request, f"/groups/{show_id('grp', group_id)}")
    flash(response, "Saved.")
    return response


@router.post("/groups/{group_id}/delete")
async def delete_group(group_id: GroupPath, request: Request, scope: Writer) -> Response:
    """Delete the group; its contacts stay."""
    await service.delete_group(scope.session, scope.access, group_id)
    response = go_to(request, "/groups")
    flash(response, "The group is deleted. Its contacts stay.")
    return response


async def _typed(request: Request) -> tuple[str, str]:
    form = await request.form()
    name, description = (str(form.get(key, "")).replace("\0", "").replace("\r\n", "\n") for key in ("name", "description"))
    return name, description


def _form(group_id: UUID | None = None, name: str = "", description: str = "", errors: dict[str, str] | None = None) -> dict[str, Any]:
    address = f"/groups/{show_id('grp', group_id)}" if group_id else "/groups"
    return {"address": address, "is_new": group_id is None, "name": name, "description": description, "errors": errors or {}}
