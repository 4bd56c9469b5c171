"""The page of members and invitations."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tidings.core.ids import show_id
from tidings.errors import FieldError, Invalid, TidingsError
from tidings.ui.flash import flash
from tidings.ui.pages import go_to, render
from tidings.workspaces import service
from tidings.workspaces.invitations import join_url
from tidings.workspaces.page_edge import PageScope, Visitor, require_page, require_visitor
from tidings.workspaces.rules import Permission, Role
from tidings.workspaces.users import check_person
from tidings.workspaces.web.forms import Field, field_errors, role_choices
from tidings.workspaces.wire import PathId

router = APIRouter(prefix="/settings/members")
Reader = Annotated[PageScope, require_page(Permission.MEMBERS_READ, "members")]
Writer = Annotated[PageScope, require_page(Permission.MEMBERS_WRITE, "members")]
Someone = Annotated[UUID, PathId("usr")]


@router.get("")
async def members_page(request: Request, scope: Reader) -> Response:
    """Everybody, and the invitations that are open."""
    return await _page(request, scope)


@router.post("/invitations")
async def invite(request: Request, scope: Writer, email: Field = "", role: Field = "") -> Response:
    """Make a link and show it, this one time."""
    try:
        async with scope.session.begin_nested():
            made = await service.invite(scope.session, scope.access, email=email, role=_role(role))
    except TidingsError as error:
        return await _page(request, scope, open="invite", typed={"email": email, "role": role}, error=error)
    return await _page(request, scope, link=join_url(request, made.secret), invited=made.invitation.email)


@router.post("")
async def add_member(  # noqa: PLR0917
    request: Request,
    visitor: Annotated[Visitor, require_visitor(Permission.MEMBERS_WRITE, "members")],
    email: Field = "",
    name: Field = "",
    password: Field = "",
    role: Field = "",
) -> Response:
    """Make an account with a first password."""
    database = request.app.state.database
    try:
        check_person(email=email, name=name, password=password)
        async with database.system() as session:
            made = await service.create_member(session, visitor.access, email=email, name=name, password=password, role=_role(role))
    except TidingsError as error:
        async with database.workspace(visitor.access.workspace_id) as session:
            scope = PageScope(visitor.access, session, visitor.frame, visitor.login)
            return await _page(request, scope, open="add", typed={"email": email, "name": name, "role": role}, error=error)
    return _back(request, f"{made.name} is a member now. Tell them their first password, which they should change.")


@router.post("/{user_id}/role")
async def change_role(request: Request, user_id: Someone, scope: Writer, role: Field = "") -> Response:
    """Give somebody another role."""
    changed = await service.change_role(scope.session, scope.access, user_id, _role(role))
    return _back(request, f"{changed.name} is now {changed.role}.")


@router.post("/{user_id}/remove")
async def remove_member(request: Request, user_id: Someone, scope: Writer) -> Response:
    """Send somebody away."""
    await service.remove_member(scope.session, scope.access, user_id)
    return _back(request, "They are no longer a member; their logins and tokens do not work here any more.")


@router.post("/invitations/{invitation_id}/withdraw")
async def withdraw(request: Request, invitation_id: Annotated[UUID, PathId("inv")], scope: Writer) -> Response:
    """Have a link work no longer."""
    await service.withdraw_invitation(scope.session, scope.access, invitation_id)
    return _back(request, "The invitation is withdrawn; its link works no longer.")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise Invalid("Choose a role; nothing was changed.", errors=(FieldError("role", "must be chosen"),)) from error


def _back(request: Request, sentence: str) -> Response:
    response = go_to(request, "/settings/members")
    flash(response, sentence)
    return response


async def _page(
    request: Request,
    scope: PageScope,
    *,
    open: str = "",  # noqa: A002
    typed: dict[str, str] | None = None,
    error: TidingsError | None = None,
    **more: Any,
) -> Response:
    roles = role_choices(scope.frame.permissions)
    return render(
        request,
        "workspaces/members.html",
        frame=scope.frame,
        status_code=error.status_code if error else 200,
        members=await service.list_members(scope.session, scope.access),
        invitations=await service.list_invitations(scope.session, scope.access),
        me=scope.access.actor_id,
        roles=roles,
        role_options=[(value, label) for value, label, _ in roles],
        show_id=show_id,
        open=open,
        typed=typed or {},
        errors=field_errors(error) if error else {},
        **{"link": "", "invited": "", **more},
    )
