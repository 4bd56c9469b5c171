"""A message that one channel does not bring to its recipient goes on to the next, once, and its recipient is counted once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.delivery.builders import counted
from tests.routes import builders
from tests.routes.builders import contact, go, hear, last_of, pass_time, place, send, tries
from tidings.campaigns import service as campaigns
from tidings.campaigns.jobs import finish_done
from tidings.core.clock import utc_now
from tidings.errors import Invalid
from tidings.messages.fallbacks import follow_routes
from tidings.messages.service import cancel_message, get_message
from tidings.providers.base import Accepted, ErrorCode, SendFailed

SENT = Accepted(provider_message_id="")
DELIVERED = Accepted(provider_message_id="", status="delivered")
GONE = SendFailed(code=ErrorCode.UNREACHABLE, detail="no such phone")
OUT = SendFailed(code=ErrorCode.OPTED_OUT, detail="no more, please")
BROKE = SendFailed(code=ErrorCode.INSUFFICIENT_BALANCE, detail="empty")


@pytest.fixture
async def at(database):
    return await place(database)


@pytest.fixture
async def pool(database):
    return database.pool


async def test_a_final_error_goes_on_to_the_next_channel_until_one_brings_it(at, pool):
    first = (await send(at, await contact(at, 1))).id
    await go(at, "sms", GONE)
    assert await follow_routes(pool) == 1
    assert await tries(at, first) == [("sms", "failed", False), ("whatsapp", "queued", True)]
    await go(at, "whatsapp", GONE)
    await follow_routes(pool)
    await go(at, "telegram", SENT)
    await follow_routes(pool)
    assert await tries(at, first) == [("sms", "failed", False), ("whatsapp", "failed", False), ("telegram", "sent", True)]
    assert await pool.fetchval("SELECT count(*) FROM fallbacks") == 0
    assert not await pool.fetchval("SELECT bool_or(possible_duplicate) FROM messages")


async def test_the_last_channels_error_is_the_end(at, pool):
    first = (await send(at, await contact(at, 1, "sms"))).id
    await go(at, "sms", GONE)
    assert await follow_routes(pool) == 0
    assert await tries(at, first) == [("sms", "failed", True)]
    assert await pool.fetchval("SELECT route_step FROM messages") is None


async def test_who_opted_out_is_not_followed(at, pool):
    first = (await send(at, await contact(at, 1))).id
    await go(at, "sms", OUT)
    assert await follow_routes(pool) == 0
    assert await tries(at, first) == [("sms", "failed", True)]


async def test_an_overdue_receipt_goes_on_and_a_punctual_one_does_not(at, pool):
    late = (await send(at, await contact(at, 1))).id
    await go(at, "sms", SENT)
    punctual = (await send(at, await contact(at, 2))).id
    await go(at, "sms", SENT)
    assert await follow_routes(pool) == 0
    assert await pool.fetchval("SELECT count(*) FROM fallbacks") == 2
    await hear(at, "sms", punctual, "delivered")
    await pass_time(at)
    assert await follow_routes(pool) == 1
    assert await tries(at, late) == [("sms", "sent", False), ("whatsapp", "queued", True)]
    assert await tries(at, punctual) == [("sms", "delivered", True)]
    assert await pool.fetchval("SELECT possible_duplicate FROM messages WHERE id = $1", await last_of(at, late))
    assert await pool.fetchval("SELECT count(*) FROM fallbacks") == 0


async def test_a_late_receipt_takes_back_the_fallback_that_has_not_left(at, pool):
    first = (await send(at, await contact(at, 1))).id
    await go(at, "sms", SENT)
    await pass_time(at)
    await follow_routes(pool)
    await hear(at, "sms", first, "delivered")
    await follow_routes(pool)
    assert await tries(at, first) == [("sms", "delivered", True), ("whatsapp", "cancelled", False)]
    assert await go(at, "whatsapp", SENT) == 0


async def test_a_later_receipt_than_that_is_a_double_delivery(at, pool):
    first = (await send(at, await contact(at, 1))).id
    await go(at, "sms", SENT)
    await pass_time(at)
    await follow_routes(pool)
    await go(at, "whatsapp", DELIVERED)
    await hear(at, "sms", first, "read")
    await follow_routes(pool)
    assert await tries(at, first) == [("sms", "read", True), ("whatsapp", "delivered", False)]


async def test_what_waits_at_a_channel_that_stopped_goes_by_the_next(at, pool):
    ids = [(await send(at, await contact(at, number))).id for number in range(1, 4)]
    await go(at, "sms", BROKE, 1)
    await pool.execute("UPDATE channels SET stopped_code = 'insufficient_balance', stopped_at = now() WHERE id = $1", at.channels["sms"])
    assert await follow_routes(pool) == 3
    assert [await tries(at, one) for one in ids] == [[("sms", "cancelled", False), ("whatsapp", "queued", True)]] * 3
    await pool.execute("UPDATE channels SET enabled = false WHERE id = ANY($1)", [at.channels["whatsapp"], at.channels["telegram"]])
    assert await follow_routes(pool) == 0
    assert [(await tries(at, one))[-1] for one in ids] == [("whatsapp", "queued", True)] * 3


async def test_what_has_to_be_sent_in_time_and_was_not_goes_by_the_next(database):
    at = await place(database, ("sms", "sent", 30), ("whatsapp", "sent", None))
    first = (await send(at, await contact(at, 1))).id
    assert await follow_routes(database.pool) == 0
    await pass_time(at, 31)
    assert await follow_routes(database.pool) == 1
    assert await tries(at, first) == [("sms", "cancelled", False), ("whatsapp", "queued", True)]


async def test_cancelling_the_first_takes_back_the_later_try(at, pool, database):
    first = (await send(at, await contact(at, 1))).id
    await go(at, "sms", GONE)
    await follow_routes(pool)
    async with database.workspace(at.workspace_id) as session:
        await cancel_message(session, at.access, first)
    await follow_routes(pool)
    assert (await tries(at, first))[-1][:2] == ("whatsapp", "cancelled")
    async with database.workspace(at.workspace_id) as session:
        assert (await get_message(session, at.workspace_id, first)).status == "failed"


async def test_it_begins_by_the_preferred_medium_and_tells_what_it_passed_over(at, database):
    fond = await send(at, await contact(at, 1, preferred_medium="telegram"))
    assert fond.medium == "telegram"
    without = await send(at, await contact(at, 2, "whatsapp"))
    assert (without.medium, without.skipped) == ("whatsapp", [{"channel": str(at.channels["sms"]), "reason": "no_address"}])
    with pytest.raises(Invalid, match="no address"):
        await send(at, await contact(at, 3, "email"))


async def test_many_workers_at_once_make_one_next_try(at, pool):
    ids = [(await send(at, await contact(at, number))).id for number in range(40)]
    await go(at, "sms", GONE)
    # Each has it noted many times over.
    await pool.execute(
        "INSERT INTO fallbacks (workspace_id, message_id, source_id) SELECT workspace_id, message_id, source_id FROM fallbacks, generate_series(1, 5)"
    )
    made = await asyncio.gather(*(follow_routes(pool) for _ in range(5)))
    made += [await follow_routes(pool)]
    assert sum(made) == 40
    assert [await tries(at, one) for one in ids] == [[("sms", "failed", False), ("whatsapp", "queued", True)]] * 40
    assert await pool.fetchval("SELECT count(*) FROM fallbacks") == 0


async def test_a_campaigns_recipient_counts_once_however_many_channels_are_tried(at, pool, database):
    for number in range(6):
        await contact(at, number)
    await contact(at, 6, "telegram")
    campaign_id = await builders.campaign(at)
    assert await counted(pool, campaign_id) == {"queued": 7}
    assert await go(at, "telegram", SENT) == 1
    await go(at, "sms", GONE, 2)
    await go(at, "sms", SENT)
    await follow_routes(pool)
    assert await counted(pool, campaign_id) == {"queued": 2, "sent": 5}
    await finish_done(database)
    await pass_time(at)
    await follow_routes(pool)
    assert await counted(pool, campaign_id) == {"queued": 6, "sent": 1}
    await go(at, "whatsapp", DELIVERED)
    await follow_routes(pool)
    assert await counted(pool, campaign_id) == {"delivered": 6, "sent": 1}
    await finish_done(database)
    row = await pool.fetchrow("SELECT status, accepted FROM campaigns WHERE id = $1", campaign_id)
    assert tuple(row) == ("done", 7)
    async with database.workspace(at.workspace_id) as session:
        listed = await campaigns.list_recipients(session, at.workspace_id, campaign_id, limit=50)
    assert sorted(one.medium for one in listed) == ["telegram"] + ["whatsapp"] * 6


async def test_a_cancelled_campaign_tries_nobody_again(at, pool, database):
    await contact(at, 1)
    campaign_id = await builders.campaign(at)
    await go(at, "sms", SENT)
    async with database.workspace(at.workspace_id) as session:
        await campaigns.cancel_campaign(session, at.access, campaign_id, now=utc_now())
    await pass_time(at)
    assert await follow_routes(pool) == 0
    assert await counted(pool, campaign_id) == {"sent": 1}


async def test_those_who_failed_everywhere_are_sent_to_again_by_the_channel_tried_last(database):
    at = await place(database, ("sms", "sent", None), ("whatsapp", "sent", None))
    await contact(at, 1, "sms", "whatsapp")
    campaign_id = await builders.campaign(at)
    for medium in ("sms", "whatsapp"):
        await go(at, medium, GONE)
        await follow_routes(database.pool)
    assert await counted(database.pool, campaign_id) == {"failed": 1}
    await finish_done(database)
    async with database.workspace(at.workspace_id) as session:
        again = await campaigns.resend_campaign(session, at.access, campaign_id, ["failed"], now=utc_now() + timedelta(seconds=1))
    await builders.fan_out(database, at.workspace_id, again.id)
    rows = await database.pool.fetch("SELECT medium, channel_id, status FROM messages WHERE campaign_id = $1", again.id)
    assert [tuple(row) for row in rows] == [("whatsapp", at.channels["whatsapp"], "queued")]
