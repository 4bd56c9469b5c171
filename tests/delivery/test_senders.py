"""Places of channels that may send at once: given in the order of asking, given back, and free when their worker is gone."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from tests.channels import builders
from tests.channels.builders import Made
from tidings.channels.runtime import RunningChannel, open_channel
from tidings.channels.vault import Vault
from tidings.delivery.senders import call_next_senders, leave_place, take_place
from tidings.delivery.wake import wake
from tidings.settings import Settings


@pytest.fixture
async def db(database):
    async with database.pool.acquire() as connection:
        yield connection


async def channels(db: asyncpg.Connection, vault: Vault, count: int, most: int | None = 1) -> list[RunningChannel]:
    shop = await builders.workspace(db, {"senders_at_once": {"sandbox": most}})
    return [await opened(db, vault, await builders.channel(db, shop, vault=vault)) for _ in range(count)]


async def opened(db: asyncpg.Connection, vault: Vault, made: Made) -> RunningChannel:
    channel = await open_channel(db, vault, Settings(_env_file=None), made.id)
    assert channel is not None
    return channel


async def begin(db: asyncpg.Connection, channel: RunningChannel) -> int | None:
    """A drain of the channel begins, as a worker picks it; its job where it has a place, None where it has to wait."""
    await wake(db, channel.id)
    job_id = await db.fetchval(
        "UPDATE pgqueuer SET status = 'picked', heartbeat = now() WHERE dedupe_key = $1 RETURNING id", f"drain:{channel.id}"
    )
    return job_id if await take_place(db, channel, job_id) else None


async def end(db: asyncpg.Connection, channel: RunningChannel, job_id: int) -> None:
    await db.execute("DELETE FROM pgqueuer WHERE id = $1", job_id)
    await leave_place(db, channel, job_id)


async def is_called(db: asyncpg.Connection, channel: RunningChannel) -> bool:
    return await db.fetchval(
        "SELECT EXISTS (SELECT FROM pgqueuer WHERE dedupe_key = $1 AND execute_after <= clock_timestamp())", f"drain:{channel.id}"
    )


async def test_who_finds_no_place_waits_and_is_called_in_turn(db) -> None:
    first, second, third = await channels(db, builders.vault(), 3)
    job = await begin(db, first)
    assert job is not None
    assert [await begin(db, one) for one in (second, third)] == [None, None]
    assert [await is_called(db, one) for one in (second, third)] == [False, False]
    await end(db, first, job)
    assert [await is_called(db, one) for one in (second, third)] == [True, False]
    assert await begin(db, third) is None, "it is the other's turn"
    assert await begin(db, first) is None, "nor is it that of whoever has just had one"
    assert await begin(db, second) is not None


async def test_a_place_is_free_when_its_worker_is_silent_and_whoever_runs_its_drain_then_waits_like_others(db) -> None:
    first, second = await channels(db, builders.vault(), 2)
    job = await begin(db, first)
    assert await begin(db, second) is None
    await call_next_senders(db)
    assert not await is_called(db, second)
    await db.execute("UPDATE pgqueuer SET heartbeat = now() - interval '8 seconds' WHERE id = $1", job)
    await call_next_senders(db)
    assert await is_called(db, second)
    assert await begin(db, second) is not None
    await db.execute("UPDATE pgqueuer SET heartbeat = now() WHERE id = $1", job)  # another worker takes the job over
    assert not await take_place(db, first, job)


async def test_a_place_that_nobody_gave_back_is_free_when_its_drain_is_over(db) -> None:
    first, second = await channels(db, builders.vault(), 2)
    job = await begin(db, first)
    assert await begin(db, second) is None
    await db.execute("DELETE FROM pgqueuer WHERE id = $1", job)
    await call_next_senders(db)
    assert await begin(db, second) is not None


async def test_who_was_first_in_line_but_went_away_holds_nobody_up(db) -> None:
    first, gone, third = await channels(db, builders.vault(), 3)
    job = await begin(db, first)
    assert await begin(db, gone) is None
    assert await begin(db, third) is None
    await db.execute("UPDATE sender_places SET seen_at = now() - interval '20 seconds' WHERE channel_id = $1", gone.id)
    await end(db, first, job)
    assert await begin(db, third) is not None


async def test_a_higher_limit_lets_more_send_and_workspaces_do_not_count_for_one_another(db) -> None:
    vault = builders.vault()
    first, second, third = await channels(db, vault, 3)
    (stranger,) = await channels(db, vault, 1)
    assert await begin(db, first) is not None
    assert await begin(db, stranger) is not None
    assert await begin(db, second) is None
    assert await begin(db, replace(second, senders_at_once=2)) is not None
    assert await begin(db, replace(third, senders_at_once=2)) is None


@pytest.mark.parametrize(("own", "most"), [({}, 50), ({"whatsapp_linked": 3}, 3), ({"whatsapp_linked": None}, None), ({"twilio": 3}, 50)])
async def test_linked_devices_have_a_limit_of_fifty_unless_their_workspace_says_otherwise(db, own, most) -> None:
    vault = builders.vault()
    shop = await builders.workspace(db, {"senders_at_once": own})
    made = await builders.channel(db, shop, vault=vault, provider="whatsapp_linked")
    assert (await opened(db, vault, made)).senders_at_once == most


async def test_a_channel_without_the_limit_asks_nothing(db) -> None:
    channel, _ = await channels(db, builders.vault(), 2, most=None)
    job = await begin(db, channel)
    assert job is not None
    await end(db, channel, job)
    assert await db.fetchval("SELECT count(*) FROM sender_places") == 0
