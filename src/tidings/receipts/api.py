"""The JSON edge of receipts. Those of one message are part of its timeline; here is the whole of what came in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from tidings.core.cursor import read_cursor, write_cursor
from tidings.receipts import service
from tidings.receipts.schemas import ReceiptOutput
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, Page, problems

router = APIRouter(prefix="/receipts", tags=["Messages"])


@router.get("", responses=problems())
async def list_receipts(
    scope: Annotated[Scope, require(Permission.MESSAGES_READ)],
    unmatched: Annotated[bool, Query(description="Only those that fit no message.")] = False,  # noqa: FBT002
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReceiptOutput]:
    """List what providers told, the newest first. One that fits no message is kept, and tried again for two days."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_receipts(scope.session, scope.access, unmatched=unmatched, before=before, limit=limit + 1)
    shown = found[:limit]
    return Page(items=[ReceiptOutput.of(one) for one in shown], next_cursor=write_cursor(shown[-1].id) if len(found) > limit else None)
