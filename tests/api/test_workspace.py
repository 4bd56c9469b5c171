"""The workspace, its keys and its audit log over the API."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from tests.api.conftest import Caller
from tidings.core.clock import utc_now


async def change(client: httpx2.AsyncClient, caller: Caller, **body: object) -> httpx2.Response:
    return await client.patch("/api/v1/workspace", json=body, headers=caller.headers)


async def test_what_is_given_changes_and_the_rest_stays(client: httpx2.AsyncClient, workspace: Caller) -> None:
    answer = await change(client, workspace, timezone="Europe/Paris", settings={"retry_minutes": [1, 2.5], "max_attempts": 2})
    assert answer.status_code == 200
    await change(client, workspace, settings={"max_attempts": 5})
    shown = (await client.get("/api/v1/workspace", headers=workspace.headers)).json()
    assert (shown["name"], shown["timezone"], shown["default_region"]) == ("Acme", "Europe/Paris", "KE")
    assert shown["settings"] == {"retry_minutes": [1, 2.5], "max_attempts": 5}


@pytest.mark.parametrize(
    "body",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"default_region": "XX"},
        {"default_region": "ke"},
        {"default_locale": "klingon"},
        {"name": "  "},
        {"settings": {"retry_minutes": []}},
        {"settings": {"retry_minutes": [-1]}},
        {"settings": {"max_attempts": 0}},
        {"settings": {"colour": "red"}},
        {"owner": "me"},
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(client: httpx2.AsyncClient, workspace: Caller, body: dict[str, object]) -> None:
    before = (await client.get("/api/v1/workspace", headers=workspace.headers)).json()
    answer = await change(client, workspace, **body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].split(".")[0] == next(iter(body))
    assert (await client.get("/api/v1/workspace", headers=workspace.headers)).json() == before


@pytest.mark.parametrize("locale", ["en", "fr", "pt-BR", "zh-Hant-TW", "sw"])
async def test_languages_of_all_kinds_are_taken(client: httpx2.AsyncClient, workspace: Caller, locale: str) -> None:
    assert (await change(client, workspace, default_locale=locale)).json()["default_locale"] == locale


async def test_a_change_is_told_with_before_and_after(client: httpx2.AsyncClient, workspace: Caller) -> None:
    await change(client, workspace, name="Acme", timezone="Europe/Paris")
    await change(client, workspace, name="Acme")
    found = (await client.get("/api/v1/audit-log", params={"action": "workspace.changed"}, headers=workspace.headers)).json()["items"]
    assert [(one["before"], one["after"]) for one in found] == [({"timezone": "Africa/Nairobi"}, {"timezone": "Europe/Paris"})]


async def test_a_key_is_shown_once_works_and_is_revoked(client: httpx2.AsyncClient, workspace: Caller) -> None:
    body = {"name": "Shop", "scopes": ["workspace:read"]}
    made = (await client.post("/api/v1/api-keys", json=body, headers=workspace.headers)).json()
    own = {"Authorization": f"Bearer {made['secret']}"}
    assert (await client.get("/api/v1/workspace", headers=own)).status_code == 200
    assert (await client.get("/api/v1/members", headers=own)).status_code == 403
    listed = await client.get("/api/v1/api-keys", headers=workspace.headers)
    assert made["secret"] not in listed.text
    assert "secret" not in listed.json()["items"][0]
    assert listed.json()["items"][0]["last_used_at"] is not None
    assert (await client.delete(f"/api/v1/api-keys/{made['id']}", headers=workspace.headers)).status_code == 204
    assert (await client.get("/api/v1/workspace", headers=own)).status_code == 401


async def test_a_key_cannot_make_a_stronger_one(client: httpx2.AsyncClient, workspace: Caller) -> None:
    body = {"name": "Small", "scopes": ["api_keys:write"]}
    small = (await client.post("/api/v1/api-keys", json=body, headers=workspace.headers)).json()
    wish = {"name": "Big", "scopes": ["contacts:read"]}
    refused = await client.post("/api/v1/api-keys", json=wish, headers={"Authorization": f"Bearer {small['secret']}"})
    assert refused.status_code == 403
    assert len((await client.get("/api/v1/api-keys", headers=workspace.headers)).json()["items"]) == 2


async def test_a_key_cannot_end_in_the_past(client: httpx2.AsyncClient, workspace: Caller) -> None:
    past = (utc_now() - timedelta(minutes=1)).isoformat()
    body = {"name": "Old", "scopes": ["contacts:read"], "expires_at": past}
    assert (await client.post("/api/v1/api-keys", json=body, headers=workspace.headers)).status_code == 422


async def test_the_audit_log_is_narrowed_and_paged(client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller) -> None:
    for number in range(3):
        await client.post("/api/v1/api-keys", json={"name": f"K{number}", "scopes": ["contacts:read"]}, headers=workspace.headers)
    await change(client, workspace, name="Acme 2")

    async def log(**only: str | int) -> dict[str, list[dict[str, dict[str, str]]]]:
        answer = await client.get("/api/v1/audit-log", params=only, headers=workspace.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    first = await log(action="api_key", limit=2)
    second = await log(action="api_key", limit=2, cursor=first["next_cursor"])
    assert [one["after"]["name"] for one in first["items"] + second["items"]] == ["K2", "K1", "K0", "Tests"]
    assert second["next_cursor"] is None
    key = first["items"][0]["object"]["id"]
    assert [one["after"]["name"] for one in (await log(object=key))["items"]] == ["K2"]
    assert len((await log(object="workspace"))["items"]) == 2
    maker = first["items"][0]["actor"]["id"]
    assert len((await log(actor=maker))["items"]) == 4
    assert len((await log(actor="TES", object="api_key"))["items"]) == 4
    assert (await log(actor="%", object="api_key"))["items"] == []
    assert (await log(since=(utc_now() + timedelta(minutes=1)).isoformat()))["items"] == []
    assert (await client.get("/api/v1/audit-log", params={"cursor": "nonsense"}, headers=workspace.headers)).status_code == 422


async def test_nobody_can_rewrite_the_audit_log(client: httpx2.AsyncClient, workspace: Caller) -> None:
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert (await client.request(method, "/api/v1/audit-log", headers=workspace.headers)).status_code == 405
