"""Limits of recipients, of any 24 hours, and jitter, held by the engine against Telegram's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

import asyncpg
import msgspec
import pytest

from tests.delivery import builders
from tests.delivery.builders import Place
from tests.delivery.engine import make_engine, take_turn
from tests.providers.channels import CHANNELS
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tidings.channels.runtime import open_channel
from tidings.core.ids import new_id
from tidings.delivery.desks import Desks
from tidings.delivery.rules import RetryPolicy, Status, settle
from tidings.delivery.slice import Slice
from tidings.insights import housekeeping
from tidings.providers.base import ErrorCode, SendFailed
from tidings.providers.http import Http


@pytest.fixture
async def telegram():
    async with TelegramSimulator() as simulator:
        simulator.enforced = True
        yield simulator


@pytest.fixture
async def http():
    async with Http(total_seconds=5.0) as client:
        yield client


@pytest.fixture
def engine(database, tmp_path, telegram, http):
    return make_engine(database, tmp_path, http, slice_seconds=3.0, allowed_api_base_urls=telegram.url)


async def bot(db: asyncpg.Connection, engine, telegram, **limits: object) -> Place:
    at = Place(new_id(), new_id())
    await db.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", at.workspace_id)
    await db.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, api_base_url, limits, hook_token) "
        "VALUES ($1, $2, 'Bot', 'telegram', 'telegram', $3, $4, $5, $6)",
        at.workspace_id, at.channel_id, engine.vault.seal({"bot_token": BOT_TOKEN}), telegram.url,
        msgspec.json.encode(limits).decode(), str(at.channel_id),
    )  # fmt: skip
    return at


async def write(db: asyncpg.Connection, at: Place, addresses: Sequence[str], *, priority: int = 2, campaign: bool = False) -> list[UUID]:
    """One waiting message for each of the addresses, in this order."""
    ids = [new_id() for _ in addresses]
    source = await builders.campaign(db, at) if campaign else None
    await db.execute(
        "INSERT INTO messages (workspace_id, id, campaign_id, channel_id, medium, address, text, status, priority, due_at) "
        "SELECT $1, id, $3, $2, 'telegram', address, 'Hello', 'queued', $4, now() - interval '1 second' "
        "FROM unnest($5::uuid[], $6::text[]) AS m (id, address)",
        at.workspace_id, at.channel_id, source, priority, ids, list(addresses),
    )  # fmt: skip
    return ids


async def drain_until(engine, at: Place, ids: Sequence[UUID], *, seconds: float) -> float:
    """Take turns until all are sent; how long it took."""
    began = time.monotonic()

    while time.monotonic() < began + seconds:
        async with engine.pool.acquire() as db:
            waiting = await db.fetchval("SELECT count(*) FROM messages WHERE id = ANY($1) AND status IN ('queued', 'sending')", ids)
        if not waiting:
            break
        await take_turn(engine, at.channel_id)
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_a_campaign_and_many_messages_to_the_same_chats_break_no_limit_and_keep_the_pace(database, engine, telegram):
    people = [str(1000 + n) for n in range(150)]
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        ids = await write(db, at, people, campaign=True)
        ids += await write(db, at, ["7"] * 4 + ["8"] * 4 + ["-100"] * 4, priority=0)
    took = await drain_until(engine, at, ids, seconds=20)
    assert telegram.violations == []
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, ids) == {"sent": len(ids)}
        assert await db.fetchval("SELECT max(attempt) FROM messages") == 1, "waiting for a recipient cost an attempt"
        assert await db.fetchval("SELECT count(*) FROM messages WHERE failures > 0") == 0
    assert telegram.taken["7"] == telegram.taken["-100"] == 4
    assert took < 8, "162 messages at 30 a second"


async def test_a_group_gets_twenty_a_minute_and_the_rest_waits_for_its_time(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        ids = await write(db, at, ["-100"] * 30)
        # As if twenty had gone within the last minute, the first of them a moment less than a minute ago.
        await db.execute(
            "INSERT INTO recipient_pace (workspace_id, channel_id, address, message_id, attempt, at) "
            "SELECT $1, $2, '-100', new_id(), 1, now() - interval '59 seconds' + n * interval '2 seconds' FROM generate_series(0, 19) n",
            at.workspace_id, at.channel_id,
        )  # fmt: skip
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        rows = await db.fetch(
            "SELECT status, extract(epoch FROM due_at - now())::float AS wait FROM messages WHERE id = ANY($1) ORDER BY due_at", ids
        )
    sent = [row for row in rows if row["status"] == "sent"]
    assert 1 <= len(sent) <= 3
    waits = [row["wait"] for row in rows if row["status"] == "queued"]
    assert max(waits) > 40
    assert telegram.violations == []


async def test_two_workers_at_once_keep_the_pace_of_each_recipient(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        ids = await write(db, at, ["7", "8", "9"] * 5)
    # The queue never runs two drains of a channel; a worker that stood still and came back is the second one.
    began = time.monotonic()

    async def stray() -> None:
        while time.monotonic() < began + 12:
            async with database.pool.acquire() as db:
                channel = await open_channel(db, engine.vault, engine.settings, at.channel_id)
                if not await db.fetchval("SELECT count(*) FROM messages WHERE id = ANY($1) AND status <> 'sent'", ids):
                    return
            turn = Slice(
                pool=engine.pool, http=engine.http, contents=engine.contents, desks=Desks.of(engine.pool, engine.contents), files=engine.files,
                channel=channel,                 seconds=1.0, stop=engine.stop,
            )  # fmt: skip
            await turn.run()
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stray())
        tasks.create_task(stray())
    assert telegram.violations == []
    assert {telegram.taken[chat] for chat in "789"} == {5}


async def test_what_a_dead_worker_reserved_still_counts(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        (second,) = await write(db, at, ["7"])
        # Claimed a moment ago by somebody who is gone: the message may have left.
        await db.execute(
            "INSERT INTO recipient_pace VALUES ($1, $2, '7', new_id(), 1, now() + interval '5 seconds')", at.workspace_id, at.channel_id
        )
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, [second]) == {"queued": 1}
        assert telegram.taken["7"] == 0
        await db.execute("UPDATE recipient_pace SET at = now() - interval '1 second'")
        await db.execute("UPDATE messages SET due_at = now()")
    await take_turn(engine, at.channel_id)
    assert telegram.taken["7"] == 1


async def test_a_refusal_for_one_recipient_holds_them_and_nobody_else(database, engine):
    refusal = SendFailed(code=ErrorCode.RATE_LIMITED, detail="pair rate", retry_after=30, pauses="recipient")
    now = await database.pool.fetchval("SELECT now()")
    settlement = settle(refusal, failures=0, delivery="at_most_once", policy=RetryPolicy(), now=now)
    assert (settlement.status, settlement.pause_seconds, settlement.hold_recipient, settlement.failed) == (Status.QUEUED, None, True, False)


# Both wrote to us just now: free text is taken.
_WROTE = """
    INSERT INTO conversations (workspace_id, id, channel_id, medium, address, last_message_at, last_inbound_at)
    SELECT $1, new_id(), $2, 'whatsapp', address, now(), now() FROM unnest($3::text[]) AS address
