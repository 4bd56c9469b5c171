"""The writer: groups, collisions, outages, its end. What writes is handed in, so these tests hand in what goes wrong."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.channels.builders import Made
from tests.receipts.builders import heard
from tidings.core.ids import new_id
from tidings.errors import Unavailable
from tidings.receipts.writer import ReceiptWriter

AT = Made(new_id(), new_id(), "token")


class Book:
    """Takes groups down, after the given troubles."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.groups: list[list[str]] = []
        self.tries = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, said) -> None:
        self.tries += 1
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        self.groups.append([one.receipt.provider_message_id for one in said])


async def test_calls_that_come_together_are_one_group():
    book = Book()
    async with ReceiptWriter(book.write) as writer:
        await asyncio.gather(*(writer.take([heard(AT, "sent", f"{n}")]) for n in range(50)))
    assert [len(group) for group in book.groups] == [50]


async def test_a_group_that_collides_is_written_again():
    book = Book(asyncpg.DeadlockDetectedError("x"), asyncpg.SerializationError("x"))
    async with ReceiptWriter(book.write) as writer:
        await writer.take([heard(AT, "sent", "a")])
    assert (book.tries, book.groups) == (3, [["a"]])


async def test_endless_collisions_are_given_up_and_told():
    book = Book(*[asyncpg.DeadlockDetectedError("x")] * 99)
    async with ReceiptWriter(book.write) as writer:
        with pytest.raises(Unavailable):
            await writer.take([heard(AT, "sent", "a")])
    assert book.tries == 4


async def test_an_outage_is_told_to_all_at_once_and_the_writer_lives_on():
    book = Book(OSError("gone"))
    async with ReceiptWriter(book.write) as writer:
        answers = await asyncio.gather(*(writer.take([heard(AT, "sent", f"{n}")]) for n in range(9)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Unavailable] * 9
        assert book.tries == 1
        await writer.take([heard(AT, "sent", "later")])
    assert book.groups == [["later"]]


async def test_one_that_cannot_be_written_stands_alone():
    book = Book(asyncpg.DataError("x"), asyncpg.DataError("x"))
    async with ReceiptWriter(book.write) as writer:
        answers = await asyncio.gather(*(writer.take([heard(AT, "sent", f"{n}")]) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, type(None), type(None)]
    assert book.groups == [["1"], ["2"]]


async def test_a_caller_that_hangs_up_harms_nobody():
    book = Book()
    book.gate.clear()
    async with ReceiptWriter(book.write) as writer:
        leaving = asyncio.create_task(writer.take([heard(AT, "sent", "a")]))
        staying = asyncio.create_task(writer.take([heard(AT, "sent", "b")]))
        await asyncio.sleep(0.02)
        leaving.cancel()
        book.gate.set()
        await staying
    assert book.groups == [["a", "b"]]


async def test_what_waits_is_written_before_the_end_and_nothing_is_taken_after():
    book = Book()
    book.gate.clear()
    writer = ReceiptWriter(book.write)
    async with writer:
        first = asyncio.create_task(writer.take([heard(AT, "sent", "a")]))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(writer.take([heard(AT, "sent", "b")]))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.02, book.gate.set)
    await asyncio.gather(first, second)
    assert book.groups == [["a"], ["b"]]
    with pytest.raises(Unavailable):
        await writer.take([heard(AT, "sent", "c")])


async def test_more_than_can_wait_is_turned_away(monkeypatch):
    monkeypatch.setattr("tidings.receipts.writer.MOST_WAITING", 3)
    book = Book()
    book.gate.clear()
    async with ReceiptWriter(book.write) as writer:
        calls = [asyncio.create_task(writer.take([heard(AT, "sent", f"{n}")])) for n in range(5)]
        await asyncio.sleep(0)
        assert [call.done() for call in calls] == [False] * 3 + [True] * 2
        book.gate.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [Unavailable] * 2
