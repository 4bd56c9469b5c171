"""A person's own page: their password, their logins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tidings.errors import Invalid
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces import service
from tidings.workspaces.audit import record
from tidings.workspaces.models import User
from tidings.workspaces.page_edge import Visitor, require_visitor
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission
from tidings.workspaces.sessions import end_logins
from tidings.workspaces.users import check_current_password
from tidings.workspaces.web.forms import Field, field_errors

if TYPE_CHECKING:
    from tidings.db.database import Database

router = APIRouter(prefix="/profile")
Me = Annotated[Visitor, require_visitor(Permission.WORKSPACE_READ, "profile")]


@router.get("")
async def profile_page(request: Request, me: Me) -> Response:
    """Who one is, and the form for a new password."""
    return render(request, "workspaces/profile.html", frame=me.frame, errors={})


@router.post("/password")
async def change_password(request: Request, me: Me, current: Field = "", password: Field = "") -> Response:
    """Take a new password from who knows the old one; all other browsers and tokens are logged out."""
    database: Database = request.app.state.database
    await limit(database, f"password:{me.login.user_id}", request.app.state.settings.login_attempts_per_minute)
    try:
        await check_current_password(database, me.login.user_id, current)
        async with database.system() as session:
            user = await session.get_one(User, me.login.user_id)
            await service.change_password(session, user, password, by=me.access, keep=me.login)
    except Invalid as error:
        return render(request, "workspaces/profile.html", frame=me.frame, status_code=422, errors=field_errors(error))
    response = go_to(request, "/profile")
    flash(response, "Your password is changed. Everywhere else you are logged out.")
    return response


@router.post("/logins/end")
async def end_other_logins(request: Request, me: Me) -> Response:
    """Log the person's other browsers out."""
    async with request.app.state.database.system() as session:
        await end_logins(session, me.login.user_id, but=me.login)
        await record(session, me.access, "user.logged_out_elsewhere", "user", me.login.user_id)
    response = go_to(request, "/profile")
    flash(response, "You are logged out on all other devices.")
    return response
