"""Repeating a request, and answers that come only after the COMMIT."""

from __future__ import annotations

import asyncio
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, File, Response, UploadFile
from pydantic import BaseModel
from sqlalchemy import text

from tests.api.conftest import Caller
from tidings.workspaces.edge import Scope, require, require_send
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission

INSERT = text("INSERT INTO groups (workspace_id, id, name) VALUES (:workspace_id, new_id(), :name)")


class Made(BaseModel):
    name: str


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    """With one endpoint that makes a group, and one that takes a file."""

    @app.post("/api/v1/things", status_code=201)
    async def make(
        body: Made, once: Annotated[Once, idempotent()], scope: Annotated[Scope, require_send(Permission.MESSAGES_SEND)]
    ) -> Response:
        async def work() -> Made:
            await scope.session.execute(INSERT, {"workspace_id": scope.access.workspace_id, "name": body.name})
            return body

        return await once.answer(scope, work, status_code=201)

    @app.post("/api/v1/files")
    async def take(
        file: Annotated[UploadFile, File()],
        once: Annotated[Once, idempotent()],
        scope: Annotated[Scope, require(Permission.CONTACTS_WRITE)],
    ) -> Response:
        async def work() -> Made:
            return Made(name=(await file.read()).decode())

        return await once.answer(scope, work)

    return app


async def count(app: FastAPI) -> int:
    return await app.state.database.pool.fetchval("SELECT count(*) FROM groups")


async def make(client: httpx2.AsyncClient, caller: Caller, name: str, key: str | None = None) -> httpx2.Response:
    headers = {**caller.headers, **({"Idempotency-Key": key} if key is not None else {})}
    return await client.post("/api/v1/things", json={"name": name}, headers=headers)


async def test_requests_at_once_under_one_key_have_one_effect(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    answers = await asyncio.gather(*(make(client, workspace, "A", "k") for _ in range(5)))
    assert {(one.status_code, one.json()["name"]) for one in answers} == {(201, "A")}
    assert sorted(one.headers.get("idempotency-replayed", "") for one in answers) == ["", "true", "true", "true", "true"]
    assert await count(app) == 1


async def test_without_a_key_each_request_counts(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    assert [(await make(client, workspace, name)).status_code for name in "AB"] == [201, 201]
    assert await count(app) == 2


async def test_another_body_under_the_same_key_is_refused_but_another_spacing_is_not(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller
) -> None:
    await make(client, workspace, "A", "k")
    refused = await make(client, workspace, "B", "k")
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")
    headers = {**workspace.headers, "Idempotency-Key": "k", "Content-Type": "application/json"}
    spaced = await client.post("/api/v1/things", content=b'{ "name" : "A" }', headers=headers)
    assert spaced.headers["idempotency-replayed"] == "true"
    assert (await make(client, other_workspace, "B", "k")).status_code == 201


async def test_a_refused_request_keeps_no_key(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> None:
    await make(client, workspace, "A")
    assert (await make(client, workspace, "A", "k")).status_code >= 400  # the name is taken
    await app.state.database.pool.execute("DELETE FROM groups")
    assert (await make(client, workspace, "A", "k")).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_keys_have_a_length(client: httpx2.AsyncClient, workspace: Caller, key: str) -> None:
    assert (await make(client, workspace, "A", key)).status_code == 422


async def test_files_are_told_apart_by_their_content(client: httpx2.AsyncClient, workspace: Caller) -> None:
    headers = {**workspace.headers, "Idempotency-Key": "f"}

    async def send(content: bytes) -> httpx2.Response:
        return await client.post("/api/v1/files", files={"file": ("a.csv", content)}, headers=headers)

    first, again, other = [await send(content) for content in (b"one", b"one", b"two")]
    assert (first.json(), again.json()) == ({"name": "one"}, {"name": "one"})
    assert again.headers["idempotency-replayed"] == "true"
    assert other.status_code == 409


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_commit_that_fails_never_answers_2xx(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, key: str | None, database_owner: str
) -> None:
    """A deferred constraint fires at COMMIT, after the endpoint has returned."""
    import asyncpg

    owner = await asyncpg.connect(database_owner)
    await owner.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not at COMMIT'; END $$;"
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON groups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    await owner.close()
    answer = await make(client, workspace, "A", key)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "not at COMMIT" not in answer.text
    assert await count(app) == 0
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0


@pytest.fixture
def database_owner(database_url: str) -> str:
    return database_url


async def test_sending_is_limited_for_each_workspace(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"send_requests_per_minute": 2})
    assert [(await make(client, workspace, name)).status_code for name in "ABC"] == [201, 201, 429]
    assert (await make(client, other_workspace, "A")).status_code == 201