"""


async def test_whatsapps_pair_rate_holds_one_person_and_the_channel_goes_on(database, tmp_path, http):
    hasty, other = "+254711000123", "+254711000124"
    config = CHANNELS["whatsapp_cloud"]
    async with WhatsAppSimulator() as whatsapp:
        engine = make_engine(database, tmp_path, http, allowed_api_base_urls=whatsapp.url)
        whatsapp.faults.add(kind="status", code=131056, numbers=[hasty])
        whatsapp.heard |= dict.fromkeys((hasty, hasty[1:], other, other[1:]), time.time())
        async with database.pool.acquire() as db:
            at = await builders.place(db, "whatsapp_cloud")
            await db.execute(
                "UPDATE channels SET medium = 'whatsapp', settings = $1, credentials = $2, api_base_url = $3",
                msgspec.json.encode(config.settings).decode(), engine.vault.seal(dict(config.credentials)), whatsapp.url,
            )  # fmt: skip
            await db.execute(_WROTE, at.workspace_id, at.channel_id, [hasty, other])
            ids = await write(db, at, [hasty, other])
            await db.execute("UPDATE messages SET medium = 'whatsapp'")
        await take_turn(engine, at.channel_id)
        async with database.pool.acquire() as db:
            assert await builders.statuses(db, ids) == {"queued": 1, "sent": 1}
            assert await db.fetchval("SELECT max(failures) FROM messages") == 0
            held = await db.fetchrow("SELECT address, extract(epoch FROM until - now())::float AS seconds FROM recipient_holds")
            assert held["address"] == hasty
            assert 50 < held["seconds"] <= 60
            assert await db.fetchval("SELECT paused_until <= now() FROM channel_pace"), "the channel was paused for one person"
            ids = await write(db, at, [hasty])
        await take_turn(engine, at.channel_id)
        assert whatsapp.requests.total() == 2, "written to again although the provider wanted them left alone"


async def test_a_held_recipient_waits_in_every_later_turn(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram)
        ids = await write(db, at, ["7", "8"])
        await db.execute("INSERT INTO recipient_holds VALUES ($1, $2, '7', now() + interval '1 minute')", at.workspace_id, at.channel_id)
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        waits = await db.fetchval("SELECT extract(epoch FROM due_at - now())::float FROM messages WHERE id = $1", ids[0])
        assert await builders.statuses(db, ids) == {"queued": 1, "sent": 1}
    assert 50 < waits <= 60


async def test_a_cap_on_the_day_holds_over_turns_and_opens_when_places_leave_the_window(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram, per_day=10, per_day_counts="messages", per_recipient=None)
        ids = await write(db, at, [str(1000 + n) for n in range(25)])
    for _ in range(3):
        await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, ids) == {"sent": 10, "queued": 15}
        assert await db.fetchval("SELECT sum(n) FROM channel_day") == 10
        await db.execute("UPDATE channel_day SET at = at - interval '23 hours 59 minutes'")
    await take_turn(engine, at.channel_id)
    assert telegram.taken.total() == 10
    async with database.pool.acquire() as db:
        await db.execute("UPDATE channel_day SET at = at - interval '2 minutes'")
    await take_turn(engine, at.channel_id)
    await take_turn(engine, at.channel_id)
    assert telegram.taken.total() == 20
    async with database.pool.acquire() as db:
        await housekeeping.prune(database.pool)
        assert await builders.statuses(db, ids) == {"sent": 20, "queued": 5}


async def test_what_was_refused_gives_its_place_back(database, engine, telegram):
    telegram.change(BOT_TOKEN, "1001", "blocked")
    telegram.change(BOT_TOKEN, "1002", "blocked")
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram, per_day=3)
        ids = await write(db, at, [str(1000 + n) for n in range(8)])
    for _ in range(3):
        await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, ids) == {"sent": 3, "failed": 2, "queued": 3}
        assert await db.fetchval("SELECT sum(n) FROM channel_day") == 3


async def test_a_cap_on_recipients_lets_those_of_the_day_be_written_to_again(database, engine, telegram):
    telegram.enforced = False
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram, per_day=5, per_day_counts="recipients", per_recipient=None)
        first = await write(db, at, [str(1000 + n) for n in range(9)])
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, first) == {"sent": 5, "queued": 4}
        known = [row["address"] for row in await db.fetch("SELECT address FROM messages WHERE status = 'sent'")]
        waits = await db.fetchval("SELECT min(extract(epoch FROM due_at - now()))::float FROM messages WHERE status = 'queued'")
        assert 86_300 < waits <= 86_430, "put off to when the first of the five leaves the window"
        again = await write(db, at, [known[0], known[1], "2000"], priority=0)
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, again) == {"sent": 2, "queued": 1}
        assert await db.fetchval("SELECT sum(n) FROM channel_day") == 5
        # All but the two written to again leave the window.
        await db.execute("UPDATE channel_day SET at = at - interval '25 hours'")
        await db.execute("DELETE FROM channel_day")
        await db.execute("UPDATE channel_day_recipients SET at = at - interval '25 hours' WHERE NOT address = ANY($1)", known[:2])
        await db.execute(
            "INSERT INTO channel_day SELECT workspace_id, channel_id, at, count(*) FROM channel_day_recipients GROUP BY 1, 2, 3"
        )
        await db.execute("UPDATE messages SET due_at = now() WHERE status = 'queued'")
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, first + again) == {"sent": 10, "queued": 2}


async def test_jitter_holds_every_message_apart(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram, per_second=5, burst=5, jitter_seconds=0.4, per_recipient=None)
        ids = await write(db, at, [str(1000 + n) for n in range(8)])
    await drain_until(engine, at, ids, seconds=15)
    async with database.pool.acquire() as db:
        moments = [row["at"] for row in await db.fetch("SELECT at - latency_ms * interval '1 ms' AS at FROM attempts ORDER BY 1")]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert len(gaps) == 7
    assert 7 * 0.2 - 0.2 <= sum(gaps) <= 7 * 0.6 + 2
    assert telegram.taken.total() == 8


async def test_a_channel_slower_than_one_a_second_keeps_its_pace(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram, per_second=0.5)
        ids = await write(db, at, ["7", "8", "9"])
    took = await drain_until(engine, at, ids, seconds=15)
    assert telegram.taken.total() == 3
    assert 3.8 <= took < 8


async def test_a_channel_without_such_limits_writes_nothing_of_them(database, engine, telegram):
    async with database.pool.acquire() as db:
        at = await bot(db, engine, telegram, per_recipient=None)
        ids = await write(db, at, ["7"] * 3)
    telegram.enforced = False
    await take_turn(engine, at.channel_id)
    async with database.pool.acquire() as db:
        assert await builders.statuses(db, ids) == {"sent": 3}
        for table in ("recipient_pace", "channel_day", "channel_day_recipients", "recipient_holds"):
            assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0
