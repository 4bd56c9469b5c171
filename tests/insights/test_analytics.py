"""How channels do: sums that are whole, percentiles and errors of the attempts, costs, and plans that use the keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from tests.messages.site import Api, raw
from tidings.core.ids import id_floor, new_id
from tidings.insights.analytics import _SQL


async def write(api: Api, count: int, status: str, *, latency: int, code: str | None = None, seconds: float | None = None) -> None:
    """Messages with one attempt each; `seconds` from the provider to the phone."""
    channel = raw("chn", api.channel)
    now = datetime.now(UTC)
    for _ in range(count):
        one = new_id()
        await api.database.pool.execute(
            "INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, sent_at, delivered_at, error_code, cost_micros, "
            "cost_currency, claimed_at) VALUES ($1, $2, $3, 'sms', '+254711000001', 'Hello', $4, $5, $6, $7, 800000, 'KES', now())",
            api.caller.id, one, channel, status, now, now + timedelta(seconds=seconds) if seconds is not None else None, code,
        )  # fmt: skip
        await api.database.pool.execute(
            "INSERT INTO attempts (workspace_id, message_id, number, channel_id, outcome, code, provider_code, latency_ms) "
            "VALUES ($1, $2, 1, $3, $4, $5, $6, $7)",
            api.caller.id, one, channel, "failed" if code else "accepted", code, "21211" if code else None, latency,
        )  # fmt: skip


async def test_a_channels_numbers_are_told(api: Api, other_api: Api) -> None:
    await write(api, 8, "delivered", latency=100, seconds=4.0)
    await write(api, 1, "sent", latency=900)
    await write(api, 1, "failed", latency=50, code="invalid_address")
    found = await api.get("/analytics/channels")
    (one,) = found["channels"]
    assert (one["channel"], one["provider"], one["by_status"]) == (api.channel, "sandbox", {"delivered": 8, "sent": 1, "failed": 1})
    assert (one["success_rate"], one["attempts"], one["accepted"], one["failed"]) == (0.9, 10, 9, 1)
    assert (one["answer_ms"], one["arrival_seconds"]) == ({"p50": 100, "p90": 100, "p99": 900}, {"p50": 4, "p90": 4, "p99": 4})
    assert one["errors"] == [{"code": "invalid_address", "provider_code": "21211", "count": 1}]
    assert one["cost"] == [{"amount": "8.00", "currency": "KES"}]
    assert (len(one["buckets"]), found["complete"], found["timezone"]) == (1, True, "Africa/Nairobi")
    (theirs,) = (await other_api.get("/analytics/channels"))["channels"]
    assert (theirs["by_status"], theirs["attempts"], theirs["cost"]) == ({}, 0, [])


async def test_it_can_be_narrowed_and_is_bounded(api: Api) -> None:
    await write(api, 1, "delivered", latency=100)
    assert (await api.get("/analytics/channels", params={"provider": "twilio"}))["channels"] == []
    assert len((await api.get("/analytics/channels", params={"channel": api.channel, "bucket": "hour"}))["channels"]) == 1
    past = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    (one,) = (await api.get("/analytics/channels", params=past))["channels"]
    assert (one["by_status"], one["success_rate"]) == ({}, None)
    await api.ask("GET", "/analytics/channels", 422, params={"from": "2026-01-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"})


async def test_times_are_read_by_keys_not_by_looking_through_everything(api: Api) -> None:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "workspace_id": api.caller.id, "from_id": id_floor(now - timedelta(days=1)), "until_id": id_floor(now), "most": 1000,
        "channels": [raw("chn", api.channel)],
    }  # fmt: skip
    async with api.database.workspace(api.caller.id) as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, index in ((_SQL.answers, "attempts"), (_SQL.arrivals, "messages")):
            plan = "\n".join(row[0] for row in await session.execute(text(f"EXPLAIN {statement}"), values))
            assert f"{index}_2" in plan  # partitions by month, of which only those of the time
            assert "Index Scan" in plan
            assert "Seq Scan" not in plan
            assert "message_id >= " in plan or "id >= " in plan
