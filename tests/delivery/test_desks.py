"""What the turns of a worker do together, and that none of them is hurt by another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import msgspec
import pytest

from tests.delivery import builders
from tests.delivery.builders import Place
from tests.delivery.engine import make_engine, take_turn
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.channels.pace import reserve
from tidings.channels.runtime import RunningChannel, open_channel
from tidings.core.ids import new_id
from tidings.delivery import queries
from tidings.delivery.claim_desk import Wish
from tidings.delivery.drain import Engine, Places
from tidings.delivery.health import Health
from tidings.delivery.limited import Limited
from tidings.delivery.pacing import Pacing
from tidings.delivery.queries import RECOVER_AFTER, Claimed, Ended, Pace
from tidings.delivery.rules import Settlement, Status
from tidings.providers.base import Limits
from tidings.providers.http import Http

SENT = Settlement(status=Status.SENT, outcome="accepted", provider_message_id="1")


@pytest.fixture
async def telegram():
    async with TelegramSimulator() as simulator:
        yield simulator


@pytest.fixture
async def http():
    async with Http(total_seconds=5.0) as client:
        yield client


@pytest.fixture
def engine(database, tmp_path, telegram, http):
    return make_engine(database, tmp_path, http, slice_seconds=3.0, allowed_api_base_urls=telegram.url)


async def bot(db: asyncpg.Connection, engine: Engine, telegram: TelegramSimulator, **limits: object) -> Place:
    """A workspace of its own with a channel."""
    at = Place(new_id(), new_id())
    await db.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", at.workspace_id)
    await db.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, api_base_url, limits, hook_token) "
        "VALUES ($1, $2, 'Bot', 'telegram', 'telegram', $3, $4, $5, $6)",
        at.workspace_id, at.channel_id, engine.vault.seal({"bot_token": BOT_TOKEN}), telegram.url,
        msgspec.json.encode(limits).decode(), str(at.channel_id),
    )  # fmt: skip
    return at


async def opened(engine: Engine, at: Place) -> RunningChannel:
    async with engine.pool.acquire() as db:
        channel = await open_channel(db, engine.vault, engine.settings, at.channel_id)
    assert channel is not None
    return channel


async def wish(engine: Engine, at: Place) -> Wish:
    channel = await opened(engine, at)
    limited = Limited.of(channel)
    assert limited is not None
    return Wish(channel=channel, limited=limited, pacing=Pacing(channel.limits), health=Health(), batch=10)


async def claimed(engine: Engine, at: Place, count: int) -> list[Claimed]:
    async with engine.pool.acquire() as db:
        await builders.messages(db, at, count, delivery="at_least_once", prefix="1")
        taken, _ = await queries.claim(db, at.channel_id, at.workspace_id, count)
    return taken


async def test_channels_of_many_workspaces_go_out_together_and_each_keeps_its_own(database, engine, telegram):
    async with database.pool.acquire() as db:
        places = [await bot(db, engine, telegram) for _ in range(6)]
        campaigns = [await builders.campaign(db, at, text=f"Hello from {number}") for number, at in enumerate(places)]
        ids = [
            await builders.messages(db, at, 12, campaign_id=campaign, text=None, prefix=f"{number + 1}")
            for number, (at, campaign) in enumerate(zip(places, campaigns, strict=True))
        ]
        await db.execute("UPDATE messages SET medium = 'telegram'")
        await db.execute(
            "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'telegram', '100000001', 'api')",
            places[0].workspace_id,
        )
        await db.execute("UPDATE messages SET expires_at = now() WHERE id = $1", ids[1][0])
    await asyncio.gather(*(take_turn(engine, at.channel_id) for at in places))
    async with database.pool.acquire() as db:
        assert await builders.counted(db, campaigns[0]) == {"sent": 11, "suppressed": 1}
        assert await builders.counted(db, campaigns[1]) == {"sent": 11, "expired": 1}
        for campaign in campaigns[2:]:
            assert await builders.counted(db, campaign) == {"sent": 12}
        odd = await db.fetchval(
            "SELECT count(*) FROM attempts a JOIN messages m ON m.id = a.message_id "
            "WHERE m.workspace_id <> a.workspace_id OR m.channel_id <> a.channel_id OR a.number <> m.attempt"
        )
        assert odd == 0
        assert await db.fetchval("SELECT count(*) FROM attempts WHERE outcome = 'accepted'") == 70


async def test_a_result_that_cannot_be_written_keeps_back_nobody_elses(database, engine, telegram):
    async with database.pool.acquire() as db:
        good, bad = await bot(db, engine, telegram), await bot(db, engine, telegram)
    settlers = {at: engine.desks.settles.settler(await opened(engine, at)) for at in (good, bad)}
    for one in await claimed(engine, good, 3):
        settlers[good].add(Ended(one, SENT, 5))
    for one in await claimed(engine, bad, 1):
        settlers[bad].add(Ended(one, msgspec.structs.replace(SENT, provider_message_id="\0"), 5))
    for settler in settlers.values():
        settler.finish()
    stuck = asyncio.create_task(settlers[bad].run())
    await asyncio.wait_for(settlers[good].run(), 30)
    assert settlers[good].written == 3
    assert not stuck.done()
    stuck.cancel()
    async with database.pool.acquire() as db:
        rows = await db.fetch("SELECT channel_id, status, count(*)::int AS n FROM messages GROUP BY 1, 2")
    assert {(row["channel_id"], row["status"]): row["n"] for row in rows} == {(good.channel_id, "sent"): 3, (bad.channel_id, "sending"): 1}


async def test_what_recovery_gave_to_another_attempt_is_not_settled_by_the_late_one(database, engine, telegram):
    async with database.pool.acquire() as db:
        late, other = await bot(db, engine, telegram), await bot(db, engine, telegram)
    lost, well = await claimed(engine, late, 1), await claimed(engine, other, 1)
    async with database.pool.acquire() as db:
        await db.execute("UPDATE messages SET claimed_at = now() - 2 * $2::interval WHERE id = $1", lost[0].id, RECOVER_AFTER)
        assert await queries.recover(db, late.channel_id, late.workspace_id, 3) == 1
        parts = [(at.workspace_id, at.channel_id, [Ended(one, SENT, 5)]) for at, one in ((late, lost[0]), (other, well[0]))]
        await queries.settle_together(db, parts)
        assert await builders.statuses(db, [lost[0].id]) == {"queued": 1}
        assert await builders.statuses(db, [well[0].id]) == {"sent": 1}
        assert await db.fetchval("SELECT outcome FROM attempts WHERE message_id = $1", lost[0].id) == "accepted", "the true end is kept"


async def test_a_channel_whose_pace_another_worker_holds_keeps_no_other_waiting(database, engine, telegram):
    async with database.pool.acquire() as db:
        held, free = await bot(db, engine, telegram), await bot(db, engine, telegram)
        for at in (held, free):
            await builders.messages(db, at, 3, prefix="1")
            await db.execute("INSERT INTO channel_pace (channel_id) VALUES ($1)", at.channel_id)
    wishes = [await wish(engine, held), await wish(engine, free)]
    async with database.pool.acquire() as db, db.transaction():
        await db.execute("SELECT FROM channel_pace WHERE channel_id = $1 FOR UPDATE", held.channel_id)
        both = asyncio.gather(*(engine.desks.claims.claim(one, patient=True) for one in wishes))
        not_yet, got = await asyncio.wait_for(both, 30)
    assert (not_yet.plan.count, not_yet.plan.wait > timedelta(0)) == (0, True)
    assert len(got.taken.claimed) == 3


async def test_a_channel_that_cannot_be_claimed_fails_by_itself(database, engine, telegram):
    async with database.pool.acquire() as db:
        broken, whole = await bot(db, engine, telegram), await bot(db, engine, telegram)
        campaign = await builders.campaign(db, broken)
        await builders.messages(db, broken, 2, campaign_id=campaign, text=None)
        await db.execute("DELETE FROM message_contents")
        ids = await builders.messages(db, whole, 3, prefix="1")
    wishes = [await wish(engine, broken), await wish(engine, whole)]
    failed, got = await asyncio.gather(*(engine.desks.claims.claim(one, patient=True) for one in wishes), return_exceptions=True)
    assert isinstance(failed, LookupError)
    assert not isinstance(got, BaseException)
    assert {one.id for one in got.taken.claimed} == set(ids)
    async with database.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM messages WHERE channel_id = $1 AND status = 'queued'", broken.channel_id) == 2


async def test_two_turns_of_one_channel_reserve_one_after_the_other(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        await builders.messages(db, at, 60, prefix="1")
    asked = [await wish(engine, at), await wish(engine, at)]
    first, second = await asyncio.gather(*(engine.desks.claims.claim(one, patient=True) for one in asked))
    assert len(first.taken.claimed) + len(second.taken.claimed) <= 32, "more than a second of the pace was claimed at once"
    assert not {one.id for one in first.taken.claimed} & {one.id for one in second.taken.claimed}


async def test_a_channel_goes_on_in_one_turn_while_places_are_free(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        ids = await builders.messages(db, at, 75, prefix="1")
        await db.execute("UPDATE messages SET medium = 'telegram'")
    short = replace(engine, settings=engine.settings.model_copy(update={"slice_seconds": 0.5}), places=Places(2, 1))
    await take_turn(short, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, ids) == {"sent": 75}
        ids = await builders.messages(db, at, 75, prefix="2")
    await take_turn(replace(short, places=Places(2, 2)), at.channel_id)
    async with database.pool.acquire() as db:
        left = (await builders.statuses(db, ids))["queued"]
        assert left > 10, "others wait for a place: the turn ends at its time"
        ids = await builders.messages(db, at, 600, prefix="3")

    async def disable() -> None:
        await asyncio.sleep(0.2)
        await database.pool.execute("UPDATE channels SET enabled = false")

    await asyncio.gather(take_turn(short, at.channel_id), disable())
    async with database.pool.acquire() as db:
        assert (await builders.statuses(db, ids))["queued"] > 100, "a channel that was disabled went on"


def test_a_slow_claim_makes_what_follows_late_and_never_closer_together():
    pacing = Pacing(Limits(per_second=10, burst=1))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    leaves: list[float] = []
    for begun, took in ((100.0, 0.35), (100.5, 0.0), (101.0, 0.2)):
        pace = Pace(now + timedelta(seconds=begun - 100), now, 0, "closed", now + timedelta(seconds=begun - 100))
        reservation = reserve(count=5, per_second=10, burst=1, next_free_at=pace.next_free_at, now=pace.now)
        leaves += pacing.departures(reservation, pace, read_at=begun, ready_at=begun + took)
    assert leaves[0] == pytest.approx(100.35)
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in pairwise(leaves))
    assert leaves[-1] == pytest.approx(100.35 + 1.4)


def test_a_burst_leaves_at_once_and_what_follows_keeps_the_pace():
    pacing = Pacing(Limits(per_second=10, burst=3))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    pace = Pace(now - timedelta(minutes=1), now, 0, "closed", now)
    reservation = reserve(count=6, per_second=10, burst=3, next_free_at=pace.next_free_at, now=now)
    leaves = pacing.departures(reservation, pace, read_at=5.0, ready_at=5.0)
    assert leaves == [pytest.approx(at) for at in (5.0, 5.0, 5.0, 5.1, 5.2, 5.3)]
