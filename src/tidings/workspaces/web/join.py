"""The page behind an invitation's link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from tidings.errors import Invalid, Unauthenticated
from tidings.ui.flash import flash
from tidings.ui.origin import verify_same_origin
from tidings.ui.pages import go_to, render
from tidings.workspaces import service
from tidings.workspaces.client_address import client_ip
from tidings.workspaces.invitations import OpenInvitation
from tidings.workspaces.models import User
from tidings.workspaces.page_edge import current_login
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.sessions import Login, find_login, read_cookie
from tidings.workspaces.users import check_person
from tidings.workspaces.web.forms import Field, field_errors
from tidings.workspaces.web.login import give_cookie

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

router = APIRouter()
Secret = Annotated[str, Path(max_length=200)]


@router.get("/join/{secret}")
async def join_page(request: Request, secret: Secret) -> Response:
    """Who invites whom, and what to do: set a password, log in, or just join."""
    login = await find_login(request.app.state.database, read_cookie(request))
    async with request.app.state.database.system() as session:
        return _form(request, await service.find_invitation(session, secret), login)


@router.post("/join/{secret}")
async def join(request: Request, secret: Secret, name: Field = "", password: Field = "") -> Response:
    """Take the invited person in: with a new account, or as who is logged in."""
    verify_same_origin(request)
    state = request.app.state
    await limit(state.database, f"join:ip:{client_ip(request)}", state.settings.login_attempts_per_minute)
    login = await find_login(state.database, read_cookie(request))
    if login is not None:
        login = await current_login(request)  # checks the form's token as well
    async with state.database.system() as session:
        found = await service.find_invitation(session, secret)
        try:
            async with session.begin_nested():
                user = await _person(session, found, login, name, password)
                workspace_id = await service.accept_invitation(session, found, user)
        except Invalid as error:
            return _form(request, found, login, name=name, errors=field_errors(error), status_code=422)
    response = go_to(request, "/")
    flash(response, f"You are now a member of {found.workspace_name}.")
    return await give_cookie(request, user.id, response, workspace_id)


async def _person(session: AsyncSession, found: OpenInvitation, login: Login | None, name: str, password: str) -> User:
    if login is not None:
        return await session.get_one(User, login.user_id)
    email = found.invitation.email
    if found.has_account:
        raise Unauthenticated("You have an account: log in, then open the invitation again.")
    check_person(email=email, name=name, password=password)
    return await service.create_user(session, email=email, name=name, password=password)


def _form(
    request: Request,
    found: OpenInvitation,
    login: Login | None,
    *,
    name: str = "",
    errors: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    return render(
        request,
        "workspaces/join.html",
        status_code=status_code,
        invitation=found.invitation,
        workspace_name=found.workspace_name,
        has_account=found.has_account,
        login=login,
        name=name,
        errors=errors or {},
    )
