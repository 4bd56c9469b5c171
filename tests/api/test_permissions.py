"""No endpoint and no page goes without a permission, and each refuses who does not have it."""

from __future__ import annotations

import re

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.api.routes import Route, routes
from tidings.core.ids import new_id
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import PERMISSIONS, Permission, Role
from tidings.workspaces.service import create_api_key

# Reached without a login, each with its reason.
PUBLIC = {
    "POST /api/v1/auth/token",  # signing in
    "POST /api/v1/auth/refresh",  # carries a refresh token
    "DELETE /api/v1/auth/token",  # carries an access token, whatever it may do
    "GET /api/v1/openapi.json", "HEAD /api/v1/openapi.json", "GET /docs",  # hold no data
    "GET /login", "POST /login", "POST /logout", "POST /session/workspace",  # the login itself
    "GET /setup", "POST /setup",  # only while nobody has an account
    "GET /join/{secret}", "POST /join/{secret}",  # carries an invitation
    "MOUNT /hooks/{hook_token}",  # providers, proved by the token and their signature
    "GET /media/{token}", "HEAD /media/{token}",  # carries a signature that names one file
    "MOUNT /static",
    "GET /health", "HEAD /health", "GET /ready", "HEAD /ready", "GET /metrics", "HEAD /metrics",  # for the operator's machines
}  # fmt: skip


def test_every_route_asks_for_a_permission_or_is_public_for_a_reason(app: FastAPI) -> None:
    found = list(routes(app))
    assert len(found) > 50
    assert [str(one) for one in found if one.permission is None and str(one) not in PUBLIC] == []


@pytest.mark.parametrize("role", Role)
async def test_an_endpoint_lets_in_exactly_the_roles_that_may(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, role: Role
) -> None:
    async with app.state.database.workspace(workspace.id) as session:
        access = system_access(workspace.id, "test")
        key = await create_api_key(session, access, name=role, scopes=PERMISSIONS[role])
    headers = {"Authorization": f"Bearer {key.secret}"}
    for route in routes(app):
        if route.permission is None or not route.path.startswith("/api/"):
            continue
        answer = await client.request(route.method, filled(route), headers=headers)
        if route.permission in PERMISSIONS[role]:
            assert answer.status_code in {200, 204, 404, 409, 422}, f"{route}: {answer.status_code} {answer.text}"
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), route
        assert (await client.request(route.method, filled(route))).status_code == 401, route


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT])
async def test_a_page_refuses_who_may_not(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, role: Role) -> None:
    from tests.workspaces.pages import HTML, log_in, token_of

    await app.state.database.pool.execute("UPDATE members SET role = $1", role)
    await log_in(client, workspace.owner_email)
    token = {"X-CSRF-Token": await token_of(client)}
    for route in routes(app):
        if route.permission is None or route.path.startswith("/api/"):
            continue
        if route.permission not in PERMISSIONS[role]:
            answer = await client.request(route.method, filled(route), headers={**HTML, **token})
            assert answer.status_code == 403, route
        if route.method == "POST":
            answer = await client.request(route.method, filled(route), headers=HTML)
            assert answer.status_code == 403, f"{route} takes a form without its token"


async def test_permissions_of_keys_are_looked_at_one_by_one(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    async with app.state.database.workspace(workspace.id) as session:
        key = await create_api_key(session, system_access(workspace.id, "t"), name="one", scopes={Permission.AUDIT_READ})
    headers = {"Authorization": f"Bearer {key.secret}"}
    assert (await client.get("/api/v1/audit-log", headers=headers)).status_code == 200
    assert (await client.get("/api/v1/workspace", headers=headers)).status_code == 403


def filled(route: Route) -> str:
    """The route's address with ids that are nobody's."""
    return re.sub(r"{\w+}", str(new_id()), route.path)
