"""Setting a channel of one's own up, renaming it, and giving it new credentials when its provider refuses the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from tidings.channels import personal
from tidings.channels.models import Channel
from tidings.channels.personal_schemas import PersonalChange
from tidings.channels.web.form import ChannelForm, read_form, sentences
from tidings.channels.web.own.shown import Mine, MineVisitor, back, own_page
from tidings.channels.web.shown import ChannelPath, asking_of, card_of, logo_address, own_address
from tidings.errors import Conflict, Invalid, NotFound
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope

if TYPE_CHECKING:
    from tidings.channels.api import Wake
    from tidings.channels.asking import Check
    from tidings.providers.base import Description
    from tidings.ui.frame import Frame


def make_router(wake: Wake) -> APIRouter:
    """The forms."""
    router = APIRouter(prefix="/my-channels")
    _add_new(router)
    _add_edit(router, wake)
    _add_mend(router, wake)
    return router


def _add_new(router: APIRouter) -> None:
    @router.get("/new/{kind}")
    async def new_channel(kind: str, request: Request, scope: Mine) -> Response:
        """The first step: the credentials."""
        return _form_page(request, scope.frame, _description(kind))

    @router.post("/new/{kind}")
    async def create_channel(kind: str, request: Request, visitor: MineVisitor) -> Response:
        """Make it if the provider accepts it; else show the form again with what it said."""
        description = _description(kind)
        form = read_form(await request.form(), description)
        command = personal.CreatePersonal(provider=kind, fields=_filled(form), name=form.name[:200], api_base_url=form.api_base_url)
        try:
            channel, check = await personal.create_own(asking_of(request), visitor.access, command)
        except (Invalid, Conflict) as error:
            values = {**form.fields, "name": form.name}
            return _form_page(request, visitor.frame, description, errors=sentences(error, description), values=values)
        response = go_to(request, own_address(channel.id))
        if check.ok:
            flash(response, check.detail)
        else:
            flash(response, f"Kept, but it could not be proved just now: {check.detail}", "warning")
        return response


def _add_edit(router: APIRouter, wake: Wake) -> None:
    @router.get("/{own_channel_id}/edit")
    async def edit_channel(own_channel_id: ChannelPath, request: Request, scope: Mine) -> Response:
        """Its name, and the place for new credentials."""
        channel = await personal.get_own(scope.session, scope.access, own_channel_id)
        values = {**channel.settings, "name": channel.name}
        return _form_page(request, scope.frame, card_of(channel.provider), values=values, channel=channel)

    @router.post("/{own_channel_id}/edit")
    async def change_channel(own_channel_id: ChannelPath, request: Request, visitor: MineVisitor) -> Response:
        """Keep the change if the provider accepts it; else show the form again with what it said."""
        async with request.app.state.database.workspace(visitor.access.workspace_id) as session:
            before = await personal.get_own(session, visitor.access, own_channel_id)
        description = card_of(before.provider)
        form = read_form(await request.form(), description)
        try:
            command = PersonalChange.model_validate({"name": form.name, "fields": _filled(form)}).command()
            channel, check = await personal.change_own(asking_of(request), visitor.access, own_channel_id, command, wake)
        except (Invalid, Conflict, ValidationError) as error:
            values = {**form.fields, "name": form.name}
            return _form_page(request, visitor.frame, description, errors=sentences(error, description), values=values, channel=before)
        return _told(request, before, channel, check)


def _add_mend(router: APIRouter, wake: Wake) -> None:
    @router.post("/{own_channel_id}/mend")
    async def mend_channel(own_channel_id: ChannelPath, request: Request, visitor: MineVisitor) -> Response:
        """Take new credentials and let the stopped channel go on; else show its page again with what the provider said."""
        database = request.app.state.database
        async with database.workspace(visitor.access.workspace_id) as session:
            before = await personal.get_own(session, visitor.access, own_channel_id)
        description = card_of(before.provider)
        form = read_form(await request.form(), description)
        errors = {f"field_{name}": "Fill this in." for name, value in form.secrets.items() if not value}
        try:
            if not errors:
                command = PersonalChange.model_validate({"fields": form.secrets}).command()
                channel, check = await personal.change_own(asking_of(request), visitor.access, own_channel_id, command, wake)
                return _told(request, before, channel, check)
        except (Invalid, Conflict, ValidationError) as error:
            errors = sentences(error, description)
        async with database.workspace(visitor.access.workspace_id) as session:
            scope = PageScope(visitor.access, session, visitor.frame, visitor.login)
            return await own_page(request, scope, own_channel_id, errors=errors)


def _told(request: Request, before: Channel, channel: Channel, check: Check | None) -> Response:
    if check is None:
        return back(request, channel.id, "Saved.")
    if before.stopped_at is not None and channel.stopped_at is None:
        return back(request, channel.id, f"It works and goes on. {check.detail} What waited goes out now.")
    if check.ok:
        return back(request, channel.id, f"Saved. {check.detail}")
    waits = " The channel is still stopped and its messages wait: start it again later." if channel.stopped_at is not None else ""
    return back(request, channel.id, f"Kept, but it could not be proved just now: {check.detail}{waits}", "warning")


def _filled(form: ChannelForm) -> dict[str, str]:
    """What was typed: a field left empty stays as it is."""
    return {name: value for name, value in {**form.fields, **form.secrets}.items() if value}


def _form_page(
    request: Request, frame: Frame, description: Description, *, errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None, channel: Channel | None = None,
) -> Response:  # fmt: skip
    context: dict[str, Any] = {
        "provider": description,
        "logo": logo_address(description.kind),
        "channel": channel,
        "address": own_address(channel.id) if channel else f"/my-channels/new/{description.kind}",
        "kept": channel.credential_hints if channel else {},
        "errors": errors or {},
        "values": values or {},
        "may_override": channel is None and bool(request.app.state.settings.allowed_api_base_urls),
    }
    return render(request, "channels/own/form.html", frame=frame, status_code=422 if errors else 200, **context)


def _description(kind: str) -> Description:
    found = next((one for one in personal.personal_providers() if one.kind == kind), None)
    if found is None:
        raise NotFound("No channel of your own can be made of this provider.")
    return found
