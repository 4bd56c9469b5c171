"""What a claim takes, in which order, and what ends at its door."""

from __future__ import annotations

from tests.delivery import builders
from tidings.delivery import queries
from tidings.delivery.queries import Ended
from tidings.delivery.rules import Settlement, Status


async def test_urgent_messages_go_before_older_bulk(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        await builders.messages(db, at, 50, campaign_id=await builders.campaign(db, at), due_in="-1 hour")
        (urgent,) = await builders.messages(db, at, 1, priority=0, prefix="+2548")
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 10)
    assert taken[0].id == urgent or urgent in {one.id for one in taken}
    assert len(taken) == 10


async def test_two_campaigns_take_turns(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        first = await builders.messages(db, at, 100, campaign_id=await builders.campaign(db, at), due_in="-1 hour")
        second = await builders.messages(db, at, 100, campaign_id=await builders.campaign(db, at), prefix="+2548")
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 20)
    ids = {one.id for one in taken}
    assert len(ids & set(first)) == 10
    assert len(ids & set(second)) == 10


async def test_what_is_not_due_stays(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        await builders.messages(db, at, 5, due_in="1 hour", status="scheduled", priority=0)
        due = await builders.messages(db, at, 5, status="scheduled", prefix="+2548")
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 20)
        assert {one.id for one in taken} == set(due)
        assert await queries.has_due(db, at.workspace_id, at.channel_id) is False


async def test_a_held_campaign_is_passed_over_and_the_rest_goes_on(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        held = await builders.campaign(db, at)
        await builders.messages(db, at, 30, campaign_id=held)
        free = await builders.messages(db, at, 3, campaign_id=await builders.campaign(db, at), prefix="+2548")
        await db.execute("INSERT INTO delivery_holds (workspace_id, source_id) VALUES ($1, $2)", at.workspace_id, held)
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 20)
        assert {one.id for one in taken} == set(free)
        assert await queries.has_due(db, at.workspace_id, at.channel_id) is False
        await db.execute("DELETE FROM delivery_holds")
        assert await queries.has_due(db, at.workspace_id, at.channel_id) is True


async def test_opted_out_and_expired_end_at_the_claim(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        ids = await builders.messages(db, at, 4)
        await db.execute(
            "INSERT INTO opt_outs (workspace_id, medium, address, source) SELECT workspace_id, medium, address, 'api' FROM messages WHERE id = $1",
            ids[0],
        )
        await db.execute("UPDATE messages SET expires_at = now() - interval '1 second' WHERE id = $1", ids[1])
        taken, ended_here = await queries.claim(db, at.channel_id, at.workspace_id, 20)
        assert {one.id for one in taken} == set(ids[2:])
        assert ended_here == 2
        assert await builders.statuses(db, ids) == {"suppressed": 1, "expired": 1, "sending": 2}


async def test_the_answer_to_a_stop_goes_out_all_the_same(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        ids = await builders.messages(db, at, 1)
        await db.execute(
            "INSERT INTO opt_outs (workspace_id, medium, address, source) SELECT workspace_id, medium, address, 'keyword' FROM messages"
        )
        await db.execute("UPDATE messages SET is_confirmation = true")
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 20)
    assert [one.id for one in taken] == ids


async def test_a_late_worker_cannot_settle_a_newer_attempt(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        ids = await builders.messages(db, at, 1, delivery="at_least_once")
        (stale,), _ = await queries.claim(db, at.channel_id, at.workspace_id, 1)
        await db.execute("UPDATE messages SET claimed_at = now() - interval '1 minute'")
        assert await queries.recover(db, at.channel_id, at.workspace_id, 3) == 1
        assert await db.fetchval("SELECT possible_duplicate FROM messages") is True
        await queries.claim(db, at.channel_id, at.workspace_id, 1)
        late = Ended(stale, Settlement(status=Status.SENT, outcome="accepted", provider_message_id="late"), 5)
        assert await queries.settle_many(db, at.workspace_id, at.channel_id, [late]) == 0
        assert await builders.statuses(db, ids) == {"sending": 1}
        assert await db.fetchval("SELECT outcome FROM attempts WHERE number = 1") == "accepted"


async def test_a_late_answer_resolves_what_recovery_called_unknown(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        ids = await builders.messages(db, at, 1, delivery="at_most_once")
        (stale,), _ = await queries.claim(db, at.channel_id, at.workspace_id, 1)
        await db.execute("UPDATE messages SET claimed_at = now() - interval '1 minute'")
        await queries.recover(db, at.channel_id, at.workspace_id, 3)
        assert await builders.statuses(db, ids) == {"unknown": 1}
        late = Ended(stale, Settlement(status=Status.SENT, outcome="accepted", provider_message_id="late"), 5)
        assert await queries.settle_many(db, at.workspace_id, at.channel_id, [late]) == 1
        assert await builders.statuses(db, ids) == {"sent": 1}


async def test_fresh_claims_are_not_recovered(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        await builders.messages(db, at, 3)
        await queries.claim(db, at.channel_id, at.workspace_id, 3)
        assert await queries.recover(db, at.channel_id, at.workspace_id, 3) == 0


async def test_a_claim_needs_no_new_entry_in_any_index(database):
    """An index that asks for what a claim changes costs every message of every campaign a tenth of its time."""
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        campaign = await builders.campaign(db, at)
        await builders.messages(db, at, 100, campaign_id=campaign, text=None)
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 100)
        assert len(taken) == 100
        await db.execute("SELECT pg_stat_force_next_flush()")
        hot = await db.fetchval("SELECT sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname LIKE 'messages_2%'")
        named = await db.fetch(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'messages' AND indexdef ~ '\\m(status|claimed_at|attempt)\\M'"
        )
    assert (hot, named) == (100, [])
