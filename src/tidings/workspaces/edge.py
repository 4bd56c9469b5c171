"""The door of every JSON endpoint: authenticate, check the permission, open the workspace's transaction, commit before answering."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from tidings.workspaces.access import Access
from tidings.workspaces.authentication import authenticate
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database

bearer = HTTPBearer(auto_error=False, description="An API key (`tdk_…`) or an access token from `POST /api/v1/auth/token`.")


@dataclass(frozen=True, slots=True)
class Scope:
    """One request's caller and transaction."""

    access: Access
    session: AsyncSession


def require(permission: Permission) -> Any:
    """A FastAPI dependency that gives a `Scope`. Its transaction commits when the endpoint returns and before anything is answered.

    `scope="function"` is what makes a failed COMMIT an error answer instead of a 2xx.
    """
    return _door(permission, _workspace)


def require_send(permission: Permission) -> Any:
    """The same for what sends messages: each workspace may ask only so often in a minute (TIDINGS_SEND_REQUESTS_PER_MINUTE)."""
    return _door(permission, _workspace, _limit_sending)


def require_people(permission: Permission) -> Any:
    """The same for what touches accounts of people, which belong to no workspace: its session sees every workspace.

    Each statement has to name the workspace itself.
    """
    return _door(permission, _everything)


def require_access(permission: Permission) -> Any:
    """A dependency that gives the caller's `Access` alone, for what asks a provider: no transaction may be open meanwhile."""

    async def caller(request: Request, _: Any = Depends(bearer)) -> Access:  # noqa: B008
        access = await authenticate(request)
        access.demand(permission)
        return access

    caller.permission = permission  # type: ignore[attr-defined]  # read by the test that no route goes without
    return Depends(caller, scope="function")


_Opening = Callable[["Database", Access], "AbstractAsyncContextManager[AsyncSession]"]


def _door(permission: Permission, opening: _Opening, check: Callable[[Request, Access], Any] | None = None) -> Any:
    async def scope(request: Request, _: Any = Depends(bearer)) -> AsyncIterator[Scope]:  # noqa: B008
        access = await authenticate(request)
        access.demand(permission)
        if check is not None:
            await check(request, access)
        async with opening(request.app.state.database, access) as session:
            yield Scope(access, session)

    scope.permission = permission  # type: ignore[attr-defined]  # read by the test that no route goes without
    return Depends(scope, scope="function")


def _workspace(database: Database, access: Access) -> AbstractAsyncContextManager[AsyncSession]:
    return database.workspace(access.workspace_id)


def _everything(database: Database, access: Access) -> AbstractAsyncContextManager[AsyncSession]:  # noqa: ARG001
    return database.system()


async def _limit_sending(request: Request, access: Access) -> None:
    per_minute = request.app.state.settings.send_requests_per_minute
    await limit(request.app.state.database, f"send:{access.workspace_id}", per_minute)
