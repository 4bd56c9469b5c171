"""The JSON edge of channels' lives: start, stop, restart, one or many; what happened; totals; where a linked device stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from tidings.channels import control, service
from tidings.channels.activity import list_activity
from tidings.channels.asking import Asking
from tidings.channels.lifecycle_schemas import (
    ActivityOutput,
    ControlInput,
    ManyInput,
    ManyOutput,
    OneControlled,
    TotalsOutput,
)
from tidings.channels.schemas import ChannelOutput
from tidings.channels.standing import count_channels, standings
from tidings.core.cursor import read_cursor, write_cursor
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, Page, PathId, PlainText, problems

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database

ChannelPath = Annotated[UUID, PathId("chn")]
Wake = Callable[["AsyncSession", "Database", UUID], None]
Reader = Annotated[Scope, require(Permission.CHANNELS_READ)]
Writer = Annotated[Scope, require(Permission.CHANNELS_WRITE)]
WriterAccess = Annotated[Access, require_access(Permission.CHANNELS_WRITE)]


def add_overview(router: APIRouter, wake: Wake) -> None:
    """What concerns many channels."""

    @router.get("/totals", responses=problems())
    async def count_all(scope: Reader) -> TotalsOutput:
        """Count the channels by provider, medium, desired and actual state, and those that are unhealthy."""
        return TotalsOutput.of(await count_channels(scope.session, scope.access.workspace_id))

    @router.post("/control", responses=problems(409))
    async def control_many(body: ManyInput, request: Request, access: WriterAccess) -> ManyOutput:
        """Start, stop or restart many channels. Each has its own result: one that cannot keeps no other from it."""
        asked = _asking(request)
        async with asked.database.workspace(access.workspace_id) as session:
            chosen = await control.choose(session, access, ids=body.channels, provider=body.provider, state=body.state)
        items = [OneControlled.of(one) for one in await control.control_many(asked, access, chosen, body.action, wake)]
        done = sum(one.ok for one in items)
        return ManyOutput(done=done, failed=len(items) - done, items=items)


def add_control(router: APIRouter, wake: Wake) -> None:
    """What concerns one."""

    @router.post("/{channel_id}/control", responses=problems(404, 409))
    async def control_channel(channel_id: ChannelPath, body: ControlInput, request: Request, access: WriterAccess) -> ChannelOutput:
        """Start, stop or restart a channel. While it is stopped its messages wait; one that failed goes on once its check succeeds."""
        asked = _asking(request)
        channel = await control.control(asked, access, channel_id, body.action, wake)
        async with asked.database.workspace(access.workspace_id) as session:
            traffic = await service.traffic(session, access.workspace_id, [channel.id])
            known = await standings(session, [channel])
        with_hook = Permission.CHANNELS_WRITE in access.permissions
        return ChannelOutput.of(channel, traffic.get(channel.id), known[channel.id], asked.settings, with_hook=with_hook)

    @router.get("/{channel_id}/activity", responses=problems(404))
    async def list_channel_activity(
        channel_id: ChannelPath,
        scope: Reader,
        kind: Annotated[PlainText | None, Query(max_length=50, description="Only of this kind.", examples=["run_failed"])] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ActivityOutput]:
        """List what happened to a channel, the newest first: starts, stops, failing polls, probes, refused hook calls. Kept for 30 days."""
        await service.get_channel(scope.session, scope.access, channel_id)
        before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        found = await list_activity(scope.session, scope.access.workspace_id, channel_id, kind=kind, before=before, limit=limit + 1)
        shown = found[:limit]
        return Page(items=[ActivityOutput.of(one) for one in shown], next_cursor=write_cursor(shown[-1].id) if len(found) > limit else None)


def _asking(request: Request) -> Asking:
    state = request.app.state
    return Asking(database=state.database, vault=state.vault, settings=state.settings, http=state.http)
