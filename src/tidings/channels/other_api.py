"""The JSON edge of providers and alerts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from tidings.channels import service
from tidings.channels.schemas import AlertOutput, ProviderList, ProviderOutput
from tidings.core.cursor import read_cursor, write_cursor
from tidings.providers import PROVIDERS
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, Page, PathId, problems

router = APIRouter(tags=["Channels"])


@router.get("/providers", responses=problems())
async def list_providers(scope: Annotated[Scope, require(Permission.CHANNELS_READ)]) -> ProviderList:  # noqa: ARG001
    """List what channels can be made of: the fields each provider needs, what it can do, how fast it may go."""
    return ProviderList(items=[ProviderOutput.of(each.description) for each in PROVIDERS.values()])


@router.get("/alerts", responses=problems())
async def list_alerts(
    scope: Annotated[Scope, require(Permission.CHANNELS_READ)],
    resolved: Annotated[bool, Query(description="Show those that are over as well.")] = False,  # noqa: FBT002
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AlertOutput]:
    """List what needs somebody to mend it, the newest first. Of personal channels, a person is told those of their own."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_alerts(scope.session, scope.access, only_open=not resolved, before=before, limit=limit + 1)
    shown = found[:limit]
    return Page(items=[AlertOutput.of(one) for one in shown], next_cursor=write_cursor(shown[-1].id) if len(found) > limit else None)


@router.put("/alerts/{alert_id}/resolution", responses=problems(404))
async def resolve_alert(
    alert_id: Annotated[UUID, PathId("alr")], scope: Annotated[Scope, require(Permission.CHANNELS_READ)]
) -> AlertOutput:
    """Close an alert by hand. It would close by itself once the channel works; the next trouble is told again either way.

    Needs `channels:write`; for a channel of one's own, `channels:own`.
    """
    return AlertOutput.of(await service.resolve_alert(scope.session, scope.access, alert_id))
