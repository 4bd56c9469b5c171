"""No wake-up is lost, whichever moment of a drain's end a message arrives at (docs/decisions/0002-wake-ups.md)."""

from __future__ import annotations

import asyncio

import pytest

from tests.delivery import builders
from tests.delivery.engine import jobs_of
from tidings.delivery import queries
from tidings.delivery.queries import channels_to_sweep
from tidings.delivery.wake import finish, wake


async def _running_drain(db, at) -> int:
    """A drain job as it stands while its worker runs it."""
    await wake(db, at.channel_id)
    return await db.fetchval("UPDATE pgqueuer SET status = 'picked' WHERE dedupe_key = $1 RETURNING id", f"drain:{at.channel_id}")


async def test_a_message_that_comes_while_the_drain_ends_empty_gets_a_drain_of_its_own(database):
    async with database.pool.acquire() as db, database.pool.acquire() as other:
        at = await builders.place(db)
        job_id = await _running_drain(db, at)
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, 10)
        assert taken == []
        await builders.messages(other, at, 1, priority=0)
        await wake(other, at.channel_id)  # meets the running job and does nothing
        await finish(db, job_id, at.workspace_id, at.channel_id, again=False)
    assert await jobs_of(database, at.channel_id) == 1


async def test_a_message_that_comes_right_after_the_drain_ended_gets_a_drain_of_its_own(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        job_id = await _running_drain(db, at)
        await finish(db, job_id, at.workspace_id, at.channel_id, again=False)
        await builders.messages(db, at, 1, priority=0)
        await wake(db, at.channel_id)
    assert await jobs_of(database, at.channel_id) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_however_the_two_interleave_a_due_message_never_stays_without_a_drain(database, seed):
    """Real connections racing: sender commits and wakes, drain claims and ends, with waits that shift from round to round."""
    async with database.pool.acquire() as db, database.pool.acquire() as other:
        at = await builders.place(db)
        for round_ in range(30):
            job_id = await _running_drain(db, at)

            async def send(wait: float, prefix: str = f"+2548{round_}") -> None:
                await asyncio.sleep(wait)
                await builders.messages(other, at, 1, priority=0, prefix=prefix)
                await wake(other, at.channel_id)

            async def end(wait: float, job_id: int = job_id) -> None:
                await queries.claim(db, at.channel_id, at.workspace_id, 10)
                await asyncio.sleep(wait)
                await finish(db, job_id, at.workspace_id, at.channel_id, again=False)

            await asyncio.gather(send((round_ * 7 + seed) % 10 / 1000), end((round_ * 3 + seed) % 10 / 1000))
            waiting = await db.fetchval("SELECT count(*) FROM messages WHERE status = 'queued'")
            jobs = await jobs_of(database, at.channel_id)
            assert jobs == 1 or waiting == 0
            await db.execute("DELETE FROM pgqueuer")
            await queries.claim(db, at.channel_id, at.workspace_id, 10)


async def test_the_sweep_finds_a_message_whose_wake_up_died_with_its_process(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        await builders.messages(db, at, 1, priority=0)
        assert await channels_to_sweep(db) == [at.channel_id]
        await wake(db, at.channel_id)
        assert await channels_to_sweep(db) == []


async def test_the_sweep_leaves_paused_stopped_and_idle_channels_alone(database):
    async with database.pool.acquire() as db:
        paused, stopped, idle, future = [await builders.place(db) for _ in range(4)]
        for at in (paused, stopped):
            await builders.messages(db, at, 1)
        await builders.messages(db, future, 1, due_in="1 hour", status="scheduled")
        await db.execute("INSERT INTO channel_pace (channel_id, paused_until) VALUES ($1, now() + interval '1 minute')", paused.channel_id)
        await db.execute("UPDATE channels SET stopped_code = 'x', stopped_at = now() WHERE id = $1", stopped.channel_id)
        assert await channels_to_sweep(db) == []
        assert idle.channel_id is not None


async def test_claims_left_behind_wake_the_channel_too(database):
    async with database.pool.acquire() as db:
        at = await builders.place(db)
        await builders.messages(db, at, 1)
        await queries.claim(db, at.channel_id, at.workspace_id, 1)
        assert await channels_to_sweep(db) == []
        await db.execute("UPDATE messages SET claimed_at = now() - interval '1 minute'")
        await db.execute("UPDATE claims SET at = now() - interval '1 minute'")
        assert await channels_to_sweep(db) == [at.channel_id]
