"""Signing in with a password to get tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter, Request

from tidings.errors import Forbidden, NotFound, Unauthenticated
from tidings.workspaces.access_tokens import LIFETIME, read_access_token, write_access_token
from tidings.workspaces.authentication import bearer_secret
from tidings.workspaces.client_address import client_ip
from tidings.workspaces.rate_limit import limit
from tidings.workspaces.refresh_tokens import SignIn, end_family, start_family, use_refresh_token
from tidings.workspaces.schemas import Credentials, RefreshInput, SignInOutput, TokenOutput, WorkspaceName
from tidings.workspaces.sign_in import Person, sign_in
from tidings.workspaces.wire import problems

if TYPE_CHECKING:
    from tidings.db.database import Database
    from tidings.settings import Settings

router = APIRouter(prefix="/auth", tags=["Sign-in"])


@router.post("/token", status_code=201, responses=problems(404, 429))
async def sign_in_for_tokens(body: Credentials, request: Request) -> SignInOutput:
    """Sign in. For programs that act for a person; a program of its own is better served by an API key."""
    database: Database = request.app.state.database
    settings: Settings = request.app.state.settings
    person = await sign_in(
        database,
        email=body.email,
        password=body.password,
        ip=client_ip(request),
        attempts_per_minute=settings.login_attempts_per_minute,
    )
    workspace_id = _chosen(person, body.workspace)
    async with database.system() as session:
        started = await start_family(session, person.user_id, workspace_id)
    names = [WorkspaceName(id=each, name=name) for each, name in person.places]
    return SignInOutput(**_tokens(request, started).model_dump(), workspaces=names)


@router.post("/refresh", responses=problems(429))
async def refresh_tokens(body: RefreshInput, request: Request) -> TokenOutput:
    """Trade a refresh token for a new pair. Each works once; one that comes a second time ends its sign-in, for somebody stole it."""
    database: Database = request.app.state.database
    await limit(database, f"refresh:ip:{client_ip(request)}", request.app.state.settings.login_attempts_per_minute * 10)
    async with database.system() as session:
        renewed = await use_refresh_token(session, body.refresh_token)
    if renewed is None:
        raise Unauthenticated("This refresh token is not valid: it was used before, has expired or was revoked. Sign in again.")
    return _tokens(request, renewed)


@router.delete("/token", status_code=204, responses=problems())
async def log_out(request: Request) -> None:
    """Log out: the access token sent with this request, and the refresh token that came with it, work no longer."""
    _, _, family = read_access_token(request.app.state.token_keys(), bearer_secret(request))
    async with request.app.state.database.system() as session:
        await end_family(session, family)


def _chosen(person: Person, wanted: UUID | None) -> UUID:
    places = [workspace_id for workspace_id, _ in person.places]
    if not places:
        raise Forbidden("You are not a member of any workspace. Ask somebody who is to invite you.")
    if wanted is not None and wanted not in places:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    return wanted or places[0]


def _tokens(request: Request, started: SignIn) -> TokenOutput:
    key = request.app.state.token_keys()[0]
    return TokenOutput(
        access_token=write_access_token(key, user_id=started.user_id, workspace_id=started.workspace_id, family=started.family),
        expires_in=int(LIFETIME.total_seconds()),
        refresh_token=started.secret,
        workspace=started.workspace_id,
    )
