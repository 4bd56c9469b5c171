"""What the buttons of a channel do. What asks the provider runs with no transaction open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from tidings.channels import asking, control, service
from tidings.channels.web.shown import ChannelPath, asking_of
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid
from tidings.ui.flash import Tone, flash
from tidings.ui.pages import go_to
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from tidings.channels.api import SendTest, Wake

Writer = Annotated[PageScope, require_page(Permission.CHANNELS_WRITE, "channels")]
WriterVisitor = Annotated[Visitor, require_visitor(Permission.CHANNELS_WRITE, "channels")]


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All acts on one channel."""
    router = APIRouter(prefix="/channels/{channel_id}")
    _add_switches(router, wake)
    _add_questions(router, wake)
    _add_control(router, wake)
    _add_test(router, send_test)
    return router


def _add_switches(router: APIRouter, wake: Wake) -> None:
    @router.post("/enable")
    async def enable(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
        """Switch it on; what waited goes out."""
        channel = await service.set_enabled(scope.session, scope.access, channel_id, enabled=True)
        wake(scope.session, request.app.state.database, channel_id)
        return _back(request, channel_id, f"“{channel.name}” is on. What waited goes out now.")

    @router.post("/disable")
    async def disable(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
        """Switch it off; what waits keeps waiting."""
        channel = await service.set_enabled(scope.session, scope.access, channel_id, enabled=False)
        return _back(request, channel_id, f"“{channel.name}” is off. Its messages wait until it is on again.")

    @router.post("/default")
    async def make_default(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
        """Have messages go by it when none is named."""
        channel = await service.make_default(scope.session, scope.access, channel_id)
        return _back(request, channel_id, f"Messages that name no channel go by “{channel.name}” from now on.")

    @router.post("/delete")
    async def delete(channel_id: ChannelPath, request: Request, scope: Writer) -> Response:
        """Delete it; refused while messages wait."""
        try:
            await service.delete_channel(scope.session, scope.access, channel_id)
        except Conflict as error:
            return _back(request, channel_id, error.detail, "warning")
        response = go_to(request, "/channels")
        flash(response, "The channel is deleted and its secrets are destroyed. Its messages stay in the ledger.")
        return response


def _add_questions(router: APIRouter, wake: Wake) -> None:
    @router.post("/check")
    async def check(channel_id: ChannelPath, request: Request, visitor: WriterVisitor) -> Response:
        """Ask the provider whether the channel works."""
        try:
            done = await asking.check_channel(asking_of(request), visitor.access, channel_id)
        except Conflict as error:
            return _back(request, channel_id, error.detail, "danger")
        return _back(
            request, channel_id, done.detail if done.ok else f"The check failed: {done.detail}", "success" if done.ok else "danger"
        )

    @router.post("/balance")
    async def balance(channel_id: ChannelPath, request: Request, visitor: WriterVisitor) -> Response:
        """Ask the provider what is left."""
        try:
            await asking.read_balance(asking_of(request), visitor.access, channel_id, refresh=True)
        except Conflict as error:
            return _back(request, channel_id, error.detail, "danger")
        return _back(request, channel_id, "The balance is fresh from the provider.")

    @router.post("/restart")
    async def restart(channel_id: ChannelPath, request: Request, visitor: WriterVisitor) -> Response:
        """Let a stopped channel go on, once its check succeeds."""
        try:
            channel = await asking.restart_channel(asking_of(request), visitor.access, channel_id)
        except Conflict as error:
            return _back(request, channel_id, error.detail, "danger")
        database = request.app.state.database
        async with database.workspace(visitor.access.workspace_id) as session:
            wake(session, database, channel_id)
        return _back(request, channel_id, f"“{channel.name}” works and goes on. What waited goes out now.")


def _add_control(router: APIRouter, wake: Wake) -> None:
    @router.post("/control")
    async def control_channel(
        channel_id: ChannelPath, request: Request, visitor: WriterVisitor, action: Annotated[control.Action, Form()]
    ) -> Response:
        """Start, stop or restart it."""
        try:
            channel = await control.control(asking_of(request), visitor.access, channel_id, action, wake)
        except Conflict as error:
            return _back(request, channel_id, error.detail, "danger")
        return _back(request, channel_id, f"“{channel.name}” {_DONE[action]}")


_DONE = {"start": "starts. What waited goes out now.", "stop": "is stopped. Its messages wait.", "restart": "begins anew."}


def _add_test(router: APIRouter, send_test: SendTest) -> None:
    @router.post("/test")
    async def test(
        channel_id: ChannelPath, request: Request, scope: Annotated[PageScope, require_page(Permission.MESSAGES_SEND, "channels")]
    ) -> Response:
        """Send a test message; its page tells what became of it."""
        state = request.app.state
        await limit(state.database, f"send:{scope.access.workspace_id}", state.settings.send_requests_per_minute)
        try:
            to, text = _read_test(await request.form())
            message_id = await send_test(scope.session, scope.access, state.database, channel_id, to, text)
        except (Invalid, Conflict) as error:
            told = error.detail if "othing was sent" in error.detail else f"{error.detail} Nothing was sent."
            return _back(request, channel_id, told, "danger")
        response = go_to(request, f"/messages/{show_id('msg', message_id)}")
        flash(response, "The test message is on its way. Here you see what becomes of it.")
        return response


def _read_test(form: FormData) -> tuple[str, str]:
    to, text = (str(form.get(name, "")).replace("\r\n", "\n").strip() for name in ("to", "text"))
    if not to:
        raise Invalid("A test message needs somebody to go to.")
    if "\0" in to + text or len(text) > 1600:
        raise Invalid("A test message is plain text of 1,600 characters at most.")
    return to, text


def _back(request: Request, channel_id: UUID, text: str, tone: Tone = "success") -> Response:
    response = go_to(request, f"/channels/{show_id('chn', channel_id)}")
    flash(response, text, tone)
    return response
