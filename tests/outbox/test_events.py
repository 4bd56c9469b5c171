"""What happened is told once, in order, to whoever reads it; neither without the message nor the message without it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from tests.api.conftest import make_caller
from tests.channels.builders import workspace
from tests.inbox.conftest import PERSON, Inbox, app, client, db, make_channel, settings, telegram, whatsapp
from tidings.core.ids import read_id
from tidings.db.database import Database
from tidings.insights import housekeeping
from tidings.outbox.service import NewEvent, emit, read_events

__all__ = ["app", "client", "db", "settings", "telegram", "whatsapp"]


def event(workspace_id, number: int) -> NewEvent:
    return NewEvent(workspace_id=workspace_id, kind="message.received", at=datetime.now(UTC), data={"n": number})


async def test_a_message_from_a_person_is_told_with_the_ids_of_all_it_touches(app, client, telegram, whatsapp, db) -> None:
    owner = await make_caller(app.state.database, "Acme", "owner@acme.example")
    inbox = Inbox(app, client, owner, await make_channel(app, owner, "sandbox", "sms", is_default=True))
    await inbox.says("Where is my order?", button="track")
    await inbox.says("Where is my order?", button="track")
    (told,) = await read_events(db)
    (conversation,) = (await inbox.get("/conversations"))["items"]
    (message,) = (await inbox.get("/messages", direction="in"))["items"]
    assert (told.workspace_id, told.kind) == (owner.id, "message.received")
    assert told.data == {
        "message": message["id"], "conversation": conversation["id"], "contact": conversation["contact"], "channel": inbox.id,
        "medium": "sms", "from": PERSON, "text": "Where is my order?", "button": "track",
    }  # fmt: skip
    assert read_id("cnv", told.data["conversation"])


async def test_a_reader_goes_on_where_it_left_off(database: Database) -> None:
    async with database.pool.acquire() as one:
        workspace_id = await workspace(one)
        await emit(one, [event(workspace_id, n) for n in range(5)])
        first = await read_events(one, limit=3)
        await emit(one, [event(workspace_id, 5)])
        rest = await read_events(one, first[-1].position)
        assert [each.data["n"] for each in first + rest] == [0, 1, 2, 3, 4, 5]
        assert await read_events(one, rest[-1].position) == []


async def test_what_is_committed_late_comes_after_what_was_read_and_is_not_missed(database: Database) -> None:
    async with database.pool.acquire() as slow, database.pool.acquire() as fast:
        workspace_id = await workspace(fast)
        open_one = slow.transaction()
        await open_one.start()
        await emit(slow, [event(workspace_id, 1)])
        await emit(fast, [event(workspace_id, 2)])
        read = await read_events(fast)
        await open_one.commit()
        assert [each.data["n"] for each in read] == [2]
        assert [each.data["n"] for each in await read_events(fast, read[-1].position)] == [1]


async def test_many_readers_at_once_see_the_same_order(database: Database) -> None:
    async with database.pool.acquire() as one:
        workspace_id = await workspace(one)

    async def write(n: int) -> None:
        async with database.pool.acquire() as connection:
            await emit(connection, [event(workspace_id, n)])

    async def read() -> list[int]:
        seen, cursor = [], 0
        while len(seen) < 40:
            async with database.pool.acquire() as connection:
                found = await read_events(connection, cursor, limit=7)
            seen += [each.data["n"] for each in found]
            cursor = found[-1].position if found else cursor
        return seen

    first, second, *_ = await asyncio.gather(read(), read(), *(write(n) for n in range(40)))
    assert first == second
    assert sorted(first) == list(range(40))


async def test_what_a_rolled_back_transaction_told_never_happened(database: Database) -> None:
    async with database.pool.acquire() as one:
        workspace_id = await workspace(one)
        begun = one.transaction()
        await begun.start()
        await emit(one, [event(workspace_id, 1)])
        await begun.rollback()
        assert await read_events(one) == []


async def test_what_was_written_down_a_week_ago_is_dropped_not_what_tells_of_long_ago(database: Database) -> None:
    async with database.pool.acquire() as one:
        workspace_id = await workspace(one)
        await emit(one, [event(workspace_id, 1), event(workspace_id, 2)])
        await one.execute("UPDATE events SET id = id_floor(now() - interval '8 days') WHERE data ->> 'n' = '1'")
        # A phone that was off for a week: its message is new to us all the same.
        await one.execute("UPDATE events SET at = now() - interval '8 days' WHERE data ->> 'n' = '2'")
        await housekeeping.prune(database.pool)
        assert [each.data["n"] for each in await read_events(one)] == [2]
