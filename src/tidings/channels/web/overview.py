"""The page of who is on what: members' own channels, and old addresses on central ones."""

from __future__ import annotations

from typing import Annotated, Any, cast, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from tidings.channels import overview
from tidings.channels.web.shown import logo_address
from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import show_id
from tidings.providers import PROVIDERS
from tidings.ui.pages import render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, PlainText

router = APIRouter()
_ROWS = 50
_CHOICES = (("own", "Channels of their own"), ("central", "On a central channel"), ("still_central", "Have not moved yet"))
Words = Annotated[PlainText, Query(max_length=200)]


@router.get("/channels/members")
async def members_channels(
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.CHANNELS_WRITE, "channels")],
    search: Words = "",
    only: Words = "",
    cursor: Cursor = None,
) -> Response:
    """Everybody's, by e-mail address. Of a personal channel neither its name nor anything it carries."""
    chosen = cast("overview.Only", only) if only in get_args(overview.Only) else None
    after = read_cursor(cursor, tuple[str, UUID]) if cursor else None
    found = await overview.list_members(scope.session, scope.access, search=search, only=chosen, after=after, limit=_ROWS + 1)
    more = ""
    if len(found) > _ROWS:
        last = found[_ROWS - 1]
        more = "/channels/members?" + urlencode({"search": search, "only": only, "cursor": write_cursor(last.email, last.channel_id)})
    return render(
        request, "channels/members.html", frame=scope.frame, fragment="rows" if cursor else "list",
        rows=[_shown(one) for one in found[:_ROWS]], more=more, search=search, only=only, choices=_CHOICES,
        totals=await overview.count_all(scope.session, scope.access),
    )  # fmt: skip


def _shown(one: overview.OnWhat) -> dict[str, Any]:
    return {
        "who": one,
        "provider": PROVIDERS[one.provider].description.label if one.provider in PROVIDERS else one.provider,
        "logo": logo_address(one.provider),
        "address": f"/channels/{show_id('chn', one.channel_id)}/central" if one.kind == "central" else "",
    }
