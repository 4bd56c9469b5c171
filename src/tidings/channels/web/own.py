"""The pages of one's own channels: the list, setting one up step by step until one's own chat is linked, and its switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.channels import linking, personal, service
from tidings.channels.models import Channel
from tidings.channels.rules import state_of
from tidings.channels.web.form import read_form, sentences
from tidings.channels.web.session import linking_context
from tidings.channels.web.shown import ChannelPath, asking_of, logo_address
from tidings.core.ids import show_id
from tidings.errors import Conflict, Invalid, NotFound
from tidings.providers import PROVIDERS
from tidings.ui.flash import Tone, flash
from tidings.ui.later import put_off
from tidings.ui.pages import go_to, render, safe_next
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from tidings.channels.api import SendTest, Wake
    from tidings.channels.linking import Link
    from tidings.providers.base import Description
    from tidings.ui.frame import Frame

Mine = Annotated[PageScope, require_page(Permission.CHANNELS_OWN, "my_channels")]
MineVisitor = Annotated[Visitor, require_visitor(Permission.CHANNELS_OWN, "my_channels")]
TEST_TEXT = "This is a test message from Tidings, to you alone. Your channel works."


def make_router(*, send_test: SendTest, wake: Wake) -> APIRouter:
    """All pages of one's own channels."""
    router = APIRouter(prefix="/my-channels")
    _add_pages(router)
    _add_switches(router, wake)
    _add_test(router, send_test)
    return router


