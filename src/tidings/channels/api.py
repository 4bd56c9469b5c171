"""The JSON edge of channels. `make_router` is handed what lies on floors above: sending a test message, waking the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from tidings.channels import asking, central, central_api, service, session_api, templates, trying
from tidings.channels.asking import Asking
from tidings.channels.lifecycle_api import add_control, add_overview
from tidings.channels.schemas import (
    BalanceOutput,
    ChannelChange,
    ChannelInput,
    ChannelOutput,
    CheckOutput,
    TestInput,
    TestOutput,
)
from tidings.channels.standing import standings
from tidings.channels.template_schemas import TemplateList
from tidings.channels.try_schemas import TryInput, TryOutput
from tidings.core.cursor import read_cursor, write_cursor
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access, require_send
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rate_limit import limit as limit_rate
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, Page, PathId, problems

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.db.database import Database

ChannelPath = Annotated[UUID, PathId("chn")]
SendTest = Callable[["AsyncSession", Access, "Database", UUID, str, str], Awaitable[UUID]]
"""Sends a text to an address by a channel, as any message goes; gives the message's id."""
Wake = Callable[["AsyncSession", "Database", UUID], None]
"""Has the engine look at a channel once the transaction has committed."""
Reader = Annotated[Scope, require(Permission.CHANNELS_READ)]
Writer = Annotated[Scope, require(Permission.CHANNELS_WRITE)]
WriterAccess = Annotated[Access, require_access(Permission.CHANNELS_WRITE)]


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All routes of channels."""
    router = APIRouter(prefix="/channels", tags=["Channels"])
    add_overview(router, wake)  # fixed addresses first: `/channels/totals` is no channel
    _add_trying(router)
    _add_registry(router)
    _add_lifecycle(router, wake)
    _add_questions(router, send_test, wake)
    add_control(router, wake)
    session_api.add_routes(router)
    central_api.add_routes(router)
    return router


def _add_registry(router: APIRouter) -> None:
    @router.get("", responses=problems())
    async def list_channels(request: Request, scope: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[ChannelOutput]:
        """List the workspace's channels, the oldest first."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        found = await service.list_channels(scope.session, scope.access, after=after, limit=limit + 1)
        shown = found[:limit]
        items = await _several(request, scope, shown)
        return Page(items=items, next_cursor=write_cursor(shown[-1].id) if len(found) > limit else None)

    @router.post("", status_code=201, responses=problems(409))
    async def create_channel(body: ChannelInput, request: Request, scope: Writer) -> ChannelOutput:
        """Set up a channel. Nothing is asked of the provider yet: `POST /channels/{id}/check` proves that it works."""
        state = request.app.state
        channel = await service.create_channel(scope.session, scope.access, state.vault, state.settings, body.command())
        return await _one(request, scope, channel)

    @router.get("/{channel_id}", responses=problems(404))
    async def get_channel(channel_id: ChannelPath, request: Request, scope: Reader) -> ChannelOutput:
        """Show one channel with its state and traffic."""
        return await _one(request, scope, await service.get_channel(scope.session, scope.access, channel_id))

    @router.patch("/{channel_id}", responses=problems(404, 409))
    async def change_channel(channel_id: ChannelPath, body: ChannelChange, request: Request, scope: Writer) -> ChannelOutput:
        """Change what is given and keep the rest. A stopped channel stays stopped until `DELETE /channels/{id}/stop`."""
        state = request.app.state
        channel = await service.change_channel(scope.session, scope.access, state.vault, state.settings, channel_id, body.command())
        return await _one(request, scope, channel)

    @router.delete("/{channel_id}", status_code=204, responses=problems(404, 409))
    async def delete_channel(channel_id: ChannelPath, scope: Writer) -> Response:
        """Delete a channel and destroy its secrets. Refused while messages still have to leave by it; past messages stay."""
        await service.delete_channel(scope.session, scope.access, channel_id)
        return Response(status_code=204)


def _add_lifecycle(router: APIRouter, wake: Wake) -> None:
    @router.put("/{channel_id}/enabled", responses=problems(404))
    async def enable_channel(channel_id: ChannelPath, request: Request, scope: Writer) -> ChannelOutput:
        """Switch a channel on. What waited goes out now."""
        channel = await service.set_enabled(scope.session, scope.access, channel_id, enabled=True)
        wake(scope.session, request.app.state.database, channel_id)
        return await _one(request, scope, channel)

    @router.delete("/{channel_id}/enabled", responses=problems(404))
    async def disable_channel(channel_id: ChannelPath, request: Request, scope: Writer) -> ChannelOutput:
        """Switch a channel off. Its messages wait, new ones are refused; what is in the air still ends."""
        return await _one(request, scope, await service.set_enabled(scope.session, scope.access, channel_id, enabled=False))

    @router.put("/{channel_id}/default", responses=problems(404, 409))
    async def make_default(channel_id: ChannelPath, request: Request, scope: Writer) -> ChannelOutput:
        """Have messages of its medium go by this channel when none is named."""
        return await _one(request, scope, await service.make_default(scope.session, scope.access, channel_id))

    @router.put("/{channel_id}/central", responses=problems(404, 409))
    async def make_central(channel_id: ChannelPath, request: Request, scope: Writer) -> ChannelOutput:
        """Mark a channel as central: members' personal messages went by it before they had channels of their own.

        Members whose address on it is kept are asked to set one up, until they have.
        """
        return await _one(request, scope, await central.set_central(scope.session, scope.access, channel_id, central=True))

    @router.delete("/{channel_id}/central", responses=problems(404))
    async def end_central(channel_id: ChannelPath, request: Request, scope: Writer) -> ChannelOutput:
        """Mark a channel as central no longer. Nobody is asked any more; the addresses on it stay kept until they are removed."""
        return await _one(request, scope, await central.set_central(scope.session, scope.access, channel_id, central=False))


