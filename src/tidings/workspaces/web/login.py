"""Logging in and out, and going to another workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from tidings.core.ids import read_id
from tidings.errors import RateLimited, Unauthenticated
from tidings.ui.flash import flash
from tidings.ui.origin import verify_same_origin
from tidings.ui.pages import go_to, render, safe_next
from tidings.workspaces.client_address import client_ip
from tidings.workspaces.first_start import is_fresh
from tidings.workspaces.page_edge import current_login
from tidings.workspaces.sessions import clear_cookie, end_login, find_login, go_to_workspace, read_cookie, set_cookie, start_login
from tidings.workspaces.sign_in import sign_in
from tidings.workspaces.web.forms import Field

if TYPE_CHECKING:
    from uuid import UUID

    from tidings.db.database import Database

router = APIRouter()


@router.get("/login")
async def login_page(request: Request, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:  # noqa: A002
    """The form; the first start's when nobody has an account yet."""
    database: Database = request.app.state.database
    if await find_login(database, read_cookie(request)):
        return go_to(request, safe_next(next))
    if await is_fresh(database):
        return go_to(request, "/setup")
    return render(request, "workspaces/login.html", next=safe_next(next), email="", error="")


@router.post("/login")
async def log_in(request: Request, email: Field = "", password: Field = "", next: Field = "/") -> Response:  # noqa: A002
    """Check the password and give the browser its cookie."""
    verify_same_origin(request)
    state = request.app.state
    attempts = state.settings.login_attempts_per_minute
    try:
        person = await sign_in(state.database, email=email, password=password, ip=client_ip(request), attempts_per_minute=attempts)
    except (Unauthenticated, RateLimited) as error:
        status = 422 if isinstance(error, Unauthenticated) else error.status_code
        return render(request, "workspaces/login.html", status_code=status, next=safe_next(next), email=email, error=error.detail)
    return await give_cookie(request, person.user_id, go_to(request, safe_next(next)))


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End this browser's login."""
    response = go_to(request, "/login")
    clear_cookie(response, request.app.state.settings)
    try:
        login = await current_login(request)
    except Unauthenticated:
        return response
    async with request.app.state.database.system() as session:
        await end_login(session, login)
    flash(response, "You are logged out.", "info")
    return response


@router.post("/session/workspace")
async def switch_workspace(request: Request, workspace_id: Field = "") -> Response:
    """Show another of the person's workspaces."""
    login = await current_login(request)
    async with request.app.state.database.system() as session:
        await go_to_workspace(session, login, read_id("wrk", workspace_id))
    return go_to(request, "/")


async def give_cookie(request: Request, user_id: UUID, response: Response, workspace_id: UUID | None = None) -> Response:
    """Start a login for this browser; an older one of it ends, so that nobody can plant theirs beforehand."""
    state = request.app.state
    old = await find_login(state.database, read_cookie(request))
    async with state.database.system() as session:
        if old is not None:
            await end_login(session, old)
        agent = request.headers.get("User-Agent")
        secret = await start_login(session, user_id, workspace_id=workspace_id, ip=client_ip(request), user_agent=agent)
    set_cookie(response, state.settings, secret)
    return response
