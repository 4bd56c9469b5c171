"""Members, roles and invitations over the API."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx2
from fastapi import FastAPI

from tests.api.conftest import Caller
from tidings.core.ids import read_id, show_id
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import PERMISSIONS, Role
from tidings.workspaces.service import create_api_key

NEW = {"email": "Grace@Acme.example", "name": " Grace  Hopper ", "password": "a long enough one", "role": "agent"}


async def add(client: httpx2.AsyncClient, caller: Caller, **changes: str) -> httpx2.Response:
    return await client.post("/api/v1/members", json={**NEW, **changes}, headers=caller.headers)


async def headers_of(app: FastAPI, workspace_id: UUID, role: Role) -> dict[str, str]:
    """A key that may do what this role may."""
    async with app.state.database.workspace(workspace_id) as session:
        made = await create_api_key(session, system_access(workspace_id, "test"), name=f"as {role}", scopes=PERMISSIONS[role])
    return {"Authorization": f"Bearer {made.secret}"}


async def test_a_person_is_added_and_can_sign_in(client: httpx2.AsyncClient, workspace: Caller) -> None:
    made = await add(client, workspace)
    assert made.status_code == 201
    assert {key: made.json()[key] for key in ("email", "name", "role")} == {
        "email": "grace@acme.example",
        "name": "Grace Hopper",
        "role": "agent",
    }
    signed_in = await client.post("/api/v1/auth/token", json={"email": NEW["email"], "password": NEW["password"]})
    assert signed_in.status_code == 201
    listed = (await client.get("/api/v1/members", headers=workspace.headers)).json()["items"]
    assert [one["email"] for one in listed] == ["grace@acme.example", workspace.owner_email]
    assert listed[0]["last_login_at"] is None


async def test_an_account_of_somebody_else_is_never_touched(client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller) -> None:
    refused = await add(client, workspace, email=other_workspace.owner_email)
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
    assert len((await client.get("/api/v1/members", headers=workspace.headers)).json()["items"]) == 1


async def test_what_is_wrong_is_said_for_each_field(client: httpx2.AsyncClient, workspace: Caller) -> None:
    short = await add(client, workspace, password="short")
    assert (short.status_code, short.json()["errors"][0]["field"]) == (422, "password")
    no_address = await add(client, workspace, email="grace")
    assert (no_address.status_code, no_address.json()["errors"][0]["field"]) == (422, "email")


async def test_the_last_owner_can_neither_leave_nor_step_down(client: httpx2.AsyncClient, workspace: Caller) -> None:
    me = f"/api/v1/members/{show_id('usr', workspace.owner_id)}"
    for answer in (
        await client.delete(me, headers=workspace.headers),
        await client.patch(me, json={"role": "admin"}, headers=workspace.headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    second = (await add(client, workspace, role="owner")).json()["user_id"]
    assert (await client.delete(me, headers=workspace.headers)).status_code == 204
    assert (await client.delete(f"/api/v1/members/{second}", headers=workspace.headers)).status_code == 409


async def test_two_owners_who_remove_each_other_do_not_both_succeed(client: httpx2.AsyncClient, workspace: Caller) -> None:
    second = (await add(client, workspace, role="owner")).json()["user_id"]
    answers = await asyncio.gather(
        client.delete(f"/api/v1/members/{second}", headers=workspace.headers),
        client.delete(f"/api/v1/members/{show_id('usr', workspace.owner_id)}", headers=workspace.headers),
    )
    assert sorted(one.status_code for one in answers) == [204, 409]


async def test_nobody_gives_or_takes_a_role_above_their_own(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    admin = await headers_of(app, workspace.id, Role.ADMIN)
    owner = f"/api/v1/members/{show_id('usr', workspace.owner_id)}"
    assert (await client.post("/api/v1/members", json={**NEW, "role": "owner"}, headers=admin)).status_code == 403
    invitation = {"email": "x@y.example", "role": "owner"}
    assert (await client.post("/api/v1/invitations", json=invitation, headers=admin)).status_code == 403
    assert (await client.patch(owner, json={"role": "viewer"}, headers=admin)).status_code == 403
    assert (await client.delete(owner, headers=admin)).status_code == 403
    made = await client.post("/api/v1/members", json={**NEW, "role": "viewer"}, headers=admin)
    assert made.status_code == 201
    path = f"/api/v1/members/{made.json()['user_id']}"
    assert (await client.patch(path, json={"role": "owner"}, headers=admin)).status_code == 403
    assert (await client.patch(path, json={"role": "admin"}, headers=admin)).json()["role"] == "admin"


async def test_an_invitation_is_shown_once_and_can_be_withdrawn(client: httpx2.AsyncClient, workspace: Caller) -> None:
    body = {"email": "Ada@Acme.example", "role": "admin"}
    made = (await client.post("/api/v1/invitations", json=body, headers=workspace.headers)).json()
    assert made["url"].startswith("http://testserver/join/")
    again = (await client.post("/api/v1/invitations", json=body, headers=workspace.headers)).json()
    listed = (await client.get("/api/v1/invitations", headers=workspace.headers)).json()["items"]
    assert [one["id"] for one in listed] == [again["id"]]
    assert "url" not in listed[0]
    path = f"/api/v1/invitations/{again['id']}"
    assert [(await client.delete(path, headers=workspace.headers)).status_code for _ in range(2)] == [204, 404]


async def test_a_member_is_not_invited_again(client: httpx2.AsyncClient, workspace: Caller) -> None:
    body = {"email": workspace.owner_email, "role": "viewer"}
    answer = await client.post("/api/v1/invitations", json=body, headers=workspace.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


async def test_every_change_is_in_the_audit_log_without_secrets(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    user = (await add(client, workspace)).json()["user_id"]
    await client.patch(f"/api/v1/members/{user}", json={"role": "viewer"}, headers=workspace.headers)
    await client.patch(f"/api/v1/members/{user}", json={"role": "viewer"}, headers=workspace.headers)
    await client.delete(f"/api/v1/members/{user}", headers=workspace.headers)
    await client.post("/api/v1/invitations", json={"email": "x@y.example", "role": "agent"}, headers=workspace.headers)
    log = (await client.get("/api/v1/audit-log", params={"limit": 4}, headers=workspace.headers)).json()
    assert [one["action"] for one in log["items"]] == ["invitation.created", "member.removed", "member.role_changed", "member.added"]
    changed = log["items"][2]
    assert (changed["before"], changed["after"], changed["actor"]["label"]) == ({"role": "agent"}, {"role": "viewer"}, "Tests")
    assert changed["object"] == {"kind": "user", "id": user}
    assert changed["actor"]["id"].startswith("key_")
    everything = await app.state.database.pool.fetch("SELECT a::text AS row FROM audit_log a")
    assert not any(NEW["password"] in one["row"] or "argon2" in one["row"] for one in everything)
    assert read_id("usr", user)
