"""The first start: the owner and their workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from tidings.errors import Forbidden, Invalid
from tidings.ui.flash import flash
from tidings.ui.origin import verify_same_origin
from tidings.ui.pages import go_to, render
from tidings.workspaces.client_address import client_ip
from tidings.workspaces.first_start import Founding, demand_code, found, is_fresh, needs_code
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.web.forms import Field, country_choices, field_errors, timezone_choices
from tidings.workspaces.web.login import give_cookie

router = APIRouter()


@router.get("/setup")
async def setup_page(request: Request, code: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The form, for as long as nobody has an account."""
    if not await is_fresh(request.app.state.database):
        return go_to(request, "/login")
    return _form(request, Founding(name="", email="", password="", workspace=""), code=code)


@router.post("/setup")
async def set_up(  # noqa: PLR0917
    request: Request,
    name: Field = "",
    email: Field = "",
    password: Field = "",
    workspace: Field = "",
    timezone: Field = "UTC",
    default_region: Field = "US",
    code: Field = "",
) -> Response:
    """Make the owner, and log them in."""
    verify_same_origin(request)
    state = request.app.state
    await limit(state.database, f"setup:ip:{client_ip(request)}", state.settings.login_attempts_per_minute)
    founding = Founding(name=name, email=email, password=password, workspace=workspace, timezone=timezone, default_region=default_region)
    try:
        if needs_code(request):
            demand_code(code, state.setup_code)
        async with state.database.system() as session:
            user, made = await found(session, founding)
    except (Invalid, Forbidden) as error:
        errors = {"code": error.detail} if isinstance(error, Forbidden) else field_errors(error)
        return _form(request, founding, code=code, errors=errors, status_code=error.status_code)
    response = go_to(request, "/")
    flash(response, f"Welcome to Tidings, {user.name}. Your workspace {made.name} is ready.")
    return await give_cookie(request, user.id, response, made.id)


def _form(request: Request, founding: Founding, *, code: str, errors: dict[str, str] | None = None, status_code: int = 200) -> Response:
    return render(
        request,
        "workspaces/setup.html",
        status_code=status_code,
        founding=founding,
        code=code,
        needs_code=needs_code(request),
        errors=errors or {},
        countries=country_choices(),
        timezones=timezone_choices(),
    )
