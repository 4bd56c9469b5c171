"""Whatever happens to messages in whatever order, the counters say what the rows say, and nobody is missing."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.delivery import builders
from tidings.campaigns.rules import ledger
from tidings.db.sql import NamedSql
from tidings.delivery import queries
from tidings.delivery.queries import Ended
from tidings.delivery.rules import RetryPolicy, settle
from tidings.providers.base import Accepted, ErrorCode, SendFailed, SendUncertain

OUTCOMES = [
    Accepted(provider_message_id="a"),
    Accepted(provider_message_id="b", status="delivered"),
    SendFailed(code=ErrorCode.INVALID_ADDRESS, detail="no"),
    SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="down", retryable=True),
    SendFailed(code=ErrorCode.RATE_LIMITED, detail="slow", retry_after=1),
    SendUncertain(detail="?"),
]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(1, 6)),
        st.tuples(st.just("settle"), st.lists(st.integers(0, len(OUTCOMES) - 1), min_size=1, max_size=6)),
        st.tuples(st.just("crash"), st.none()),
        st.tuples(st.just("cancel"), st.integers(1, 3)),
        st.tuples(st.just("opt_out"), st.integers(0, 9)),
        st.tuples(st.just("due"), st.none()),
        st.tuples(st.just("fold"), st.none()),
    ),
    max_size=14,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, delivery=st.sampled_from(["at_least_once", "at_most_once"]))
async def test_the_ledger_always_balances(database, steps, delivery):
    async with database.pool.acquire() as db:
        transaction = db.transaction()
        await transaction.start()
        try:
            at = await builders.place(db)
            campaign = await builders.campaign(db, at)
            ids = await builders.messages(db, at, 10, campaign_id=campaign, delivery=delivery)
            held: list[queries.Claimed] = []
            for step, value in steps:
                held = await _act(db, at, campaign, ids, held, step, value)
                counted = await builders.counted(db, campaign)
                assert counted == await builders.statuses(db, ids)
                assert ledger(counted, len(ids)).balances
        finally:
            await transaction.rollback()


async def _act(db, at, campaign, ids, held, step, value):
    match step:
        case "claim":
            taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, value)
            return held + taken
        case "settle":
            ends = [
                Ended(
                    one,
                    settle(OUTCOMES[which], failures=one.failures, delivery=one.delivery, policy=RetryPolicy(), now=datetime.now(UTC)),
                    1,
                )
                for one, which in zip(held, value, strict=False)
            ]
            if ends:
                await queries.settle_many(db, at.workspace_id, at.channel_id, ends)
            return held[len(value) // 2 :]  # some will be settled a second time: the fence must hold
        case "crash":
            await db.execute("UPDATE messages SET claimed_at = now() - interval '1 minute' WHERE status = 'sending'")
            await queries.recover(db, at.channel_id, at.workspace_id, 3)
        case "cancel":
            await db.execute(
                "UPDATE messages SET status = 'cancelled', settled_at = now() WHERE id IN "
                "(SELECT id FROM messages WHERE status = 'queued' AND campaign_id = $1 ORDER BY id LIMIT $2)",
                campaign, value,
            )  # fmt: skip
        case "opt_out":
            await db.execute(
                "INSERT INTO opt_outs (workspace_id, medium, address, source) "
                "SELECT workspace_id, medium, address, 'api' FROM messages WHERE id = $1 ON CONFLICT DO NOTHING",
                ids[value],
            )
        case "due":
            await db.execute("UPDATE messages SET due_at = now() WHERE status = 'queued'")
        case "fold":
            await db.execute(_FOLD)
    return held


_FOLD = NamedSql("tidings.insights", "housekeeping.sql").fold_campaign_counts.replace("> 50", "> 1")
