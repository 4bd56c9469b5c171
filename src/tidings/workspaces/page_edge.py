"""The door of every page: the login's cookie, the form's token, the permission, the workspace's transaction.

    @router.get("/contacts")
    async def contacts_page(request: Request, scope: PageScope = require_page(Permission.CONTACTS_READ, "contacts")) -> Response:
        return render(request, "contacts/list.html", frame=scope.frame, ...)

Who is not signed in is led to the login and back (`ui.problems.problem_page`, from the app's error handler).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Depends, Request

from tidings.core.ids import show_id
from tidings.errors import Forbidden, Unauthenticated
from tidings.ui.frame import Frame, WorkspaceChoice
from tidings.ui.later import is_put_off
from tidings.ui.origin import verify_csrf, verify_same_origin
from tidings.workspaces.access import Access
from tidings.workspaces.client_address import client_ip
from tidings.workspaces.rules import PERMISSIONS, Permission
from tidings.workspaces.sessions import Login, Place, find_login, read_cookie

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database

_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person at a page: for pages that stay open and open short transactions of their own (server-sent events)."""

    access: Access
    login: Login
    frame: Frame


@dataclass(frozen=True, slots=True)
class PageScope:
    """One page's person and transaction, and what the layout shows around it."""

    access: Access
    session: AsyncSession
    frame: Frame
    login: Login


def require_page(permission: Permission, section: str = "home") -> Any:
    """A FastAPI dependency that gives a `PageScope`. `section` is the menu's entry (`ui.frame.SECTIONS`).

    Its transaction commits when the endpoint returns and before anything is answered.
    """

    async def scope(request: Request) -> AsyncIterator[PageScope]:
        visitor = await _enter(request, permission, section)
        database: Database = request.app.state.database
        async with database.workspace(visitor.access.workspace_id) as session:
            yield PageScope(visitor.access, session, visitor.frame, visitor.login)

    scope.permission = permission  # type: ignore[attr-defined]  # read by the test that no page goes without
    return Depends(scope, scope="function")


def require_visitor(permission: Permission, section: str = "home") -> Any:
    """The same without a transaction: gives a `Visitor`."""

    async def visitor(request: Request) -> Visitor:
        return await _enter(request, permission, section)

    visitor.permission = permission  # type: ignore[attr-defined]
    return Depends(visitor)


async def frame_of(request: Request) -> Frame | None:
    """The person's menu for an error that came before a page's door: an address with nothing, a body too large. None for strangers."""
    login = await find_login(request.app.state.database, read_cookie(request))
    return await _frame(request, login, login.place, "") if login and login.place else None


async def current_login(request: Request) -> Login:
    """Whose browser this is, once for each request. Raises Unauthenticated, or Forbidden for a form that is not from our pages."""
    verify_same_origin(request)
    login = await find_login(request.app.state.database, read_cookie(request))
    if login is None:
        raise Unauthenticated("You are not signed in, or it was too long ago. Sign in and go on where you were.")
    if request.method not in _SAFE:
        verify_csrf(await _sent_token(request), login.csrf_token)
    return login


async def _sent_token(request: Request) -> str | None:
    """htmx sends it as a header, plain forms as a field."""
    if header := request.headers.get("X-CSRF-Token"):
        return header
    value = (await request.form()).get("csrf_token")
    return value if isinstance(value, str) else None


async def _enter(request: Request, permission: Permission, section: str) -> Visitor:
    login = await current_login(request)
    if login.place is None:
        raise Forbidden("You are not a member of any workspace. Ask somebody who is to invite you.")
    access = Access(
        workspace_id=login.place.id,
        actor_kind="user",
        actor_id=login.user_id,
        actor_label=login.user_email,
        permissions=PERMISSIONS[login.place.role],
        ip=client_ip(request),
    )
    frame = await _frame(request, login, login.place, section)
    # An error of this request is shown inside the person's own menu.
    request.state.frame = frame
    access.demand(permission)
    return Visitor(access, login, frame)


async def _frame(request: Request, login: Login, place: Place, section: str) -> Frame:
    notices = await request.app.state.read_notices(place.id, login.user_id)
    workspace_id = show_id("wrk", place.id)
    asked = Permission.CHANNELS_OWN in PERMISSIONS[place.role] and not is_put_off(request, workspace_id, login.csrf_token)
    return Frame(
        user_name=login.user_name,
        user_email=login.user_email,
        workspace_id=workspace_id,
        workspace_name=place.name,
        workspaces=tuple(WorkspaceChoice(show_id("wrk", one.id), one.name) for one in login.places),
        role=place.role,
        permissions=frozenset(PERMISSIONS[place.role]),
        csrf_token=login.csrf_token,
        section=section,
        open_alerts=notices.open_alerts,
        still_central=notices.still_central if asked else None,
        timezone=place.timezone,
    )
