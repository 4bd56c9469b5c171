"""Messages as a program sends, finds and takes them back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.messages.site import Api, raw, until

ME = "+254711000001"


async def send(api: Api, **more: Any) -> dict[str, Any]:
    return await api.post("/messages", {"to": ME, "text": "Hello", **more})


async def test_a_message_is_accepted_and_told_back(api: Api) -> None:
    answer = await api.ask("POST", "/messages", 202, json={"to": "0711 000 001", "text": "Hello", "reference": "order-1"})
    made = answer.json()
    assert made["id"].startswith("msg_")
    assert (made["to"], made["from"], made["status"], made["text"]) == (ME, None, "queued", "Hello")
    assert (made["channel"], made["reference"], made["created_by"], made["urgency"]) == (api.channel, "order-1", "Tests", "transactional")
    assert made["created_at"].endswith("Z")
    again = await api.get(f"/messages/{made['id']}")
    assert again == {**made, "attempts": [], "tries": [], "double_delivery": False}


async def test_it_is_delivered_and_its_story_told(api: Api, worker: None) -> None:
    made = await send(api)
    done = await until(lambda: delivered(api, made["id"]))
    assert done["attempt_count"] == 1
    assert (done["segments"], done["cost"]) == (1, {"amount": "0.00", "currency": "credits"})
    assert [one["outcome"] for one in done["attempts"]] == ["accepted"]
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert story["summary"] == "It arrived, as the provider says."
    assert [step["kind"] for step in story["steps"]] == ["accepted", "attempt"]
    assert story["steps"][0]["sentence"] == f"Accepted from Tests, to go to {ME} by the channel “Sandbox”."
    assert story["steps"][1]["sentence"].startswith("Attempt 1: the provider took it as sandbox_msg_")


async def delivered(api: Api, message_id: str) -> Any:
    found = await api.get(f"/messages/{message_id}")
    return found if found["status"] == "delivered" else None


async def ended(api: Api, message_id: str) -> Any:
    found = await api.get(f"/messages/{message_id}")
    return found if found["status"] not in {"queued", "sending"} else None


async def test_a_number_that_does_not_exist_fails_with_reasons(api: Api, worker: None) -> None:
    made = await send(api, to="+254715550001")
    done = await until(lambda: ended(api, made["id"]))
    assert done["status"] == "failed"
    assert done["error"] == {
        "code": "invalid_address",
        "meaning": "The number or address does not exist or cannot receive this kind of message.",
        "detail": "Sandbox: this number does not exist.",
        "provider_code": None,
    }
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert "refused it" in story["steps"][1]["sentence"]
    assert "Sandbox: this number does not exist." in story["steps"][1]["sentence"]
    assert story["steps"][-1]["kind"] == "ended"
    assert story["summary"].startswith("Failed for good.")


async def test_an_uncertain_end_is_unknown_where_no_copy_is_wished(api: Api, worker: None) -> None:
    made = await send(api, to="+254715550004", delivery="at_most_once")
    done = await until(lambda: ended(api, made["id"]))
    assert (done["status"], done["possible_duplicate"]) == ("unknown", False)
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert "not sent again on a guess" in story["summary"]


async def test_who_opted_out_is_not_written_to_and_the_story_says_why(api: Api, worker: None) -> None:
    await api.database.pool.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'sms', $2, 'keyword')", api.caller.id, ME
    )
    made = await send(api)
    done = await until(lambda: ended(api, made["id"]))
    assert done["suppression"] == {"reason": "opted_out", "meaning": "The recipient asked not to be written to."}
    assert done["attempts"] == []
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert story["summary"] == "Not sent, on purpose. The recipient asked not to be written to."


async def test_variables_make_the_text_a_template(api: Api) -> None:
    made = await send(api, text="Hello {{ name|default('there') }}", variables={"name": "Amina"})
    assert made["text"] == "Hello Amina"
    made = await send(api, text="Hello {{ name|default('there') }}", variables={"name": None})
    assert made["text"] == "Hello there"


async def test_without_variables_the_text_is_sent_as_it_stands(api: Api) -> None:
    assert (await send(api, text="Hello {{ name }}"))["text"] == "Hello {{ name }}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": "12", "text": "Hello"}, "to"),
        ({"to": ME, "text": "   "}, "text"),
        ({"to": ME, "text": "Hello {{ name }}", "variables": {}}, "variables"),
        ({"to": ME, "text": "{% for x in y %}{% endfor %}", "variables": {}}, "text"),
        ({"to": ME, "text": "nul \u0000"}, "text"),
        ({"to": ME}, "text"),
        ({"to": ME, "text": "Hello", "channel": "chn_nonsense"}, "channel"),
        ({"to": ME, "text": "Hello", "send_at": "2026-12-01T09:00:00"}, "send_at"),
        ({"to": ME, "text": "Hello", "send_at": "2090-12-01T09:00:00Z"}, "send_at"),
        ({"to": ME, "text": "Hello", "valid_for_seconds": 0}, "valid_for_seconds"),
        ({"to": ME, "text": "Hello", "extra": 1}, "extra"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = await api.ask("POST", "/messages", 422, json=body)
    assert field in [one["field"] for one in answer.json()["errors"]]
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages") == 0


async def test_half_a_surrogate_pair_is_refused_as_no_text(api: Api) -> None:
    answer = await api.ask(
        "POST", "/messages", 422, content=b'{"to": "+254711000001", "text": "half \\ud83d"}', headers={"Content-Type": "application/json"}
    )
    assert answer.json()["code"] == "invalid"


async def test_an_unknown_channel_is_not_found(api: Api, other_api: Api) -> None:
    await api.ask("POST", "/messages", 404, json={"to": ME, "text": "Hello", "channel": other_api.channel})


async def test_a_medium_without_a_channel_is_a_conflict(api: Api) -> None:
    answer = await api.ask("POST", "/messages", 409, json={"to": ME, "text": "Hello", "medium": "email"})
    assert answer.json()["code"] == "no_channel"


async def test_a_scheduled_message_waits_and_can_be_taken_back_once(api: Api) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    made = await send(api, send_at=at.isoformat())
    assert made["status"] == "scheduled"
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert story["summary"] == f"Waits for its time, {at:%Y-%m-%d %H:%M:%S} UTC."
    cancelled = await api.put(f"/messages/{made['id']}/cancellation")
    assert cancelled["status"] == "cancelled"
    answer = await api.ask("PUT", f"/messages/{made['id']}/cancellation", 409)
    assert "cancelled" in answer.json()["detail"]
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert story["summary"] == "Cancelled by a person before it left."


async def test_a_message_scheduled_in_a_moment_leaves_then(api: Api, worker: None) -> None:
    made = await send(api, send_at=(datetime.now(UTC) + timedelta(seconds=1.5)).isoformat())
    done = await until(lambda: delivered(api, made["id"]))
    assert done["sent_at"] >= done["due_at"]


async def test_a_waiting_message_says_what_it_waits_for(api: Api) -> None:
    made = await send(api)
    await api.database.pool.execute(
        "UPDATE channels SET stopped_code = 'insufficient_balance', stopped_detail = 'No money left.', stopped_at = now()"
    )
    story = await api.get(f"/messages/{made['id']}/timeline")
    assert story["summary"] == "Waits: the channel “Sandbox” is stopped until somebody mends it. No money left."


async def test_a_list_is_filtered_and_paged_newest_first(api: Api) -> None:
    contact = await api.make_contact("Amina", ME)
    ids = [(await send(api, reference=f"r{n % 2}"))["id"] for n in range(5)]
    stranger = await send(api, to="+254711999999")
    page = await api.get("/messages", params={"limit": 2, "to": ME})
    assert [one["id"] for one in page["items"]] == ids[:-3:-1]
    page = await api.get("/messages", params={"limit": 2, "to": ME, "cursor": page["next_cursor"]})
    assert [one["id"] for one in page["items"]] == ids[2:0:-1]
    page = await api.get("/messages", params={"limit": 2, "to": "0711000001", "cursor": page["next_cursor"]})
    assert [one["id"] for one in page["items"]] == ids[:1]
    assert page["next_cursor"] is None
    assert await listed(api, to="0711 999 999") == [stranger["id"]]
    assert await listed(api, reference="r1") == [ids[3], ids[1]]
    assert await listed(api, contact=page["items"][0]["contact"]) == ids[::-1]
    assert raw("con", page["items"][0]["contact"]) == contact
    assert await listed(api, status="delivered") == []
    assert len(await listed(api, status=["queued", "failed"])) == 6
    assert await listed(api, direction="in") == []
    assert len(await listed(api, channel=api.channel)) == 6
    middle = (await api.get(f"/messages/{ids[2]}"))["created_at"]
    assert await listed(api, since=middle, to=ME) == ids[:1:-1]
    assert await listed(api, until=middle, to=ME) == ids[1::-1]


async def listed(api: Api, **params: Any) -> list[str]:
    return [one["id"] for one in (await api.get("/messages", params=params))["items"]]


async def test_a_cursor_of_another_making_is_refused(api: Api) -> None:
    for cursor in ("nonsense", "WzFd", "W251bGxd"):
        await api.ask("GET", "/messages", 422, params={"cursor": cursor})


async def test_another_workspace_sees_none_of_it(api: Api, other_api: Api) -> None:
    made = await send(api)
    for method, path in (("GET", ""), ("GET", "/timeline"), ("PUT", "/cancellation")):
        await other_api.ask(method, f"/messages/{made['id']}{path}", 404)
    assert (await other_api.get("/messages"))["items"] == []
    assert (await api.get(f"/messages/{made['id']}"))["status"] == "queued"


@pytest.mark.parametrize("nonsense", ["msg_", "msg_nonsense", "cmp_01jefkwpvtfg8stfjabdp7v3mz", "1", "msg_01jefkwpvtfg8stfjabdp7v3mz"])
async def test_an_id_that_is_none_is_not_found(api: Api, nonsense: str) -> None:
    await api.ask("GET", f"/messages/{nonsense}", 404)


async def test_nobody_without_a_key_gets_in(api: Api) -> None:
    answer = await api.client.post("/api/v1/messages", json={"to": ME, "text": "Hello"})
    assert answer.status_code == 401


async def test_the_same_key_sends_once_and_answers_twice(api: Api) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first = await api.post("/messages", {"to": ME, "text": "Hello"}, headers=headers)
    again = await api.ask("POST", "/messages", 202, json={"text": "Hello", "to": ME}, headers=headers)
    assert again.json() == first
    assert again.headers["Idempotency-Replayed"] == "true"
    answer = await api.ask("POST", "/messages", 409, json={"to": ME, "text": "Goodbye"}, headers=headers)
    assert answer.json()["code"] == "idempotency_conflict"
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages") == 1


async def test_twins_at_the_same_moment_send_once(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.post("/messages", {"to": ME, "text": "Hello"}, headers={"Idempotency-Key": "twin"}) for _ in range(4))
    )
    assert len({one["id"] for one in answers}) == 1
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages") == 1


async def test_a_refused_request_keeps_no_key(api: Api) -> None:
    headers = {"Idempotency-Key": "typo"}
    await api.ask("POST", "/messages", 422, json={"to": "12", "text": "Hello"}, headers=headers)
    await api.ask("POST", "/messages", 202, json={"to": ME, "text": "Hello"}, headers=headers)


async def test_many_at_once_are_judged_one_by_one(api: Api) -> None:
    contact = await api.make_contact("Amina", ME)
    body = {
        "text": "Hello {{ name }}",
        "messages": [
            {"to": ME, "variables": {"name": "Amina"}, "reference": "a"},
            {"to": "12", "variables": {"name": "Nobody"}},
            {"to": "+254711000002", "variables": {}},
            {"to": "+254711000003", "text": "Plain"},
        ],
    }
    verdict = await api.post("/messages/bulk", body, headers={"Idempotency-Key": "bulk"})
    assert (verdict["accepted"], verdict["refused"]) == (2, 2)
    assert [one["id"] is not None for one in verdict["items"]] == [True, False, False, True]
    assert verdict["items"][1]["error"]["code"] == "invalid"
    assert "name" in verdict["items"][2]["error"]["detail"]
    first = await api.get(f"/messages/{verdict['items'][0]['id']}")
    assert (first["text"], raw("con", first["contact"])) == ("Hello Amina", contact)
    assert await api.post("/messages/bulk", body, headers={"Idempotency-Key": "bulk"}) == verdict
    assert await api.database.pool.fetchval("SELECT count(*) FROM messages") == 2


async def test_a_thousand_at_once_and_no_more(api: Api) -> None:
    many = [{"to": f"+25471{n:07}", "text": "Hello"} for n in range(1001)]
    await api.ask("POST", "/messages/bulk", 422, json={"messages": many})
    assert (await api.post("/messages/bulk", {"messages": many[:1000]}))["accepted"] == 1000


async def test_who_asks_too_often_is_told_when_to_come_again(api: Api, app: Any) -> None:
    app.state.settings = app.state.settings.model_copy(update={"send_requests_per_minute": 2})
    for _ in range(2):
        await send(api)
    answer = await api.ask("POST", "/messages", 429, json={"to": ME, "text": "Hello"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 120
    assert len(await listed(api)) == 2
