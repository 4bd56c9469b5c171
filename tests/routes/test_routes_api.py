"""Routes over the API: kept, refused, obeyed by a running worker, and told."""

from __future__ import annotations

from typing import Any

from tests.messages.site import Api, raw, until
from tests.statements import counted

FAILS = "+254715550002"
SENT_ONLY = "+254715550009"


async def second_channel(api: Api, medium: str = "whatsapp") -> str:
    """A sandbox that reaches people by another medium."""
    made = await api.post("/channels", {"name": f"Sandbox {medium}", "provider": "sandbox", "fields": {}})
    await api.database.pool.execute("UPDATE channels SET medium = $2 WHERE id = $1", raw("chn", made["id"]), medium)
    return made["id"]


async def make_route(api: Api, *steps: dict[str, Any], **more: Any) -> Any:
    return await api.post("/routes", {"name": "Main", "steps": list(steps), **more})


async def two_steps(api: Api, **first: Any) -> tuple[Any, str]:
    other = await second_channel(api)
    return await make_route(api, {"channel": api.channel, **first}, {"channel": other}, **{"class": "transactional"}), other


async def test_a_route_is_made_shown_changed_and_deleted(api: Api, other_api: Api) -> None:
    route, other = await two_steps(api, wished="delivered", wait_seconds=60)
    assert route["class"] == "transactional"
    assert route["steps"] == [
        {"channel": api.channel, "wished": "delivered", "wait_seconds": 60}, {"channel": other, "wished": "sent", "wait_seconds": None},
    ]  # fmt: skip
    assert (await api.get("/routes"))["items"] == [route] == [await api.get(f"/routes/{route['id']}")]
    changed = await api.put(f"/routes/{route['id']}", json={"name": "Codes", "steps": [{"channel": other}, {"channel": api.channel}]})
    assert ([one["channel"] for one in changed["steps"]], changed["class"]) == ([other, api.channel], None)
    assert await other_api.ask("GET", f"/routes/{route['id']}", 404)
    await other_api.ask("POST", "/routes", 404, json={"name": "Theirs", "steps": [{"channel": api.channel}]})
    await api.ask("DELETE", f"/routes/{route['id']}", 204)
    assert (await api.get("/routes"))["items"] == []
    await api.ask("POST", "/messages", 404, json={"to": FAILS, "text": "Hi", "route": route["id"]})
    actions = await api.database.pool.fetch("SELECT action FROM audit_log WHERE object_kind = 'route' ORDER BY id")
    assert [one["action"] for one in actions] == ["route.created", "route.changed", "route.deleted"]


async def test_a_route_is_refused_with_a_reason(api: Api) -> None:
    await two_steps(api)
    for body, status, word in (
        ({"name": "Main", "steps": [{"channel": api.channel}]}, 409, "named"),
        ({"name": "Two", "class": "transactional", "steps": [{"channel": api.channel}]}, 409, "class"),
        ({"name": "Twice", "steps": [{"channel": api.channel}] * 2}, 422, "once"),
        ({"name": "None", "steps": []}, 422, "steps"),
    ):
        answer = await api.ask("POST", "/routes", status, json=body)
        assert word in answer.text, answer.text


async def test_a_message_falls_back_and_every_try_is_told(api: Api, worker: None) -> None:
    route, other = await two_steps(api)
    made = await api.post(
        "/messages", {"to": {"sms": FAILS, "whatsapp": "+254712000001"}, "text": "Your code is 4711.", "class": "transactional"}
    )
    assert made["route"] == route["id"]

    async def told() -> Any:
        found = await api.get(f"/messages/{made['id']}")
        return found if len(found["tries"]) == 2 and found["tries"][1]["status"] == "delivered" else None

    found = await until(told)
    first, second = found["tries"]
    assert (first["channel"], first["status"], first["error_code"], first["counted"]) == (api.channel, "failed", "unreachable", False)
    assert (second["channel"], second["to"], second["counted"]) == (other, "+254712000001", True)
    assert not found["double_delivery"]
    assert (await api.get(f"/messages/{second['message']}"))["try_of"] == made["id"]
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert any(step["kind"] == "other_try" and "Sandbox whatsapp" in step["sentence"] for step in story["steps"])


