"""Campaigns as a program makes, changes and steers them; nothing is sent here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contacts.builders import make_group
from tests.messages.site import Api, raw
from tidings.core.ids import show_id

EVERYONE = {"all": True}


async def create(api: Api, **more: Any) -> dict[str, Any]:
    return await api.post("/campaigns", {"name": "Sale", "text": "Hello", "audience": EVERYONE, **more})


async def test_a_campaign_begins_as_a_draft(api: Api) -> None:
    made = await create(api, name="  Sale  ")
    assert made["id"].startswith("cmp_")
    assert (made["name"], made["status"], made["version"], made["channel"]) == ("Sale", "draft", 1, api.channel)
    assert made["ledger"] == {
        "accepted": 0, "delivered": 0, "sent": 0, "failed": 0, "unknown": 0, "suppressed": 0, "cancelled": 0, "expired": 0,
        "waiting": 0, "balances": True,
    }  # fmt: skip
    assert await api.get(f"/campaigns/{made['id']}") == made


async def test_with_a_time_it_is_scheduled_and_without_one_a_draft_again(api: Api) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    made = await create(api, scheduled_at=at.isoformat())
    assert made["status"] == "scheduled"
    changed = (await api.ask("PATCH", f"/campaigns/{made['id']}", json={"scheduled_at": None})).json()
    assert (changed["status"], changed["scheduled_at"]) == ("draft", None)


async def test_only_what_is_given_is_changed(api: Api) -> None:
    made = await create(api, valid_for_seconds=60, delivery="at_least_once")
    changed = (await api.ask("PATCH", f"/campaigns/{made['id']}", json={"text": "Hello {{ name }}"})).json()
    assert changed["text"] == "Hello {{ name }}"
    same = ("name", "audience", "channel", "valid_for_seconds", "delivery", "scheduled_at")
    assert {key: changed[key] for key in same} == {key: made[key] for key in same}
    assert changed["version"] == 2


async def test_of_two_editors_the_second_is_told(api: Api) -> None:
    made = await create(api)
    tag = (await api.ask("GET", f"/campaigns/{made['id']}")).headers["ETag"]
    first = await api.ask("PATCH", f"/campaigns/{made['id']}", json={"text": "Mine"}, headers={"If-Match": tag})
    answer = await api.ask("PATCH", f"/campaigns/{made['id']}", 409, json={"text": "Theirs"}, headers={"If-Match": tag})
    assert answer.json()["code"] == "stale_version"
    await api.ask("PATCH", f"/campaigns/{made['id']}", 409, json={"text": "Theirs", "version": 1})
    assert (await api.get(f"/campaigns/{made['id']}"))["text"] == "Mine"
    await api.ask("PATCH", f"/campaigns/{made['id']}", json={"text": "Theirs"}, headers={"If-Match": first.headers["ETag"]})
    await api.ask("PATCH", f"/campaigns/{made['id']}", 422, json={"text": "Theirs"}, headers={"If-Match": '"new"'})


async def test_editors_at_the_same_moment_do_not_undo_each_other(api: Api) -> None:
    made = await create(api)
    texts = [f"Text {n}" for n in range(4)]
    answers = await asyncio.gather(
        *(
            api.client.patch(f"/api/v1/campaigns/{made['id']}", json={"text": one, "version": 1}, headers=api.caller.headers)
            for one in texts
        )
    )
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]


async def test_a_draft_can_be_deleted_and_a_launched_one_not(api: Api) -> None:
    made = await create(api)
    await api.ask("DELETE", f"/campaigns/{made['id']}", 204)
    await api.ask("GET", f"/campaigns/{made['id']}", 404)
    sent = await create(api, send_now=True)
    assert sent["status"] == "launching"
    answer = await api.ask("DELETE", f"/campaigns/{sent['id']}", 409)
    assert answer.json()["code"] == "cannot_delete"
    await api.ask("PATCH", f"/campaigns/{sent['id']}", 409, json={"text": "Too late"})
    await api.ask("PUT", f"/campaigns/{sent['id']}/launch", 409)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": "Hello {{ name"}, "text"),
        ({"text": "{% for x in y %}{% endfor %}"}, "text"),
        ({"text": "  "}, "text"),
        ({"name": ""}, "name"),
        ({"name": "nul\u0000"}, "name"),
        ({"audience": {}}, "audience"),
        ({"audience": {"groups": ["grp_01jefkwpvtfg8stfjabdp7v3mz"]}}, "audience.groups"),
        ({"audience": {"contacts": ["con_01jefkwpvtfg8stfjabdp7v3mz"]}}, "audience.contacts"),
        ({"audience": {"groups": ["nonsense"]}}, "audience.groups.0"),
        ({"scheduled_at": "2020-01-01T00:00:00Z"}, "scheduled_at"),
        ({"scheduled_at": "9999-12-31T23:59:59-12:00"}, "scheduled_at"),
        ({"valid_for_seconds": 10**12}, "valid_for_seconds"),
        ({"delivery": "perhaps"}, "delivery"),
        ({"send_now": True, "scheduled_at": "2090-01-01T00:00:00Z"}, ""),
    ],
)
async def test_what_cannot_be_is_refused_by_field(api: Api, change: dict[str, Any], field: str) -> None:
    body = {"name": "Sale", "text": "Hello", "audience": EVERYONE, **change}
    answer = await api.ask("POST", "/campaigns", 422, json=body)
    assert field in [one["field"] for one in answer.json()["errors"]]
    assert (await api.get("/campaigns"))["items"] == []


async def test_the_list_is_paged_searched_and_filtered(api: Api) -> None:
    ids = [(await create(api, name=f"Sale {n}"))["id"] for n in range(3)]
    sent = await create(api, name="Percent 100%", send_now=True)
    page = await api.get("/campaigns", params={"limit": 2})
    assert [one["id"] for one in page["items"]] == [sent["id"], ids[2]]
    page = await api.get("/campaigns", params={"limit": 2, "cursor": page["next_cursor"]})
    assert ([one["id"] for one in page["items"]], page["next_cursor"]) == ([ids[1], ids[0]], None)
    assert [one["id"] for one in (await api.get("/campaigns", params={"search": "0%"}))["items"]] == [sent["id"]]
    assert [one["id"] for one in (await api.get("/campaigns", params={"status": "draft"}))["items"]] == ids[::-1]


async def test_the_same_key_makes_one_campaign(api: Api) -> None:
    body = {"name": "Sale", "text": "Hello", "audience": EVERYONE, "send_now": True}
    headers = {"Idempotency-Key": "sale"}
    answers = await asyncio.gather(*(api.post("/campaigns", body, headers=headers) for _ in range(4)))
    assert len({one["id"] for one in answers}) == 1
    assert len((await api.get("/campaigns"))["items"]) == 1
    await api.ask("POST", "/campaigns", 409, json={**body, "text": "Other"}, headers=headers)


async def test_launching_twice_under_one_key_is_one_launch(api: Api) -> None:
    made = await create(api)
    headers = {"Idempotency-Key": "go"}
    first = await api.put(f"/campaigns/{made['id']}/launch", headers=headers)
    assert await api.put(f"/campaigns/{made['id']}/launch", headers=headers) == first
    await api.ask("PUT", f"/campaigns/{made['id']}/launch", 409)


async def test_a_disabled_channel_launches_nothing(api: Api) -> None:
    made = await create(api)
    await api.database.pool.execute("UPDATE channels SET enabled = false")
    answer = await api.ask("PUT", f"/campaigns/{made['id']}/launch", 409)
    assert answer.json()["code"] == "channel_disabled"
    assert (await api.get(f"/campaigns/{made['id']}"))["status"] == "draft"


async def test_another_workspace_sees_and_touches_none_of_it(api: Api, other_api: Api) -> None:
    made = await create(api)
    path = f"/campaigns/{made['id']}"
    tries = [
        ("GET", "", None), ("PATCH", "", {"text": "Stolen"}), ("DELETE", "", None), ("PUT", "/launch", None), ("PUT", "/pause", None),
        ("DELETE", "/pause", None), ("PUT", "/cancellation", None), ("POST", "/resends", {"statuses": ["failed"]}),
        ("GET", "/recipients", None), ("GET", "/export", None), ("GET", "/export?format=xlsx", None),
    ]  # fmt: skip
    for method, end, body in tries:
        await other_api.ask(method, path + end, 404, json=body)
    assert (await other_api.get("/campaigns"))["items"] == []
    group = await make_group(api.database.pool, api.caller.id, "VIPs")
    body = {"name": "Theirs", "text": "Hello", "audience": {"groups": [show_id("grp", group)]}}
    await other_api.ask("POST", "/campaigns", 422, json=body)
    await other_api.ask("POST", "/campaigns", 404, json={**body, "audience": EVERYONE, "channel": api.channel})
    assert (await api.get(path))["version"] == 1


async def test_every_change_is_in_the_audit_log(api: Api) -> None:
    made = await create(api)
    await api.ask("PATCH", f"/campaigns/{made['id']}", json={"text": "Other"})
    await api.put(f"/campaigns/{made['id']}/launch")
    await api.put(f"/campaigns/{made['id']}/pause")
    await api.ask("DELETE", f"/campaigns/{made['id']}/pause")
    await api.put(f"/campaigns/{made['id']}/cancellation")
    rows = await api.database.pool.fetch(
        "SELECT action, actor_label, before->>'text' AS before, after->>'text' AS after FROM audit_log WHERE object_id = $1 ORDER BY id",
        raw("cmp", made["id"]),
    )
    assert [row["action"] for row in rows] == [
        "campaign.created", "campaign.edited", "campaign.launched", "campaign.paused", "campaign.resumed", "campaign.cancelled",
    ]  # fmt: skip
    assert (rows[1]["before"], rows[1]["after"]) == ("Hello", "Other")
    assert {row["actor_label"] for row in rows} == {"Tests"}
