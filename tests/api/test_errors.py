"""Every error is one of two things: problem+json for programs, a page for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import httpx2
import pytest
from fastapi import Body, FastAPI
from pydantic import AwareDatetime, BaseModel, ConfigDict, field_validator

from tests.api.conftest import Caller
from tidings.errors import Conflict
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.guards import BODY_LIMIT
from tidings.workspaces.rules import Permission


class Appointment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime

    @field_validator("at")
    @classmethod
    def _to_come(cls, value: datetime) -> datetime:
        if value.year < 2000:
            raise ValueError("is over")
        return value


PAGE = {"Accept": "text/html,*/*"}


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    """The app with a few endpoints that fail in their own ways."""

    @app.get("/api/v1/broken")
    async def broken() -> None:
        raise RuntimeError("token tdk_secret in here")

    @app.get("/broken")
    async def broken_page() -> None:
        raise RuntimeError("oops")

    @app.get("/api/v1/busy")
    async def busy() -> None:
        raise Conflict("Not yet.", retry_after=4.2)

    @app.post("/api/v1/echo")
    async def echo(body: Annotated[dict[str, int], Body()]) -> dict[str, int]:
        return body

    @app.post("/api/v1/appointment")
    async def appointment(body: Appointment) -> None:
        return None

    @app.get("/api/v1/private")
    async def private(scope: Annotated[Scope, require(Permission.CONTACTS_READ)]) -> dict[str, str]:
        return {"actor": scope.access.actor_label}

    return app


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b'{"a": 1', "application/json", "The body is not JSON"),
        (b'{"a": 1}', "application/x-www-form-urlencoded", "Content-Type: application/json"),
        (b"[1]", "application/json", "a JSON object"),
    ],
)
async def test_a_body_that_is_no_json_object_is_told_in_words(
    client: httpx2.AsyncClient, body: bytes, content_type: str, words: str
) -> None:
    answer = await client.post("/api/v1/echo", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert "Nothing was changed" in answer.json()["detail"]


async def test_fields_are_told_in_words_of_ours(client: httpx2.AsyncClient) -> None:
    async def told(**sent: object) -> str:
        answer = await client.post("/api/v1/appointment", json=sent)
        assert answer.status_code == 422
        return str(answer.json()["errors"][0]["message"])

    assert "has no offset" in await told(at="2026-12-01T09:00:00")
    assert await told(at="2026-12-01T09:00:00Z", to="x") == "is not known here"
    assert await told(at="1999-12-01T09:00:00Z") == "is over"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/broken", 500, "internal"),
        ("GET", "/api/v1/busy", 409, "conflict"),
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("PUT", "/api/v1/echo", 405, "method_not_allowed"),
        ("POST", "/api/v1/echo", 422, "invalid"),
        ("GET", "/api/v1/private", 401, "unauthenticated"),
        ("GET", "/nowhere", 404, "not_found"),
    ],
)
async def test_programs_get_problem_json(client: httpx2.AsyncClient, method: str, path: str, status: int, code: str) -> None:
    answer = await client.request(method, path, headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (status, "application/problem+json", code)
    assert "tdk_secret" not in answer.text
    assert answer.headers["x-request-id"]


async def test_the_api_never_answers_with_a_page(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/nowhere", headers={**PAGE, "HX-Request": "true"})
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 500)])
async def test_people_get_a_page(client: httpx2.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path, headers=PAGE)
    assert answer.status_code == status
    assert "<h1" in answer.text
    assert "oops" not in answer.text


async def test_waiting_times_are_told(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/api/v1/busy")).headers["retry-after"] == "5"


async def test_a_wrong_key_is_refused_and_a_right_one_let_in(client: httpx2.AsyncClient, workspace: Caller) -> None:
    assert (await client.get("/api/v1/private", headers=workspace.headers)).json() == {"actor": "Tests"}
    for wrong in ("Bearer tdk_nonsense", "Bearer x.y.z", "Basic abc", "Bearer", ""):
        answer = await client.get("/api/v1/private", headers={"Authorization": wrong})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), wrong


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/nowhere", "/broken", "/static/tidings.css", "/api/v1/openapi.json"])
async def test_every_answer_carries_the_security_headers(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers=PAGE)).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_a_request_id_of_the_caller_is_kept_if_it_is_harmless(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/x", headers={"X-Request-Id": "order-7"})).headers["x-request-id"] == "order-7"
    assert (await client.get("/x", headers={"X-Request-Id": "a b\tc"})).headers["x-request-id"] != "a b\tc"


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(client: httpx2.AsyncClient, accept: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * (BODY_LIMIT // 16)

    json = {"Content-Type": "application/json", "Accept": accept}
    for content in (b" " * (BODY_LIMIT + 1), pieces()):
        answer = await client.post("/api/v1/echo", content=content, headers=json)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_at_the_limit_is_read(client: httpx2.AsyncClient) -> None:
    content = b'{"a": 1}'.ljust(BODY_LIMIT)
    answer = await client.post("/api/v1/echo", content=content, headers={"Content-Type": "application/json"})
    assert answer.json() == {"a": 1}


async def test_the_input_is_not_repeated_in_an_error(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/v1/echo", json={"a": "hunter2"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "a"
    assert "hunter2" not in answer.text
