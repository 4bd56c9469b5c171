"""Tokens: got with a password, renewed once each, and ended for good."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import jwt
import pytest
from fastapi import FastAPI

from tests.api.conftest import PASSWORD, Caller, make_caller
from tidings.core.clock import utc_now
from tidings.settings import Settings
from tidings.workspaces.rules import Role


async def signed_in(client: httpx2.AsyncClient, email: str, **more: str) -> dict[str, str]:
    answer = await client.post("/api/v1/auth/token", json={"email": email, "password": PASSWORD, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def status_with(client: httpx2.AsyncClient, token: str, path: str = "/api/v1/workspace", method: str = "GET") -> int:
    return (await client.request(method, path, headers={"Authorization": f"Bearer {token}"})).status_code


async def refresh(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})


async def test_a_password_buys_tokens_for_the_workspace(client: httpx2.AsyncClient, workspace: Caller) -> None:
    tokens = await signed_in(client, workspace.owner_email.upper())
    assert tokens["expires_in"] == 900
    assert tokens["workspaces"] == [{"id": workspace.public_id, "name": "Acme"}]
    shown = await client.get("/api/v1/workspace", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert shown.json()["id"] == workspace.public_id == tokens["workspace"]


async def test_a_wrong_password_and_an_unknown_address_say_the_same(client: httpx2.AsyncClient, workspace: Caller) -> None:
    answers = [
        await client.post("/api/v1/auth/token", json={"email": email, "password": "not the password"})
        for email in (workspace.owner_email, "nobody@acme.example")
    ]
    assert [one.status_code for one in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


async def test_somebody_who_is_disabled_cannot_sign_in(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    token = (await signed_in(client, workspace.owner_email))["access_token"]
    await app.state.database.pool.execute("UPDATE users SET disabled_at = now()")
    answer = await client.post("/api/v1/auth/token", json={"email": workspace.owner_email, "password": PASSWORD})
    assert answer.status_code == 401
    assert await status_with(client, token) == 401


async def test_another_workspace_can_be_asked_for_only_by_its_members(
    client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller
) -> None:
    body = {"email": workspace.owner_email, "password": PASSWORD, "workspace": other_workspace.public_id}
    assert (await client.post("/api/v1/auth/token", json=body)).status_code == 404
    assert (await signed_in(client, workspace.owner_email, workspace=workspace.public_id))["workspace"] == workspace.public_id


async def test_a_refresh_token_buys_the_next_pair(client: httpx2.AsyncClient, workspace: Caller) -> None:
    first = await signed_in(client, workspace.owner_email)
    second = (await refresh(client, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await status_with(client, second["access_token"]) == 200
    assert (await refresh(client, second["refresh_token"])).status_code == 200


async def test_using_a_refresh_token_twice_ends_the_whole_sign_in(client: httpx2.AsyncClient, workspace: Caller) -> None:
    first = await signed_in(client, workspace.owner_email)
    bystander = await signed_in(client, workspace.owner_email)
    second = (await refresh(client, first["refresh_token"])).json()
    assert (await refresh(client, first["refresh_token"])).status_code == 401
    assert (await refresh(client, second["refresh_token"])).status_code == 401
    assert await status_with(client, second["access_token"]) == 401
    assert await status_with(client, bystander["access_token"]) == 200


async def test_logging_out_ends_both_tokens(client: httpx2.AsyncClient, workspace: Caller) -> None:
    tokens = await signed_in(client, workspace.owner_email)
    assert await status_with(client, tokens["access_token"], "/api/v1/auth/token", "DELETE") == 204
    assert await status_with(client, tokens["access_token"]) == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401


async def test_a_changed_role_holds_at_once(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    token = (await signed_in(client, workspace.owner_email))["access_token"]
    assert await status_with(client, token, "/api/v1/members") == 200
    await app.state.database.pool.execute("UPDATE members SET role = $1", Role.VIEWER)
    assert await status_with(client, token, "/api/v1/members") == 403


async def test_somebody_removed_can_neither_come_in_nor_refresh(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    tokens = await signed_in(client, workspace.owner_email)
    await app.state.database.pool.execute("DELETE FROM members")
    assert await status_with(client, tokens["access_token"]) == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401


async def test_forged_and_expired_tokens_are_refused(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    token = (await signed_in(client, workspace.owner_email))["access_token"]
    key = app.state.token_keys()[0]
    claims = jwt.decode(token, key, algorithms=["HS256"])
    assert await status_with(client, jwt.encode(claims, key, algorithm="HS256")) == 200
    forged = [
        jwt.encode(claims, b"x" * 32, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode({**claims, "exp": utc_now() - timedelta(seconds=1)}, key, algorithm="HS256"),
        jwt.encode({**claims, "iss": "somebody"}, key, algorithm="HS256"),
        jwt.encode({name: value for name, value in claims.items() if name != "exp"}, key, algorithm="HS256"),
    ]
    assert [await status_with(client, one) for one in forged] == [401] * 5


async def test_a_token_holds_after_the_keys_were_rotated(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    token = (await signed_in(client, workspace.owner_email))["access_token"]
    old = app.state.token_keys()
    app.state.token_keys = lambda: [b"n" * 32, *old]
    assert await status_with(client, token) == 200


async def test_secrets_are_kept_as_hashes_only(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    tokens = await signed_in(client, workspace.owner_email)
    kept = await app.state.database.pool.fetch("SELECT t::text AS row FROM refresh_tokens t UNION ALL SELECT u::text FROM users u")
    assert len(kept) == 2
    assert not any(tokens["refresh_token"][4:] in one["row"] or PASSWORD in one["row"] for one in kept)


class TestLimits:
    """Guessing passwords is slowed down."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"login_attempts_per_minute": 3})

    async def test_after_too_many_tries_even_the_right_password_has_to_wait(self, client: httpx2.AsyncClient, workspace: Caller) -> None:
        wrong = {"email": workspace.owner_email, "password": "guess"}
        assert [(await client.post("/api/v1/auth/token", json=wrong)).status_code for _ in range(4)] == [401, 401, 401, 429]
        right = await client.post("/api/v1/auth/token", json={"email": workspace.owner_email, "password": PASSWORD})
        assert right.status_code == 429
        assert int(right.headers["retry-after"]) >= 1

    async def test_one_place_cannot_try_many_accounts(self, client: httpx2.AsyncClient) -> None:
        statuses = [
            (await client.post("/api/v1/auth/token", json={"email": f"p{number}@x.example", "password": "guess"})).status_code
            for number in range(13)
        ]
        assert statuses[:9] == [401] * 9
        assert 429 in statuses[9:]  # where the minute turns meanwhile, a share of the limit has come back


async def test_a_member_of_several_workspaces_chooses(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    second = await make_caller(app.state.database, "Second", "second@acme.example")
    await app.state.database.pool.execute("INSERT INTO members VALUES ($1, $2, 'viewer')", second.id, workspace.owner_id)
    tokens = await signed_in(client, workspace.owner_email, workspace=second.public_id)
    assert await status_with(client, tokens["access_token"]) == 200
    assert await status_with(client, tokens["access_token"], "/api/v1/members") == 403