async def test_two_that_arrive_are_told_as_a_double_delivery(api: Api, worker: None) -> None:
    route, _ = await two_steps(api, wished="delivered", wait_seconds=5)
    made = await api.post("/messages", {"to": {"sms": SENT_ONLY, "whatsapp": "+254712000001"}, "text": "Hello", "route": route["id"]})

    async def second_arrived() -> Any:
        found = await api.get(f"/messages/{made['id']}")
        return found if len(found["tries"]) == 2 and found["tries"][1]["status"] == "delivered" else None

    await until(second_arrived)
    await api.database.pool.execute("UPDATE messages SET status = 'delivered', delivered_at = now() WHERE id = $1", raw("msg", made["id"]))
    found = await api.get(f"/messages/{made['id']}")
    assert found["double_delivery"]
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert "double delivery" in " ".join(step["sentence"] for step in story["steps"])


async def test_a_contact_is_written_to_where_they_can_be(api: Api) -> None:
    route, other = await two_steps(api)
    contact = await api.post("/contacts", {"name": "Amina", "points": [{"medium": "whatsapp", "address": "+254712000001"}]})
    made = await api.post("/messages", {"to": contact["id"], "text": "Hello", "route": route["id"]})
    assert (made["channel"], made["to"], made["contact"]) == (other, "+254712000001", contact["id"])
    (only,) = (await api.get(f"/messages/{made['id']}"))["tries"]
    assert only["skipped"] == [{"channel": api.channel, "reason": "no_address"}]
    nowhere = await api.post("/contacts", {"name": "Nowhere", "points": [{"medium": "email", "address": "a@shop.example"}]})
    refused = await api.ask("POST", "/messages", 422, json={"to": nowhere["id"], "text": "Hello", "route": route["id"]})
    assert "no address" in refused.json()["detail"]
    await api.ask("POST", "/messages", 422, json={"to": {"sms": FAILS}, "text": "Hello"})
    await api.ask("POST", "/messages", 422, json={"to": FAILS, "text": "Hello", "route": route["id"], "channel": api.channel})
    bulk = await api.post(
        "/messages/bulk", {"text": "Hi", "route": route["id"], "messages": [{"to": contact["id"]}, {"to": nowhere["id"]}]}
    )
    assert (bulk["accepted"], bulk["refused"]) == (1, 1)


async def test_a_campaign_by_a_route_balances(api: Api, worker: None) -> None:
    route, _ = await two_steps(api)
    await api.make_contact("Reached", "+254712000001")
    failing = await api.make_contact("Fails at first", FAILS)
    await api.database.pool.execute(
        "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, new_id(), $2, 'whatsapp', '+254712000002')",
        api.caller.id, failing,
    )  # fmt: skip
    body = {"name": "Sale", "text": "Hello {{ first_name }}", "audience": {"all": True}, "route": route["id"], "send_now": True}
    campaign = await api.post("/campaigns", body)
    assert campaign["route"] == route["id"]
    await api.ask("DELETE", f"/routes/{route['id']}", 204 if campaign["status"] != "launching" else 409)

    async def done() -> Any:
        found = await api.get(f"/campaigns/{campaign['id']}")
        assert found["ledger"]["balances"] or found["status"] == "launching"
        return found if found["finished_at"] else None

    ledger = (await until(done))["ledger"]
    assert (ledger["accepted"], ledger["delivered"], ledger["failed"]) == (2, 2, 0)


async def test_a_message_without_a_route_asks_the_database_nothing_more(api: Api) -> None:
    with counted() as seen:
        await api.post("/messages", {"to": "+254712000001", "text": "Hello"})
    assert not [one for one in seen if "route_steps" in one or "fallbacks" in one or "FROM routes" in one]
