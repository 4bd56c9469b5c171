"""The numbers that pages show, always sums of counters and always right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.messages.site import Api, raw, until
from tidings.core.ids import new_id
from tidings.insights import housekeeping


async def write_messages(api: Api, count: int, status: str, *, at: datetime | None = None, channel: str | None = None) -> None:
    """Messages made at a moment that now stand like this."""
    moment = at or datetime.now(UTC)
    await api.database.pool.execute(
        """
        INSERT INTO messages
            (workspace_id, id, channel_id, medium, address, text, status, direction, created_at, claimed_at, suppression, error_code)
        SELECT $1, n.id, $3, 'sms', '+254711000001', 'Hello', $4::text, CASE WHEN $4 = 'received' THEN 'in' ELSE 'out' END, $5, now(),
               CASE WHEN $4 = 'suppressed' THEN 'opted_out' END, CASE WHEN $4 = 'failed' THEN 'unreachable' END
        FROM unnest($2::uuid[]) AS n (id)
        """,
        api.caller.id, [new_id() for _ in range(count)], raw("chn", channel or api.channel), status, moment,
    )  # fmt: skip


async def test_each_message_counts_once_in_the_state_it_is_in_now(api: Api, worker: None) -> None:
    for to in ("+254711000001", "+254711000002", "+254715550001"):
        await api.post("/messages", {"to": to, "text": "Hello"})

    async def settled() -> Any:
        stats = await api.get("/stats")
        return stats if stats["totals"] == {"delivered": 2, "failed": 1} else None

    stats = await until(settled)
    assert stats["timezone"] == "Africa/Nairobi"
    assert {(one["channel"], one["status"], one["count"]) for one in stats["items"]} == {
        (api.channel, "delivered", 2),
        (api.channel, "failed", 1),
    }
    assert (datetime.fromisoformat(stats["until"]) - datetime.fromisoformat(stats["since"])).days == 29


async def test_days_are_the_workspaces_own(api: Api) -> None:
    midnight = datetime(2026, 11, 10, 21, 0, tzinfo=UTC)  # in Nairobi
    await write_messages(api, 2, "sent", at=midnight - timedelta(minutes=1))
    await write_messages(api, 3, "sent", at=midnight)
    stats = await api.get("/stats", params={"since": "2026-11-10", "until": "2026-11-11"})
    assert [(one["day"], one["count"]) for one in stats["items"]] == [("2026-11-10", 2), ("2026-11-11", 3)]
    stats = await api.get("/stats", params={"since": "2026-11-11", "until": "2026-11-11"})
    assert stats["totals"] == {"sent": 3}


@pytest.mark.parametrize("timezone", ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"])
async def test_days_that_begin_at_odd_minutes_are_told_apart(api: Api, timezone: str) -> None:
    await api.database.pool.execute("UPDATE workspaces SET timezone = $1 WHERE id = $2", timezone, api.caller.id)
    midnight = await api.database.pool.fetchval("SELECT '2026-11-11'::timestamp AT TIME ZONE $1", timezone)
    await write_messages(api, 2, "sent", at=midnight - timedelta(seconds=1))
    await write_messages(api, 3, "sent", at=midnight)
    stats = await api.get("/stats", params={"since": "2026-11-10", "until": "2026-11-11"})
    assert [(one["day"], one["count"]) for one in stats["items"]] == [("2026-11-10", 2), ("2026-11-11", 3)]


@pytest.mark.parametrize(
    "days", [{"since": "2026-11-11", "until": "2026-11-10"}, {"since": "2020-01-01", "until": "2026-11-10"}, {"since": "x"}]
)
async def test_days_that_make_no_sense_are_refused(api: Api, days: dict[str, str]) -> None:
    await api.ask("GET", "/stats", 422, params=days)


async def test_the_dashboard_tells_the_workspace_at_a_glance(api: Api, other_api: Api) -> None:
    await api.make_contacts(4)
    now = datetime.now(UTC)
    for status, count in {
        "delivered": 5,
        "read": 1,
        "sent": 2,
        "failed": 3,
        "unknown": 1,
        "queued": 4,
        "suppressed": 2,
        "received": 6,
    }.items():
        await write_messages(api, count, status)
    await write_messages(api, 10, "delivered", at=now - timedelta(days=32))
    await write_messages(other_api, 100, "delivered")
    made = await api.post("/campaigns", {"name": "Sale", "text": "Hello", "audience": {"all": True}})
    await api.database.pool.execute(
        "UPDATE channels SET balance_micros = 12500000, balance_currency = 'KES', balance_at = now() WHERE id = $1", raw("chn", api.channel)
    )
    await api.database.pool.execute(
        "INSERT INTO alerts (workspace_id, channel_id, kind, message) VALUES ($1, $2, 'insufficient_balance', 'No money left.')",
        api.caller.id, raw("chn", api.channel),
    )  # fmt: skip
    found = await api.get("/dashboard")
    assert found["messages"] == {
        "total_sent": 18, "delivered": 16, "failed": 3, "unknown": 1, "waiting": 4, "received": 6, "today": 18,
        "this_week": 18, "this_month": 18,
    }  # fmt: skip
    assert (found["contacts"], found["groups"]) == (4, 0)
    assert found["default_channel"]["balance"] == {"amount": "12.50", "currency": "KES"}
    assert [one["id"] for one in found["recent_campaigns"]] == [made["id"]]
    assert [one["message"] for one in found["open_alerts"]] == ["No money left."]


async def test_folding_changes_no_number(api: Api) -> None:
    old = datetime.now(UTC) - timedelta(days=10)
    for hours in range(0, 48, 5):
        for _ in range(3):
            await write_messages(api, 2, "sent", at=old + timedelta(hours=hours, minutes=7))
    await api.database.pool.execute("UPDATE messages SET status = 'delivered' WHERE id IN (SELECT id FROM messages ORDER BY id LIMIT 11)")
    for _ in range(60):
        await write_messages(api, 1, "failed")
    before = await api.get("/stats")
    glance = (await api.get("/dashboard"))["messages"]
    rows = await api.database.pool.fetchval("SELECT count(*) FROM message_stats")
    await housekeeping.fold_counts(api.database.pool)
    await housekeeping.prune(api.database.pool)
    assert await api.get("/stats") == before
    assert (await api.get("/dashboard"))["messages"] == glance
    assert await api.database.pool.fetchval("SELECT count(*) FROM message_stats") < min(rows / 4, 16)
    await api.database.pool.execute("UPDATE messages SET status = 'delivered' WHERE status = 'sent'")
    await housekeeping.prune(api.database.pool)
    assert (await api.get("/stats"))["totals"] == {"delivered": 60, "failed": 60}


async def test_another_workspaces_numbers_stay_theirs(api: Api, other_api: Api) -> None:
    await write_messages(api, 3, "sent")
    assert (await other_api.get("/stats"))["items"] == []
    assert (await other_api.get("/dashboard"))["messages"]["total_sent"] == 0
