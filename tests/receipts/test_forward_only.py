"""Whatever providers say, in whatever order and grouping: statuses only move forward, and the end does not depend on the order."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.channels import builders as channels
from tests.receipts import builders
from tidings.db.urls import asyncpg_url
from tidings.messages.apply_receipts import apply_receipts

RANK = {"queued": 0, "sending": 0, "unknown": 0, "cancelled": 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4}
WORDS = st.sampled_from(["sent", "delivered", "read", "failed"])
EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], derandomize=True
)


@pytest.fixture
def play(database_url):
    """Run receipts against a message in a transaction that is rolled back, and tell every status it had on the way."""
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(asyncpg.connect(asyncpg_url(database_url), server_settings={"role": "tidings_engine", "timezone": "UTC"}))
    at = loop.run_until_complete(_place(db))

    async def run(begin: str, groups: list[list[str]]) -> list[str]:
        transaction = db.transaction()
        await transaction.start()
        try:
            message_id = await builders.message(db, at, status=begin, provider_message_id=None if RANK[begin] == 0 else "SM1")
            seen = [begin]
            for group in groups:
                await apply_receipts(db, [builders.heard(at, word, of=message_id) for word in group])
                seen.append(await builders.status(db, message_id))
            counted = await db.fetch("SELECT status, sum(n)::int AS n FROM message_stats GROUP BY 1 HAVING sum(n) <> 0")
            assert [(row["status"], row["n"]) for row in counted] == [(seen[-1], 1)], "the counters agree with the ledger"
            assert await db.fetchval("SELECT count(*) FROM receipts") == sum(map(len, groups)), "every receipt is kept"
            return seen
        finally:
            await transaction.rollback()

    yield lambda begin, groups: loop.run_until_complete(run(begin, groups))
    loop.run_until_complete(db.close())
    loop.close()


async def _place(db):
    return await channels.channel(db, await channels.workspace(db))


@EXAMPLES
@given(begin=st.sampled_from(sorted(RANK)), groups=st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_statuses_only_move_forward(play, begin, groups):
    seen = play(begin, groups)
    assert all(RANK[later] >= RANK[earlier] for earlier, later in pairwise(seen)), seen


@EXAMPLES
@given(begin=st.sampled_from(["sending", "unknown", "queued", "sent"]), words=st.lists(WORDS, min_size=1, max_size=6), data=st.data())
def test_the_end_is_the_same_in_any_order_and_grouping(play, begin, words, data):
    shuffled = data.draw(st.permutations(words))
    cut = data.draw(st.integers(0, len(shuffled)))
    groups = [group for group in (shuffled[:cut], shuffled[cut:]) if group]
    end = max([begin, *words], key=RANK.__getitem__)
    assert play(begin, [words])[-1] == end
    assert play(begin, [[word] for word in words])[-1] == end
    assert play(begin, groups)[-1] == end
