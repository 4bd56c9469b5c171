"""Making a route and changing it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from tidings.core.addresses import LABELS
from tidings.core.ids import read_id, show_id
from tidings.errors import Conflict, Invalid, NotFound, TidingsError
from tidings.routes import service
from tidings.routes.service import MOST_STEPS, RouteInput
from tidings.routes.web.form import ON_ERROR, UNITS, RouteForm, arranged, form_of, read_form, sentences, wanted
from tidings.routes.web.shown import shown_channels
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces.page_edge import PageScope, require_page
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId

router = APIRouter()
RoutePath = Annotated[UUID, PathId("rte")]
Writer = Annotated[PageScope, require_page(Permission.CHANNELS_WRITE, "routes")]
ON = (
    (ON_ERROR, "only an error"),
    ("delivered", "not delivered within"),
    ("read", "not read within"),
    ("sent", "not sent within"),
)


@router.get("/routes/new")
async def new_route(request: Request, scope: Writer) -> Response:
    """The empty form, with two steps."""
    return await _form_page(request, scope, RouteForm())


@router.post("/routes/new")
async def create_route(request: Request, scope: Writer) -> Response:
    """Make the route."""
    return await _save(request, scope, None)


@router.post("/routes/arrange")
async def arrange_steps(request: Request, scope: Writer, act: str = "") -> Response:
    """The form with a step more, less or in another place. Nothing is saved."""
    sent = await request.form()
    return await _form_page(request, scope, arranged(read_form(sent), act), route_id=read_id("rte", str(sent.get("editing", ""))))


@router.get("/routes/{route_id}/edit")
async def edit_route(route_id: RoutePath, request: Request, scope: Writer) -> Response:
    """The form with what is kept."""
    return await _form_page(request, scope, form_of(await service.get_route(scope.session, scope.access, route_id)), route_id=route_id)


@router.post("/routes/{route_id}/edit")
async def change_route(route_id: RoutePath, request: Request, scope: Writer) -> Response:
    """Keep the change, or show the form again with what is wrong in it."""
    await service.get_route(scope.session, scope.access, route_id)
    return await _save(request, scope, route_id)


async def _save(request: Request, scope: PageScope, route_id: UUID | None) -> Response:
    form = read_form(await request.form())
    try:
        described = wanted(form)
        async with scope.session.begin_nested():  # what is refused half-way leaves nothing behind
            saved = await _write(scope, described, route_id)
    except (Invalid, Conflict, NotFound, ValidationError) as error:
        return await _form_page(request, scope, form, error=error, route_id=route_id)
    response = go_to(request, f"/routes/{show_id('rte', saved)}")
    flash(response, "Saved. It holds at once, for messages under way too." if route_id else "The route is ready. Name it when you send.")
    return response


async def _write(scope: PageScope, described: RouteInput, route_id: UUID | None) -> UUID:
    if route_id is None:
        return (await service.create_route(scope.session, scope.access, described)).route.id
    return (await service.change_route(scope.session, scope.access, route_id, described)).route.id


async def _form_page(
    request: Request,
    scope: PageScope,
    form: RouteForm,
    *,
    error: TidingsError | ValidationError | None = None,
    route_id: UUID | None = None,
) -> Response:
    address = f"/routes/{show_id('rte', route_id)}" if route_id else ""
    channels = await shown_channels(scope.session, scope.access)
    return render(
        request,
        "routes/form.html",
        frame=scope.frame,
        fragment="fields",
        status_code=422 if error else 200,
        form=form,
        errors=sentences(error, form) if error else {},
        editing=show_id("rte", route_id) if route_id else "",
        action=f"{address}/edit" if address else "/routes/new",
        cancel=address or "/routes",
        channels=[(one.id, f"{one.channel.name} · {one.provider_name}") for one in channels.values()],
        channel_states={one.id: one.state for one in channels.values()},
        on_choices=ON,
        unit_choices=[(name, name) for name in UNITS],
        mediums=list(LABELS.items()),
        may_grow=len(form.steps) < MOST_STEPS,
    )
