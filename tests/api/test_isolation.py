"""Another workspace's ids, on every endpoint that the OpenAPI schema names: generated, so that a new endpoint is tried by itself."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.belongings import MARK, everything_of, make_belongings
from tests.api.conftest import Caller, signed_in
from tests.api.samples import holds_id, id_prefix, resolve, sample

OURS_ALONE = {"row", "index"}
"""Parameters that are no ids: a number of a line."""
ABOUT_ONESELF = "/api/v1/me/"
"""For people, not for keys."""
PARAMETER = re.compile(r"{(\w+)}")
Operation = tuple[str, str, dict[str, Any]]


def operations(schema: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


@pytest.fixture
def schema(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


@pytest.fixture
async def theirs(app: FastAPI, client: httpx2.AsyncClient, other_workspace: Caller) -> dict[str, str]:
    return await make_belongings(app, client, other_workspace)


@pytest.fixture
async def mine(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> dict[str, str]:
    return await make_belongings(app, client, workspace)


def test_every_path_parameter_has_a_builder(schema: dict[str, Any], mine: dict[str, str]) -> None:
    named = {name for _, path, _ in operations(schema) for name in PARAMETER.findall(path)}
    assert named - set(mine) == set(), "add them to tests/api/belongings.py"
    assert len(named) >= 11


async def test_the_ids_are_real_to_their_own_workspace(
    schema: dict[str, Any], client: httpx2.AsyncClient, other_workspace: Caller, theirs: dict[str, str]
) -> None:
    """Else the next test would pass for the wrong reason."""
    reads = [path for method, path, _ in operations(schema) if method == "GET" and PARAMETER.search(path)]
    assert len(reads) >= 8
    person = await signed_in(client, other_workspace)
    for path in reads:
        headers = person if path.startswith(ABOUT_ONESELF) else other_workspace.headers
        answer = await client.get(fill(path, theirs), headers=headers)
        # A sandbox channel is known and says that it has no templates.
        assert answer.status_code == (409 if path.endswith("/templates") else 200), f"{path}: {answer.text}"


async def test_another_workspaces_ids_are_404_on_every_endpoint(
    app: FastAPI, schema: dict[str, Any], client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller,
    mine: dict[str, str], theirs: dict[str, str],
) -> None:  # fmt: skip
    before = await everything_of(app, other_workspace)
    tried = 0
    person = await signed_in(client, workspace)
    for method, path, operation in operations(schema):
        names = [name for name in PARAMETER.findall(path) if name not in OURS_ALONE]
        # Of several ids in one path, each and all of them are another's.
        for foreign in itertools.product([True, False], repeat=len(names)):
            if not any(foreign):
                continue
            ids = {
                **{name: mine[name] for name in OURS_ALONE},
                **{name: (theirs if is_foreign else mine)[name] for name, is_foreign in zip(names, foreign, strict=True)},
            }
            body = body_of(operation, schema, ids_of(mine))
            headers = person if path.startswith(ABOUT_ONESELF) else workspace.headers
            answer = await client.request(method, fill(path, ids), headers=headers, **body)
            assert answer.status_code == 404, f"{method} {path} {foreign}: {answer.status_code} {answer.text}"
            assert MARK not in answer.text
            tried += 1
    assert tried >= 40
    assert await everything_of(app, other_workspace) == before


async def test_another_workspaces_ids_inside_a_body_or_a_query_reach_nothing(
    app: FastAPI, schema: dict[str, Any], client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller, theirs: dict[str, str]
) -> None:
    mine = await make_belongings(app, client, workspace)
    await app.state.database.pool.execute("UPDATE contacts SET name = 'mine' WHERE workspace_id = $1", workspace.id)
    before = await everything_of(app, other_workspace)
    tried = 0
    for method, path, operation in operations(schema):
        queries = [one for one in operation.get("parameters", []) if one["in"] == "query" and prefix_of(one["schema"], schema)]
        has_body_id = any(holds_id(one["schema"], schema) for one in contents(operation))
        if not queries and not has_body_id:
            continue
        params = {one["name"]: ids_of(theirs)(prefix_of(one["schema"], schema)) for one in queries}
        body = body_of(operation, schema, ids_of(theirs))
        answer = await client.request(method, fill(path, mine), headers=workspace.headers, params=params, **body)
        assert answer.status_code < 500, f"{method} {path}: {answer.text}"
        leaked = [one for one in theirs.values() if one in answer.text and len(one) > 5 and answer.status_code < 300 and method == "GET"]
        assert leaked == [], f"{method} {path}"
        tried += 1
    assert tried >= 5
    assert await everything_of(app, other_workspace) == before


def fill(path: str, ids: dict[str, str]) -> str:
    return PARAMETER.sub(lambda found: ids[found.group(1)], path)


def contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return list(operation.get("requestBody", {}).get("content", {}).values())


def body_of(operation: dict[str, Any], schema: dict[str, Any], ids: Any) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        fields = resolve(content["multipart/form-data"]["schema"], schema)["properties"]
        data = {name: ids(prefix) for name, part in fields.items() if (prefix := prefix_of(part, schema))}
        return {"files": {"file": ("a.csv", b"Ada,0712345677\n")}, "data": data}
    return {"json": sample(content["application/json"]["schema"], schema, ids)} if content else {}


def prefix_of(part: dict[str, Any], schema: dict[str, Any]) -> str | None:
    part = resolve(part, schema)
    return next(filter(None, (id_prefix(resolve(one, schema)) for one in (part, *part.get("anyOf", [])))), None)


def ids_of(belongings: dict[str, str]) -> Any:
    by_prefix = {value.partition("_")[0]: value for value in belongings.values()}
    return by_prefix.get
