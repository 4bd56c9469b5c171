"""The audit log."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from tidings.core.cursor import read_cursor, write_cursor
from tidings.core.ids import PREFIXES, read_id
from tidings.errors import FieldError, Invalid
from tidings.workspaces import service
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.schemas import AuditOutput
from tidings.workspaces.service import AuditFilter
from tidings.workspaces.wire import Cursor, Limit, Moment, Page, PlainText, problems

router = APIRouter(prefix="/audit-log", tags=["Audit log"])
Words = Annotated[PlainText | None, Query(max_length=200)]


@router.get("", responses=problems())
async def list_audit_log(
    *,
    scope: Annotated[Scope, require(Permission.AUDIT_READ)],
    object: Annotated[Words, Query(description="The id of what was changed (`cmp_…`), or a kind (`campaign`).")] = None,  # noqa: A002
    actor: Annotated[
        Words, Query(description="Who did it: an id (`usr_…`, `key_…`), or part of an e-mail address or a key's name.")
    ] = None,
    action: Annotated[Words, Query(description="`campaign.paused`, or `campaign` for all that was done to campaigns.")] = None,
    since: Annotated[Moment | None, Query(description="Only what was done since then.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditOutput]:
    """List every change in the workspace: who, what, before, after. The newest first."""
    object_id, object_kind = _id_or_word(object, "object")
    actor_id, actor_label = _id_or_word(actor, "actor")
    only = AuditFilter(object_id=object_id, object_kind=object_kind, actor_id=actor_id, actor_label=actor_label, action=action, since=since)
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_audit_log(scope.session, scope.access, only, before=before, limit=limit + 1)
    shown = found[:limit]
    return Page(items=[AuditOutput.of(one) for one in shown], next_cursor=write_cursor(shown[-1].id) if len(found) > limit else None)


def _id_or_word(text: str | None, field: str) -> tuple[UUID | None, str | None]:
    if not text:
        return None, None
    prefix, _, rest = text.partition("_")
    if prefix not in PREFIXES or len(rest) != 26:
        return None, text
    found = read_id(prefix, text)
    if found is None:
        raise Invalid("Nothing can have this id.", errors=(FieldError(field, "is not an id"),))
    return found, None