def _add_trying(router: APIRouter) -> None:
    @router.post("/test", responses=problems(404, 409, 429))
    async def try_channel(
        body: TryInput, request: Request, access: Annotated[Access, require_access(Permission.CHANNELS_WRITE)]
    ) -> TryOutput:
        """Try a configuration that is not saved with one real message: the request as it left, the answer, and what would be made of it.

        For HTTP gateways. Needs the right to send, too. Nothing is kept but a line in the audit log.
        """
        access.demand(Permission.MESSAGES_SEND)
        state = request.app.state
        await limit_rate(state.database, f"send:{access.workspace_id}", state.settings.send_requests_per_minute)
        done = await trying.try_out(_asking(request), access, body.command(), channel_id=body.channel_id, to=body.to, text=body.text)
        return TryOutput.of(done)


def _add_questions(router: APIRouter, send_test: SendTest, wake: Wake) -> None:
    @router.delete("/{channel_id}/stop", responses=problems(404, 409))
    async def restart_channel(channel_id: ChannelPath, request: Request, access: WriterAccess) -> ChannelOutput:
        """Let a stopped channel go on, once its check succeeds. What waited goes out then."""
        await asking.restart_channel(_asking(request), access, channel_id)
        database = request.app.state.database
        async with database.workspace(access.workspace_id) as session:
            wake(session, database, channel_id)
            return await _one(request, Scope(access, session), await service.get_channel(session, access, channel_id))

    @router.post("/{channel_id}/check", responses=problems(404, 409))
    async def check_channel(channel_id: ChannelPath, request: Request, access: WriterAccess) -> CheckOutput:
        """Prove the channel's configuration with a free request to its provider. Nothing is sent to anybody."""
        check = await asking.check_channel(_asking(request), access, channel_id)
        return CheckOutput(ok=check.ok, detail=check.detail, code=check.code)

    @router.get("/{channel_id}/balance", responses=problems(404, 409))
    async def read_balance(
        channel_id: ChannelPath,
        request: Request,
        access: Annotated[Access, require_access(Permission.CHANNELS_READ)],
        refresh: Annotated[bool, Query(description="Ask the provider even if the known balance is younger than an hour.")] = False,  # noqa: FBT002
    ) -> BalanceOutput:
        """Tell what the account has left; kept for an hour."""
        return BalanceOutput.of(await asking.read_balance(_asking(request), access, channel_id, refresh=refresh))

    @router.get("/{channel_id}/templates", responses=problems(404, 409))
    async def list_templates(
        channel_id: ChannelPath,
        request: Request,
        access: Annotated[Access, require_access(Permission.CHANNELS_READ)],
        refresh: Annotated[bool, Query(description="Ask the provider even if they were told within the hour.")] = False,  # noqa: FBT002
    ) -> TemplateList:
        """List the templates that the channel's provider has; what is known of them is what messages are checked by."""
        return TemplateList.of(await templates.read_templates(_asking(request), access, channel_id, refresh=refresh))

    @router.post("/{channel_id}/test", status_code=202, response_model=TestOutput, responses=problems(404, 409, 429))
    async def test_channel(
        channel_id: ChannelPath,
        body: TestInput,
        request: Request,
        once: Annotated[Once, idempotent()],
        scope: Annotated[Scope, require_send(Permission.MESSAGES_SEND)],
    ) -> Response:
        """Send a test message by this channel."""

        async def send() -> TestOutput:
            database = request.app.state.database
            return TestOutput(message=await send_test(scope.session, scope.access, database, channel_id, body.to, body.text))

        return await once.answer(scope, send, status_code=202)


async def _one(request: Request, scope: Scope, channel: Channel) -> ChannelOutput:
    return (await _several(request, scope, [channel]))[0]


async def _several(request: Request, scope: Scope, channels: Sequence[Channel]) -> list[ChannelOutput]:
    ids = [one.id for one in channels]
    traffic = await service.traffic(scope.session, scope.access.workspace_id, ids)
    days = await service.day_use(scope.session, scope.access.workspace_id, ids)
    known = await standings(scope.session, channels)
    with_hook = Permission.CHANNELS_WRITE in scope.access.permissions
    settings = request.app.state.settings
    return [
        ChannelOutput.of(one, traffic.get(one.id), known[one.id], settings, with_hook=with_hook, day=days.get(one.id)) for one in channels
    ]


def _asking(request: Request) -> Asking:
    state = request.app.state
    return Asking(database=state.database, vault=state.vault, settings=state.settings, http=state.http)
