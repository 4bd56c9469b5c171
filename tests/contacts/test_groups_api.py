"""Groups over the API."""

from __future__ import annotations

from typing import Any

import httpx2
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.contacts.test_contacts_api import audit, create

URL = "/api/v1/groups"


async def make(client: httpx2.AsyncClient, workspace: Caller, name: str) -> dict[str, Any]:
    answer = await client.post(URL, json={"name": name}, headers=workspace.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def put(client: httpx2.AsyncClient, workspace: Caller, group: dict[str, Any], *contacts: dict[str, Any]) -> httpx2.Response:
    body = {"contacts": [one["id"] for one in contacts]}
    return await client.put(f"{URL}/{group['id']}/contacts", json=body, headers=workspace.headers)


async def count(client: httpx2.AsyncClient, workspace: Caller, group: dict[str, Any]) -> int:
    return int((await client.get(f"{URL}/{group['id']}", headers=workspace.headers)).json()["contact_count"])


async def test_a_groups_name_is_its_own_in_any_case(client: httpx2.AsyncClient, workspace: Caller, app: FastAPI) -> None:
    made = await make(client, workspace, "  Customers ")
    assert (made["name"], made["contact_count"]) == ("Customers", 0)
    twin = await client.post(URL, json={"name": "CUSTOMERS"}, headers=workspace.headers)
    assert (twin.status_code, twin.json()["code"]) == (409, "group_exists")
    assert twin.json()["errors"] == [{"field": "name", "message": f"is taken by {made['id']}"}]

    other = await make(client, workspace, "Friends")
    renamed = await client.patch(f"{URL}/{other['id']}", json={"name": "customers"}, headers=workspace.headers)
    assert renamed.status_code == 409
    assert (await client.patch(f"{URL}/{made['id']}", json={"name": "CUSTOMERS"}, headers=workspace.headers)).json()["name"] == "CUSTOMERS"
    assert len(await audit(app, workspace, "group.created")) == 2
    assert len(await audit(app, workspace, "group.changed")) == 1


async def test_a_contact_is_in_a_group_once_and_the_count_is_always_right(
    client: httpx2.AsyncClient, workspace: Caller, app: FastAPI
) -> None:
    group, second = await make(client, workspace, "Customers"), await make(client, workspace, "Friends")
    ann = await create(client, workspace, name="Ann", phone="0712000001")
    bob = await create(client, workspace, name="Bob", phone="0712000002")
    assert (await put(client, workspace, group, ann, bob)).json() == {"changed": 2, "contact_count": 2}
    assert (await put(client, workspace, group, ann)).json() == {"changed": 0, "contact_count": 2}
    await put(client, workspace, second, ann)

    listed = (await client.get(f"{URL}/{group['id']}/contacts", headers=workspace.headers)).json()["items"]
    assert [one["name"] for one in listed] == ["Bob", "Ann"]
    detail = (await client.get(f"/api/v1/contacts/{ann['id']}", headers=workspace.headers)).json()
    assert [one["name"] for one in detail["groups"]] == ["Customers", "Friends"]

    removal = await client.post(f"{URL}/{group['id']}/contacts/removal", json={"contacts": [bob["id"]]}, headers=workspace.headers)
    assert removal.json() == {"changed": 1, "contact_count": 1}
    await client.delete(f"/api/v1/contacts/{ann['id']}", headers=workspace.headers)
    assert [await count(client, workspace, one) for one in (group, second)] == [0, 0]
    assert len(await audit(app, workspace, "group.contacts_added")) == 2
    assert len(await audit(app, workspace, "group.contacts_removed")) == 1


async def test_a_group_goes_and_its_contacts_stay(client: httpx2.AsyncClient, workspace: Caller) -> None:
    group = await make(client, workspace, "Customers")
    ann = await create(client, workspace, name="Ann", phone="0712000001")
    await put(client, workspace, group, ann)
    assert (await client.delete(f"{URL}/{group['id']}", headers=workspace.headers)).status_code == 204
    assert (await client.get(f"{URL}/{group['id']}", headers=workspace.headers)).status_code == 404
    assert (await client.get(f"/api/v1/contacts/{ann['id']}", headers=workspace.headers)).status_code == 200


async def test_groups_are_listed_by_name_and_found_by_a_fragment(client: httpx2.AsyncClient, workspace: Caller) -> None:
    for name in ("Écoles", "bakers", "Clients", "Another"):
        await make(client, workspace, name)
    first = (await client.get(URL, params={"limit": 3}, headers=workspace.headers)).json()
    rest = (await client.get(URL, params={"limit": 3, "cursor": first["next_cursor"]}, headers=workspace.headers)).json()
    assert [one["name"] for one in first["items"] + rest["items"]] == ["Another", "bakers", "Clients", "Écoles"]
    found = (await client.get(URL, params={"search": "ecol"}, headers=workspace.headers)).json()
    assert [one["name"] for one in found["items"]] == ["Écoles"]


async def test_a_group_of_another_workspace_is_not_there(client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller) -> None:
    group = await make(client, workspace, "Customers")
    theirs = await create(client, other_workspace, name="Eve", phone="0712000009")
    url = f"{URL}/{group['id']}"
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/contacts"),
        ("PUT", "/contacts"),
        ("POST", "/contacts/removal"),
    ):
        body = {"contacts": [theirs["id"]]} if "contacts" in path and method != "GET" else {"name": "x"} if method == "PATCH" else None
        assert (await client.request(method, f"{url}{path}", json=body, headers=other_workspace.headers)).status_code == 404, (method, path)
    refused = await put(client, workspace, group, theirs)
    assert refused.status_code == 422
    assert theirs["id"] in refused.json()["errors"][0]["message"]
    listed = await client.get("/api/v1/contacts", params={"group": group["id"]}, headers=other_workspace.headers)
    assert listed.status_code == 404