def _add_pages(router: APIRouter) -> None:
    @router.get("")
    async def my_channels(request: Request, scope: Mine) -> Response:
        """One's own channels, and what can be set up."""
        own = await personal.list_own(scope.session, scope.access)
        providers = [(one, logo_address(one.kind)) for one in personal.personal_providers()]
        return render(request, "channels/own/list.html", frame=scope.frame, channels=[_shown(one) for one in own], providers=providers)

    @router.post("/later")
    async def later(request: Request, visitor: MineVisitor) -> Response:
        """Put off the banner that leads from a central channel to one's own, for this visit."""
        plain = go_to(request, safe_next(urlsplit(request.headers.get("referer", "")).path))
        response = Response(status_code=200) if "HX-Request" in request.headers else plain
        put_off(response, visitor.frame)
        return response

    @router.get("/new/{kind}")
    async def new_channel(kind: str, request: Request, scope: Mine) -> Response:
        """The first step: the credentials."""
        return _form_page(request, scope.frame, _description(kind))

    @router.post("/new/{kind}")
    async def create_channel(kind: str, request: Request, visitor: MineVisitor) -> Response:
        """Make it if the provider accepts it; else show the form again with what it said."""
        description = _description(kind)
        form = read_form(await request.form(), description)
        fields = {name: value for name, value in {**form.fields, **form.secrets}.items() if value}
        command = personal.CreatePersonal(provider=kind, fields=fields, name=form.name[:200], api_base_url=form.api_base_url)
        try:
            channel, check = await personal.create_own(asking_of(request), visitor.access, command)
        except (Invalid, Conflict) as error:
            return _form_page(
                request, visitor.frame, description, errors=sentences(error, description), values={**form.fields, "name": form.name}
            )
        response = go_to(request, _address(channel.id))
        flash(
            response,
            check.detail if check.ok else f"Kept, but it could not be proved just now: {check.detail}",
            "success" if check.ok else "warning",
        )
        return response

    @router.get("/{own_channel_id}")
    async def my_channel(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """One of them, with the steps that are done and the one to do next. Refreshes itself until the chat is linked."""
        channel = await personal.get_own(scope.session, scope.access, own_channel_id)
        has_session = _shown(channel)["has_session"]
        phone = await linking_context(scope, channel.id) if has_session else {}
        return _page(request, scope.frame, channel, **phone)

    @router.post("/{own_channel_id}/link")
    async def make_link(own_channel_id: ChannelPath, request: Request, visitor: MineVisitor) -> Response:
        """Make a link to one's own chat and show it. It is shown once: only its hash is kept."""
        try:
            link = await linking.link_owner(asking_of(request), visitor.access, own_channel_id)
        except Conflict as error:
            return _back(request, own_channel_id, error.detail, "danger")
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            channel = await personal.get_own(session, visitor.access, own_channel_id)
        return _page(request, visitor.frame, channel, link)


def _add_switches(router: APIRouter, wake: Wake) -> None:
    @router.post("/{own_channel_id}/enable")
    async def enable(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Switch it on; what waited goes out."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        await service.set_enabled(scope.session, scope.access, own_channel_id, enabled=True)
        wake(scope.session, request.app.state.database, own_channel_id)
        return _back(request, own_channel_id, "It is on. What waited goes out now.")

    @router.post("/{own_channel_id}/disable")
    async def disable(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Switch it off; what waits keeps waiting."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        await service.set_enabled(scope.session, scope.access, own_channel_id, enabled=False)
        return _back(request, own_channel_id, "It is off. Its messages wait until it is on again.")

    @router.post("/{own_channel_id}/delete")
    async def delete(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Delete it; refused while messages wait."""
        await personal.get_own(scope.session, scope.access, own_channel_id)
        try:
            await service.delete_channel(scope.session, scope.access, own_channel_id)
        except Conflict as error:
            return _back(request, own_channel_id, error.detail, "warning")
        response = go_to(request, "/my-channels")
        flash(response, "The channel is deleted and its secrets are destroyed.")
        return response


def _add_test(router: APIRouter, send_test: SendTest) -> None:
    @router.post("/{own_channel_id}/test")
    async def test(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Send a message to oneself; its page tells what became of it."""
        state = request.app.state
        await limit(state.database, f"send:{scope.access.workspace_id}", state.settings.send_requests_per_minute)
        try:
            to = await personal.own_address(scope.session, scope.access, own_channel_id)
            message_id = await send_test(scope.session, scope.access, state.database, own_channel_id, to, TEST_TEXT)
        except (Invalid, Conflict) as error:
            return _back(request, own_channel_id, f"{error.detail} Nothing was sent.", "danger")
        response = go_to(request, f"/messages/{show_id('msg', message_id)}")
        flash(response, "The test message is on its way to you. Here you see what becomes of it.")
        return response


def _page(request: Request, frame: Frame, channel: Channel, link: Link | None = None, **phone: Any) -> Response:
    context = {"one": _shown(channel), "link": link, "session": None, **phone}
    return render(request, "channels/own/page.html", frame=frame, fragment="steps", **context)


def _form_page(
    request: Request, frame: Frame, description: Description, *, errors: dict[str, str] | None = None, values: dict[str, str] | None = None
) -> Response:
    context: dict[str, Any] = {
        "provider": description,
        "logo": logo_address(description.kind),
        "errors": errors or {},
        "values": values or {},
        "may_override": bool(request.app.state.settings.allowed_api_base_urls),
    }
    return render(request, "channels/own/form.html", frame=frame, status_code=422 if errors else 200, **context)


def _shown(channel: Channel) -> dict[str, Any]:
    description = PROVIDERS[channel.provider].description if channel.provider in PROVIDERS else None
    return {
        "channel": channel,
        "address": _address(channel.id),
        "logo": logo_address(channel.provider),
        "provider": description.label if description else channel.provider,
        "can_link": description is not None and description.capabilities.links,
        "has_session": description is not None and description.capabilities.sessions,
        "state": state_of(enabled=channel.enabled, stopped=channel.stopped_at is not None),
    }


def _description(kind: str) -> Description:
    found = next((one for one in personal.personal_providers() if one.kind == kind), None)
    if found is None:
        raise NotFound("No channel of your own can be made of this provider.")
    return found


def _address(channel_id: UUID) -> str:
    return f"/my-channels/{show_id('chn', channel_id)}"


def _back(request: Request, channel_id: UUID, text: str, tone: Tone = "success") -> Response:
    response = go_to(request, _address(channel_id))
    flash(response, text, tone)
    return response
