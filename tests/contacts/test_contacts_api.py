"""Contacts over the API."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller

URL = "/api/v1/contacts"


async def create(client: httpx2.AsyncClient, workspace: Caller, **values: Any) -> dict[str, Any]:
    answer = await client.post(URL, json=values, headers=workspace.headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def names(client: httpx2.AsyncClient, workspace: Caller, **query: Any) -> list[str]:
    answer = await client.get(URL, params=query, headers=workspace.headers)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


async def audit(app: FastAPI, workspace: Caller, action: str) -> list[dict[str, Any]]:
    rows = await app.state.database.pool.fetch(
        "SELECT actor_label, object_id, before, after FROM audit_log WHERE workspace_id = $1 AND action = $2 ORDER BY id",
        workspace.id,
        action,
    )
    return [dict(row) for row in rows]


async def test_a_contact_keeps_its_number_in_e164_and_its_timezone_is_guessed(client: httpx2.AsyncClient, workspace: Caller) -> None:
    made = await create(client, workspace, name="  Amina\n Hassan ", phone="0712 345-678", attributes={"city": "Nairobi"})
    assert (made["name"], made["phone"], made["timezone"]) == ("Amina Hassan", "+254712345678", "Africa/Nairobi")
    assert made["attributes"] == {"city": "Nairobi"}
    assert made["opted_out"] is False
    answer = await client.get(f"{URL}/{made['id']}", headers=workspace.headers)
    assert answer.json() == made | {"groups": []}


async def test_a_number_belongs_to_one_contact_and_the_answer_says_to_whom(client: httpx2.AsyncClient, workspace: Caller) -> None:
    first = await create(client, workspace, name="Amina", phone="0712345678")
    answer = await client.post(URL, json={"name": "Twin", "phone": "+254 712 345 678"}, headers=workspace.headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "contact_exists")
    assert "Amina" in problem["detail"]
    assert first["id"] in problem["detail"]
    assert await names(client, workspace) == ["Amina"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Nobody"}, "phone"),
        ({"phone": "0712"}, "phone"),
        ({"phone": "ask Grace"}, "phone"),
        ({"name": "x" * 201, "phone": "0712345678"}, "name"),
        ({"phone": "0712345678", "timezone": "Mars/Olympus"}, "timezone"),
        ({"phone": "0712345678", "locale": "klingonish"}, "locale"),
        ({"phone": "0712345678", "attributes": {"two words": 1}}, "attributes.two words"),
        ({"phone": "0712345678", "attributes": {f"a{n}": n for n in range(51)}}, "attributes"),
        ({"phone": "0712345678", "attributes": {"long": "x" * 17_000}}, "attributes"),
        ({"phone": "0712345678", "attributes": {"nul": "a\0b"}}, "attributes"),
        ({"points": [{"medium": "email", "address": "not an address"}]}, "phone"),
        ({"points": [{"medium": "pigeon", "address": "x"}]}, "points.0.medium"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_the_field(
    client: httpx2.AsyncClient, workspace: Caller, body: dict[str, Any], field: str
) -> None:
    answer = await client.post(URL, json=body, headers=workspace.headers)
    assert answer.status_code == 422, answer.text
    assert field in [one["field"] for one in answer.json()["errors"]]
    assert await names(client, workspace) == []


async def test_of_many_contacts_each_has_a_verdict(client: httpx2.AsyncClient, workspace: Caller, app: FastAPI) -> None:
    await create(client, workspace, name="There", phone="0712000001")
    bodies = [
        {"name": "A", "phone": "0712000002"}, {"name": "B", "phone": "0712000001"}, {"name": "C", "phone": "nope"},
        {"name": "D", "phone": "+254712000002"}, {"name": "E", "points": [{"medium": "email", "address": "E@Example.com"}]},
    ]  # fmt: skip
    answer = await client.post(f"{URL}/bulk", json={"contacts": bodies}, headers=workspace.headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["created"], body["refused"]) == (2, 3)
    assert [one["code"] for one in body["results"]] == [None, "contact_exists", "invalid", "contact_exists", None]
    assert await names(client, workspace) == ["E", "A", "There"]
    assert await names(client, workspace, search="e@example") == ["E"]
    (entry,) = await audit(app, workspace, "contact.bulk_created")
    assert '"count": 2' in entry["after"]


async def test_a_thousand_and_one_at_once_are_too_many(client: httpx2.AsyncClient, workspace: Caller) -> None:
    answer = await client.post(f"{URL}/bulk", json={"contacts": [{"phone": "1"}] * 1001}, headers=workspace.headers)
    assert answer.status_code == 422


async def test_a_change_touches_only_what_is_given(client: httpx2.AsyncClient, workspace: Caller, app: FastAPI) -> None:
    made = await create(client, workspace, name="Amina", phone="0712345678", locale="sw", attributes={"city": "Nairobi", "age": 30})
    url = f"{URL}/{made['id']}"
    changed = (await client.patch(url, json={"attributes": {"age": None, "vip": True}}, headers=workspace.headers)).json()
    assert changed["attributes"] == {"city": "Nairobi", "vip": True}
    assert (changed["name"], changed["locale"]) == ("Amina", "sw")

    changed = (await client.patch(url, json={"locale": None, "phone": "+256772123456"}, headers=workspace.headers)).json()
    assert (changed["locale"], changed["phone"], changed["timezone"]) == (None, "+256772123456", "Africa/Kampala")
    assert await names(client, workspace, search="+256772") == ["Amina"]
    assert await names(client, workspace, search="+254712") == []

    changed = (await client.patch(url, json={"timezone": "Europe/Paris"}, headers=workspace.headers)).json()
    changed = (await client.patch(url, json={"phone": "0712345678"}, headers=workspace.headers)).json()
    assert changed["timezone"] == "Europe/Paris", "what somebody set is not guessed over"
    entries = await audit(app, workspace, "contact.changed")
    assert len(entries) == 4
    assert '"sms:+256772123456"' in entries[1]["after"]


async def test_a_number_cannot_be_changed_to_somebody_elses(client: httpx2.AsyncClient, workspace: Caller) -> None:
    await create(client, workspace, name="Amina", phone="0712345678")
    bob = await create(client, workspace, name="Bob", phone="0712345679")
    answer = await client.patch(f"{URL}/{bob['id']}", json={"phone": "0712345678"}, headers=workspace.headers)
    assert answer.status_code == 409
    assert "Amina" in answer.json()["detail"]
    assert (await client.get(f"{URL}/{bob['id']}", headers=workspace.headers)).json()["phone"] == "+254712345679"


async def test_an_opt_out_outlives_the_contact(client: httpx2.AsyncClient, workspace: Caller, app: FastAPI) -> None:
    made = await create(client, workspace, name="Amina", phone="0712345678")
    url = f"{URL}/{made['id']}"
    out = (await client.put(f"{url}/opt-out", json={"reason": "by phone"}, headers=workspace.headers)).json()
    assert out["opted_out"] is True
    assert out["points"][0]["opt_out_source"] == "api"
    assert (await client.put(f"{url}/opt-out", headers=workspace.headers)).json() == out, "twice is once"
    assert await names(client, workspace, opted_out=True) == ["Amina"]
    assert await names(client, workspace, opted_out=False) == []

    assert (await client.delete(url, headers=workspace.headers)).status_code == 204
    assert (await client.get(url, headers=workspace.headers)).status_code == 404
    again = await create(client, workspace, name="Amina", phone="0712345678")
    assert again["opted_out"] is True

    back = (await client.delete(f"{URL}/{again['id']}/opt-out", headers=workspace.headers)).json()
    assert back["opted_out"] is False
    for action in ("contact.opted_out", "contact.opted_in", "contact.deleted"):
        assert len(await audit(app, workspace, action)) == 1, action


async def test_an_opt_out_of_one_medium_leaves_the_others(client: httpx2.AsyncClient, workspace: Caller) -> None:
    made = await create(client, workspace, phone="0712345678", points=[{"medium": "email", "address": "a@example.com"}])
    url = f"{URL}/{made['id']}/opt-out"
    out = (await client.put(url, json={"medium": "sms"}, headers=workspace.headers)).json()
    assert [bool(point["opted_out_at"]) for point in out["points"]] == [True, False]
    assert (await client.put(url, json={"medium": "telegram"}, headers=workspace.headers)).status_code == 422


async def test_addresses_come_and_go_but_the_last_stays(client: httpx2.AsyncClient, workspace: Caller) -> None:
    made = await create(client, workspace, name="Amina", phone="0712345678")
    url = f"{URL}/{made['id']}/points"
    two = (await client.post(url, json={"medium": "email", "address": "Amina@Example.com"}, headers=workspace.headers)).json()
    assert [point["address"] for point in two["points"]] == ["+254712345678", "amina@example.com"]
    assert await names(client, workspace, search="amina@exa") == ["Amina"]
    twice = await client.post(url, json={"medium": "email", "address": "amina@example.com"}, headers=workspace.headers)
    assert twice.status_code == 409

    one = await client.delete(f"{url}/{two['points'][1]['id']}", headers=workspace.headers)
    assert len(one.json()["points"]) == 1
    assert await names(client, workspace, search="amina@exa") == []
    last = await client.delete(f"{url}/{two['points'][0]['id']}", headers=workspace.headers)
    assert last.status_code == 409


async def test_a_list_goes_on_where_it_left_off_newest_first(client: httpx2.AsyncClient, workspace: Caller) -> None:
    for number in range(5):
        await create(client, workspace, name=f"C{number}", phone=f"071200000{number}")
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(URL, params=params, headers=workspace.headers)).json()
        seen += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == ["C4", "C3", "C2", "C1", "C0"]
    assert (await client.get(URL, params={"cursor": "bm9uc2Vuc2U"}, headers=workspace.headers)).status_code == 422


async def test_another_workspace_finds_nothing_of_it(client: httpx2.AsyncClient, workspace: Caller, other_workspace: Caller) -> None:
    made = await create(client, workspace, name="Amina", phone="0712345678")
    headers = other_workspace.headers
    assert await names(client, other_workspace, search="amina") == []
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/opt-out"), ("DELETE", "/opt-out"), ("POST", "/points")):
        answer = await client.request(
            method, f"{URL}/{made['id']}{path}", headers=headers,
            json={"medium": "email", "address": "a@b.example"} if path == "/points" else {"name": "x"} if method == "PATCH" else None,
        )  # fmt: skip
        assert answer.status_code == 404, (method, path, answer.text)
    twin = await create(client, other_workspace, name="Theirs", phone="0712345678")
    assert twin["id"] != made["id"]


async def test_the_same_request_under_one_key_makes_one_contact(client: httpx2.AsyncClient, workspace: Caller) -> None:
    headers = workspace.headers | {"Idempotency-Key": "contact-1"}
    body = {"name": "Amina", "phone": "0712345678"}
    first = await client.post(URL, json=body, headers=headers)
    second = await client.post(URL, json=body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert await names(client, workspace) == ["Amina"]
