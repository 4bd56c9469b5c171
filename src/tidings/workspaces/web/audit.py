"""The page of the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import show_id
from tidings.ui.pages import render
from tidings.workspaces import service
from tidings.workspaces.models import AuditEntry
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import AuditFilter
from tidings.workspaces.wire import Cursor, PlainText

router = APIRouter(prefix="/settings/audit-log")
KINDS = ("campaign", "message", "contact", "group", "import", "channel", "alert", "user", "member", "invitation", "api_key", "workspace")
_ROWS = 50
Words = Annotated[PlainText, Query(max_length=200)]


@router.get("")
async def audit_page(
    request: Request,
    scope: Annotated[PageScope, require_page(Permission.AUDIT_READ, "audit")],
    search: Words = "",
    kind: Words = "",
    cursor: Cursor = None,
) -> Response:
    """Every change, the newest first."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    only = AuditFilter(actor_label=search.strip() or None, action=kind or None)
    found = await service.list_audit_log(scope.session, scope.access, only, before=before, limit=_ROWS + 1)
    shown = found[:_ROWS]
    more = ""
    if len(found) > _ROWS:
        asked = {"search": search, "kind": kind, "cursor": write_cursor(shown[-1].id)}
        more = "/settings/audit-log?" + urlencode({name: value for name, value in asked.items() if value})
    return render(
        request,
        "workspaces/audit_log.html",
        frame=scope.frame,
        fragment="rows" if cursor else "list",
        entries=[(entry, changes_of(entry)) for entry in shown],
        more=more,
        search=search,
        kind=kind,
        kinds=[(one, one.replace("_", " ").capitalize()) for one in KINDS],
    )


def changes_of(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """Name, before and after of everything that changed."""
    before, after = entry.before or {}, entry.after or {}
    changes = [(name, _shown(_outside(name, before.get(name))), _shown(_outside(name, after.get(name)))) for name in {**before, **after}]
    return [change for change in changes if change[1] or change[2]]


_IDS = {
    "campaign": "cmp", "campaign_id": "cmp", "channel_id": "chn", "contact_id": "con", "contacts": "con", "group_id": "grp", "groups": "grp",
    "route_id": "rte", "resend_of": "cmp", "user_id": "usr",
}  # fmt: skip
"""Names under which a change holds ids, which people know only in their outside form."""


def _outside(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _outside(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_outside(name, one) for one in value]
    try:
        return show_id(_IDS[name], UUID(value)) if name in _IDS and isinstance(value, str) else value
    except ValueError:
        return value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"
