"""Whatever happens to the tries in whatever order, with workers looking at once: one of them counts, nothing is tried twice."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.delivery.builders import counted
from tests.routes import builders
from tests.routes.test_fallback import BROKE, DELIVERED, GONE, OUT, SENT
from tidings.campaigns.rules import ledger
from tidings.delivery import queries
from tidings.messages.fallbacks import follow_routes
from tidings.providers.base import ErrorCode, SendFailed, SendUncertain

OUTCOMES = [
    SENT,
    DELIVERED,
    GONE,
    OUT,
    BROKE,
    SendUncertain(detail="?"),
    SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="down", retryable=True),
]
mediums = st.sampled_from(builders.MEDIUMS)
events = st.lists(
    st.one_of(
        st.tuples(st.just("go"), mediums, st.sampled_from(range(len(OUTCOMES)))),
        st.tuples(st.just("claim"), mediums, st.just(0)),
        st.tuples(st.just("settle"), mediums, st.sampled_from(range(len(OUTCOMES)))),
        st.tuples(st.just("hear"), st.sampled_from(["sent", "delivered", "read", "failed"]), st.integers(0, 8)),
        st.tuples(st.just("time"), st.just(""), st.sampled_from([30, 61, 3600])),
        st.tuples(st.just("stop"), mediums, st.just(0)),
        st.tuples(st.just("start"), mediums, st.just(0)),
        st.tuples(st.just("follow"), st.just(""), st.just(1)),
        st.tuples(st.just("together"), st.just(""), st.just(3)),
    ),
    min_size=3,
    max_size=16,
)

ONE_EACH = """
    SELECT coalesce(try_of, id) AS first, count(*) FILTER (WHERE NOT superseded) AS counting, count(*) AS tries, count(DISTINCT channel_id) AS channels
    FROM messages WHERE workspace_id = $1 GROUP BY 1
"""

ARRIVED_BUT_NOT_COUNTED = """
    SELECT coalesce(try_of, id) FROM messages WHERE workspace_id = $1 GROUP BY 1
    HAVING bool_or(status IN ('delivered', 'read')) AND NOT bool_or(status IN ('delivered', 'read') AND NOT superseded)
"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events)
async def test_every_recipient_counts_once(database, events):
    at = await builders.place(database)
    for number in range(3):
        await builders.contact(at, number)
    campaign_id = await builders.campaign(at)
    held: dict[str, list[queries.Claimed]] = {}
    for event in events:
        await _act(database, at, held, *event)
        await _check(database, at, campaign_id)
    await follow_routes(database.pool)
    await follow_routes(database.pool)
    await _check(database, at, campaign_id)
    assert await database.pool.fetchval("SELECT count(*) FROM fallbacks WHERE workspace_id = $1 AND due_at <= now()", at.workspace_id) == 0
    assert await database.pool.fetch(ARRIVED_BUT_NOT_COUNTED, at.workspace_id) == []


async def _check(database, at, campaign_id) -> None:
    for row in await database.pool.fetch(ONE_EACH, at.workspace_id):
        assert row["counting"] == 1
        assert row["tries"] == row["channels"]
    counts = await counted(database.pool, campaign_id)
    assert ledger(counts, 3).balances


async def _act(database, at, held, what, which, number) -> None:
    match what:
        case "go":
            await builders.go(at, which, OUTCOMES[number])
        case "claim":
            async with database.pool.acquire() as db:
                claimed, _ = await queries.claim(db, at.channels[which], at.workspace_id, 2)
            held.setdefault(which, []).extend(claimed)
        case "settle":
            async with database.pool.acquire() as db:
                await builders.settled(db, at, which, held.pop(which, []), OUTCOMES[number])
        case "hear":
            rows = await database.pool.fetch("SELECT id, medium FROM messages WHERE workspace_id = $1 ORDER BY id", at.workspace_id)
            row = rows[number % len(rows)]
            await builders.hear(at, row["medium"], row["id"], which)
        case "time":
            await builders.pass_time(at, number)
        case "stop" | "start":
            await database.pool.execute(
                "UPDATE channels SET stopped_code = CASE WHEN $2 THEN 'invalid_credentials' END, stopped_at = CASE WHEN $2 THEN now() END WHERE id = $1",
                at.channels[which], what == "stop",
            )  # fmt: skip
        case _:
            await asyncio.gather(*(follow_routes(database.pool) for _ in range(number)))
