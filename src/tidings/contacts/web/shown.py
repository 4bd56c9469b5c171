"""What the pages of contacts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from tidings.contacts import service
from tidings.contacts.groups.service import list_groups
from tidings.core.addresses import LABELS
from tidings.core.ids import read_id, show_id
from tidings.errors import Invalid, TidingsError
from tidings.workspaces.wire import PathId

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from tidings.workspaces.page_edge import PageScope

ContactPath = Annotated[UUID, PathId("con")]
PointPath = Annotated[UUID, PathId("pnt")]
GroupPath = Annotated[UUID, PathId("grp")]
PAGE = 50
GROUPS = 200
"""Groups that a select offers."""
MOST_SELECTED = 1_000
LONGEST_SEARCH = 100
MEDIA = tuple((medium, "Phone (SMS)" if medium == "sms" else label) for medium, label in LABELS.items())
CONSENT = (("no", "May be written to"), ("yes", "Opted out"))


def read_filters(search: str, group: str, opted_out: str) -> service.Filters:
    """What a list is narrowed to, from its form; what cannot be is left out."""
    return service.Filters(
        search=search.strip()[:LONGEST_SEARCH].replace("\0", ""),
        group_id=read_id("grp", group) if group else None,
        opted_out={"yes": True, "no": False}.get(opted_out),
    )


async def contacts_context(scope: PageScope, filters: service.Filters, cursor: str | None, *, address: str) -> dict[str, Any]:
    """One page of a list of contacts; `address` is the page that shows it."""
    rows, following = await service.list_contacts(scope.session, scope.access, filters, cursor=cursor, limit=PAGE)
    query = filter_query(filters, with_group=address == "/contacts")
    return {
        "rows": [(show_id("con", one.id), one) for one in rows],
        "next": f"{address}?{urlencode({**query, 'cursor': following})}" if following else "",
        "search": filters.search,
        "opted_out": query["opted_out"],
        "is_filtered": bool(filters.search or filters.opted_out is not None or (address == "/contacts" and filters.group_id)),
    }


def filter_query(filters: service.Filters, *, with_group: bool) -> dict[str, str]:
    """The filters as an address writes them."""
    opted_out = "" if filters.opted_out is None else "yes" if filters.opted_out else "no"
    group = {"group": show_id("grp", filters.group_id) if filters.group_id else ""} if with_group else {}
    return {"search": filters.search, "opted_out": opted_out, **group}


async def group_choices(scope: PageScope) -> list[tuple[str, str]]:
    """The groups for a select: public id and name."""
    groups, _ = await list_groups(scope.session, scope.access, limit=GROUPS)
    return [(show_id("grp", one.id), one.name) for one in groups]


def read_selected(form: FormData) -> list[UUID]:
    """The contacts whose boxes are ticked. Raises Invalid when there is none."""
    chosen = [read_id("con", value) for value in form.getlist("selected")[:MOST_SELECTED] if isinstance(value, str)]
    found = list(dict.fromkeys(one for one in chosen if one is not None))
    if not found:
        raise Invalid("Select at least one contact first. Nothing was changed.")
    return found


def sentences(error: TidingsError) -> dict[str, str]:
    """What to show at which field of a form; what belongs to none of them stands under `form`."""
    said = {one.field.split(".")[0]: error.detail for one in error.errors}
    return said or {"form": error.detail}
