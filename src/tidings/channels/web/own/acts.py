"""What the buttons of a channel of one's own do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from tidings.channels import personal, service
from tidings.channels.personal_schemas import TEST_TEXT
from tidings.channels.web.own.shown import Mine, MineVisitor, back
from tidings.channels.web.shown import ChannelPath, asking_of
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to
from tidings.workspaces.rate_limit import limit

if TYPE_CHECKING:
    from tidings.channels.api import SendTest, Wake


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All acts on one channel."""
    router = APIRouter(prefix="/my-channels/{own_channel_id}")
    _add_switches(router, wake)
    _add_restart(router, wake)
    _add_test(router, send_test)
    return router


def _add_switches(router: APIRouter, wake: Wake) -> None:
    @router.post("/enable")
    async def enable(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Switch it on; what waited goes out."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        channel = await service.set_enabled(scope.session, scope.access, own_channel_id, enabled=True)
        if channel.stopped_at is not None:
            return back(request, own_channel_id, "It is on, but still stopped: below you see why.", "warning")
        wake(scope.session, request.app.state.database, own_channel_id)
        return back(request, own_channel_id, "It is on. What waited goes out now.")

    @router.post("/disable")
    async def disable(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Switch it off; what waits keeps waiting."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        await service.set_enabled(scope.session, scope.access, own_channel_id, enabled=False)
        return back(request, own_channel_id, "It is off. Its messages wait until it is on again.")

    @router.post("/delete")
    async def delete(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Delete it; refused while messages wait."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        try:
            await service.delete_channel(scope.session, scope.access, own_channel_id)
        except Conflict as error:
            return back(request, own_channel_id, error.detail, "warning")
        response = go_to(request, "/my-channels")
        flash(response, "The channel is deleted and its secrets are destroyed.")
        return response


def _add_restart(router: APIRouter, wake: Wake) -> None:
    @router.post("/restart")
    async def restart(own_channel_id: ChannelPath, request: Request, visitor: MineVisitor) -> Response:
        """Let a stopped channel go on, once its provider accepts it; one that a phone is linked to begins anew."""
        try:
            channel = await personal.control_own(asking_of(request), visitor.access, own_channel_id, "start", wake)
        except Conflict as error:
            return back(request, own_channel_id, error.detail, "danger")
        if personal.has_session(channel):
            return back(request, own_channel_id, "It begins anew. Scan the code that appears below with your phone.")
        return back(request, own_channel_id, "It works and goes on. What waited goes out now.")


def _add_test(router: APIRouter, send_test: SendTest) -> None:
    @router.post("/test")
    async def test(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Send a message to oneself; its page tells what became of it."""
        state = request.app.state
        await limit(state.database, f"send:{scope.access.workspace_id}", state.settings.send_requests_per_minute)
        try:
            to = await personal.own_address(scope.session, scope.access, own_channel_id)
            message_id = await send_test(scope.session, scope.access, state.database, own_channel_id, to, TEST_TEXT)
        except (Invalid, Conflict) as error:
            return back(request, own_channel_id, f"{error.detail} Nothing was sent.", "danger")
        response = go_to(request, f"/messages/{show_id('msg', message_id)}")
        flash(response, "The test message is on its way to you. Here you see what becomes of it.")
        return response
