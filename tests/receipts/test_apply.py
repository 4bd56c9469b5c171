"""What a receipt makes of its message: twice, early, late, out of order, of nothing known."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.channels import builders as channels
from tests.receipts import builders
from tests.receipts.builders import heard
from tidings.core.ids import new_id
from tidings.delivery import queries
from tidings.delivery.queries import Claimed, Ended
from tidings.delivery.rules import Settlement, Status
from tidings.messages.apply_receipts import apply_receipts, rematch_old_receipts, rematch_receipts
from tidings.providers.base import Cost, ErrorCode


@pytest.fixture
async def db(database):
    async with database.pool.acquire() as connection:
        yield connection


@pytest.fixture
async def at(db):
    return await channels.channel(db, await channels.workspace(db))


async def receipts(db) -> list[tuple[str, bool]]:
    rows = await db.fetch("SELECT status, message_id IS NOT NULL AS matched FROM receipts ORDER BY id")
    return [(row["status"], row["matched"]) for row in rows]


async def test_a_receipt_moves_its_message_and_is_kept(db, at):
    sent = await builders.message(db, at)
    assert await apply_receipts(db, [heard(at, "delivered")]) == 1
    row = await builders.row(db, sent)
    assert row["status"] == "delivered"
    assert row["delivered_at"] is not None
    assert row["settled_at"] is not None
    assert await receipts(db) == [("delivered", True)]


async def test_the_same_receipt_twice_is_two_rows_and_one_change(db, at):
    sent = await builders.message(db, at)
    assert await apply_receipts(db, [heard(at, "delivered")]) == 1
    version = await db.fetchval("SELECT xmin FROM messages WHERE id = $1", sent)
    assert await apply_receipts(db, [heard(at, "delivered"), heard(at, "delivered")]) == 0
    assert await db.fetchval("SELECT xmin FROM messages WHERE id = $1", sent) == version
    assert len(await receipts(db)) == 3


async def test_a_late_sent_does_not_take_back_delivered(db, at):
    sent = await builders.message(db, at)
    await apply_receipts(db, [heard(at, "delivered")])
    await apply_receipts(db, [heard(at, "sent")])
    assert await builders.status(db, sent) == "delivered"


async def test_many_receipts_of_one_message_in_one_group_end_at_the_highest(db, at):
    sent = await builders.message(db, at)
    await apply_receipts(db, [heard(at, "read"), heard(at, "sent"), heard(at, "delivered")])
    row = await builders.row(db, sent)
    assert row["status"] == "read"
    assert None not in {row["sent_at"], row["delivered_at"], row["read_at"]}


async def test_a_failure_tells_why_and_does_not_outweigh_delivery(db, at):
    failed = await builders.message(db, at, provider_message_id="SM1")
    delivered = await builders.message(db, at, provider_message_id="SM2", status="delivered")
    told = {"code": ErrorCode.BLOCKED, "detail": "Twilio: undelivered, error 30007"}
    await apply_receipts(db, [heard(at, "failed", "SM1", **told), heard(at, "failed", "SM2", **told)])
    row = await builders.row(db, failed)
    assert (row["status"], row["error_code"], row["error_detail"]) == ("failed", "blocked", "Twilio: undelivered, error 30007")
    assert await builders.status(db, delivered) == "delivered"


async def test_proof_of_delivery_outweighs_an_earlier_failure(db, at):
    sent = await builders.message(db, at)
    await apply_receipts(db, [heard(at, "failed")])
    await apply_receipts(db, [heard(at, "delivered")])
    row = await builders.row(db, sent)
    assert (row["status"], row["error_code"], row["error_detail"]) == ("delivered", None, None)


@pytest.mark.parametrize("told", ["sent", "delivered", "read", "failed"])
async def test_a_receipt_resolves_what_was_unknown(db, at, told):
    unknown = await builders.message(db, at, status="unknown", provider_message_id=None)
    await apply_receipts(db, [heard(at, told, "SM9", of=unknown)])
    row = await builders.row(db, unknown)
    assert (row["status"], row["provider_message_id"]) == (told, "SM9")


async def test_a_receipt_before_the_send_response_ends_right(db, at):
    sending = await builders.message(db, at, status="sending", provider_message_id=None)
    await apply_receipts(db, [heard(at, "delivered", "SM9", of=sending)])
    assert await builders.status(db, sending) == "delivered"
    claimed = Claimed(
        id=sending, source_id=new_id(), address=builders.NUMBER, text="Hello", variables=None, delivery="at_least_once", attempt=1, failures=0,
        claim_id=new_id(),
    )  # fmt: skip
    answer = Ended(claimed, Settlement(status=Status.SENT, outcome="accepted", provider_message_id="SM9", segments=2), 5)
    await queries.settle_many(db, at.workspace_id, at.id, [answer])
    row = await builders.row(db, sending)
    assert (row["status"], row["provider_message_id"], row["segments"]) == ("delivered", "SM9", 2)


async def test_a_receipt_before_the_provider_id_is_known_is_kept_and_matched_later(db, at):
    sending = await builders.message(db, at, status="sending", provider_message_id=None)
    await apply_receipts(db, [heard(at, "delivered", "ATXid_1")])
    assert await receipts(db) == [("delivered", False)]
    assert await rematch_receipts(db) == 0
    await db.execute("UPDATE messages SET status = 'sent', provider_message_id = 'ATXid_1'")
    assert await rematch_receipts(db) == 1
    assert await builders.status(db, sending) == "delivered"
    assert await receipts(db) == [("delivered", True)]
    assert await rematch_receipts(db) == 0


async def test_older_receipts_are_matched_too_page_by_page(db, at, monkeypatch):
    monkeypatch.setattr("tidings.messages.apply_receipts._PAGE", 3)
    await apply_receipts(db, [heard(at, "delivered", f"X{n}") for n in range(8)])
    sent = [await builders.message(db, at, provider_message_id=f"X{n}") for n in range(8)]
    assert await rematch_old_receipts(db) == 8
    assert {await builders.status(db, one) for one in sent} == {"delivered"}


async def test_a_receipt_of_nothing_known_is_kept(db, at):
    assert await apply_receipts(db, [heard(at, "delivered", "nobody's")]) == 0
    assert await receipts(db) == [("delivered", False)]


async def test_a_receipt_of_another_channel_or_workspace_touches_nothing(db, at):
    sent = await builders.message(db, at)
    other = await channels.channel(db, await channels.workspace(db))
    beside = await channels.channel(db, at.workspace_id)
    await apply_receipts(db, [heard(other, "delivered", of=sent), heard(beside, "delivered", of=sent), heard(beside, "delivered")])
    assert await builders.status(db, sent) == "sent"
    assert await receipts(db) == [("delivered", False)] * 3


async def test_a_reference_that_is_no_id_falls_back_to_the_provider_id(db, at):
    sent = await builders.message(db, at)
    receipt = heard(at, "delivered").receipt
    await apply_receipts(db, [replace(heard(at, "delivered"), receipt=replace(receipt, reference="msg_nonsense'; --"))])
    assert await builders.status(db, sent) == "delivered"


async def test_a_message_waiting_for_its_second_attempt_is_not_sent_again_once_the_first_arrived(db, at):
    waiting = await builders.message(db, at, status="queued", provider_message_id=None)
    await apply_receipts(db, [heard(at, "delivered", of=waiting)])
    assert await builders.status(db, waiting) == "delivered"


async def test_a_message_nobody_was_asked_to_send_cannot_have_arrived(db, at):
    waiting = await builders.message(db, at, status="queued", provider_message_id=None, attempt=0)
    await apply_receipts(db, [heard(at, "delivered", of=waiting)])
    assert await builders.status(db, waiting) == "queued"


@pytest.mark.parametrize("ended", ["cancelled", "expired", "suppressed"])
async def test_what_arrived_after_all_is_told_and_a_failure_changes_nothing(db, at, ended):
    given_up = await builders.message(db, at, status=ended, provider_message_id=None)
    await apply_receipts(db, [heard(at, "failed", of=given_up)])
    assert await builders.status(db, given_up) == ended
    await apply_receipts(db, [heard(at, "delivered", of=given_up)])
    assert await builders.status(db, given_up) == "delivered"


async def test_a_failed_first_copy_does_not_fail_the_second(db, at):
    second = await builders.message(db, at, status="sending", provider_message_id=None, attempt=2)
    await apply_receipts(db, [heard(at, "failed", "SM1", of=second)])
    assert await builders.status(db, second) == "sending"
    assert await receipts(db) == [("failed", False)], "kept aside until it is known which copy it was"
    await db.execute("UPDATE messages SET status = 'sent', provider_message_id = 'SM2'")
    await rematch_receipts(db)
    assert await builders.status(db, second) == "sent"
    await apply_receipts(db, [heard(at, "failed", "SM2", of=second)])
    assert await builders.status(db, second) == "failed"


async def test_a_failed_second_copy_is_recognised_once_its_id_is_known(db, at):
    second = await builders.message(db, at, status="sending", provider_message_id=None, attempt=2)
    await apply_receipts(db, [heard(at, "failed", "SM2", of=second)])
    await db.execute("UPDATE messages SET status = 'sent', provider_message_id = 'SM2'")
    await rematch_receipts(db)
    assert await builders.status(db, second) == "failed"


async def test_costs_and_segments_are_taken_from_receipts(db, at):
    sent = await builders.message(db, at)
    await apply_receipts(db, [heard(at, "delivered", segments=2, cost=Cost(micros=800_000, currency="KES"))])
    row = await builders.row(db, sent)
    assert (row["segments"], row["cost_micros"], row["cost_currency"]) == (2, 800_000, "KES")
    assert await apply_receipts(db, [heard(at, "sent")]) == 0
    assert await apply_receipts(db, [heard(at, "sent", cost=Cost(micros=900_000, currency="KES"))]) == 1
    row = await builders.row(db, sent)
    assert (row["status"], row["segments"], row["cost_micros"]) == ("delivered", 2, 900_000)


async def test_times_are_the_providers_but_never_before_the_message_or_in_the_future(db, at):
    ids = [await builders.message(db, at, provider_message_id=name) for name in ("A", "B")]
    await apply_receipts(
        db, [heard(at, "delivered", "A", said_at=datetime.now(UTC) + timedelta(days=9)), heard(at, "delivered", "B", said_at=datetime(1970, 1, 1, tzinfo=UTC))]
    )  # fmt: skip
    for message_id in ids:
        row = await builders.row(db, message_id)
        assert row["created_at"] <= row["delivered_at"] <= datetime.now(UTC)


async def test_odd_words_of_a_provider_do_no_harm(db, at):
    sent = await builders.message(db, at)
    odd = heard(at, "failed", detail="nul \0 and \ud800" + "x" * 9000, cost=Cost(micros=10**30, currency="KES"), segments=10**9)
    await apply_receipts(db, [odd])
    row = await builders.row(db, sent)
    assert row["status"] == "failed"
    assert len(row["error_detail"]) <= 500
    assert (row["cost_micros"], row["segments"]) == (None, None)


async def test_an_opt_out_told_by_a_receipt_holds(db, at):
    await builders.message(db, at)
    await apply_receipts(db, [heard(at, "failed", code=ErrorCode.OPTED_OUT)])
    rows = await db.fetch("SELECT workspace_id, medium, address, source FROM opt_outs")
    assert [tuple(row) for row in rows] == [(at.workspace_id, "sms", builders.NUMBER, "provider")]


async def test_old_and_inbound_messages_are_not_taken_for_the_one_meant(db, at):
    inbound = await builders.message(db, at, provider_message_id="SM7")
    await db.execute("UPDATE messages SET direction = 'in', status = 'received' WHERE id = $1", inbound)
    await apply_receipts(db, [heard(at, "delivered", "SM7"), heard(at, "delivered", "SM7", of=inbound)])
    assert await builders.status(db, inbound) == "received"


async def test_groups_that_meet_over_the_same_messages_do_not_hang_each_other(database, at):
    async with database.pool.acquire() as connection:
        sent = [await builders.message(connection, at, provider_message_id=f"X{n}") for n in range(60)]

    async def write(seed: int) -> None:
        said = [heard(at, word, f"X{n}") for n in range(60) for word in ("sent", "delivered", "read")]
        random.Random(seed).shuffle(said)
        async with database.pool.acquire() as connection:
            for start in range(0, len(said), 45):
                async with connection.transaction():
                    await apply_receipts(connection, said[start : start + 45])

    await asyncio.gather(*(write(seed) for seed in range(4)))
    async with database.pool.acquire() as connection:
        assert {await builders.status(connection, one) for one in sent} == {"read"}
        assert await connection.fetchval("SELECT count(*) FROM receipts") == 4 * 180
