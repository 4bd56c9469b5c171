"""One key, one effect: whatever comes twice, at once, or after a failure."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.db.idempotency import Outcome, replay_or_run
from tidings.db.urls import sqlalchemy_url
from tidings.errors import Conflict

WORKSPACE = new_id()


class Work:
    """Counts how often it was carried out."""

    def __init__(self, *, fails: bool = False, seconds: float = 0) -> None:
        self.runs = 0
        self.fails = fails
        self.seconds = seconds
        self.begun = asyncio.Event()

    async def __call__(self) -> tuple[int, object]:
        self.runs += 1
        self.begun.set()
        await asyncio.sleep(self.seconds)
        if self.fails:
            raise RuntimeError("no")
        return 201, {"run": self.runs, "text": "é"}


async def once(database: Database, work: Work, *, workspace: UUID = WORKSPACE, key: str = "k", hashed: bytes = b"h") -> Outcome:
    async with database.workspace(workspace) as session:
        return await replay_or_run(session, workspace, key, hashed, work)


async def test_the_second_request_gets_the_first_answer(database: Database) -> None:
    work = Work()
    first, second = await once(database, work), await once(database, work)
    assert (work.runs, first.replayed, second.replayed) == (1, False, True)
    assert (second.status_code, second.body.replace(b" ", b"")) == (first.status_code, b'{"run":1,"text":"\xc3\xa9"}')


async def test_two_at_the_same_moment_have_one_effect(database: Database) -> None:
    work = Work(seconds=0.2)
    outcomes = await asyncio.gather(*(once(database, work) for _ in range(4)))
    assert work.runs == 1
    assert sorted(one.replayed for one in outcomes) == [False, True, True, True]
    assert {one.status_code for one in outcomes} == {201}


async def test_a_twin_of_a_failed_request_carries_it_out(database: Database) -> None:
    failing, working = Work(fails=True, seconds=0.2), Work()
    first = asyncio.create_task(once(database, failing))
    await failing.begun.wait()
    second = asyncio.create_task(once(database, working))
    with pytest.raises(RuntimeError):
        await first
    assert (await second).replayed is False
    assert (failing.runs, working.runs) == (1, 1)


async def test_another_request_under_the_same_key_is_refused(database: Database) -> None:
    work = Work()
    await once(database, work)
    with pytest.raises(Conflict) as caught:
        await once(database, work, hashed=b"other")
    assert (caught.value.code, work.runs) == ("idempotency_conflict", 1)


async def test_keys_of_workspaces_are_apart(database: Database) -> None:
    work = Work()
    await once(database, work)
    assert (await once(database, work, workspace=new_id())).replayed is False
    assert work.runs == 2


async def test_a_twin_does_not_wait_forever(database: Database) -> None:
    """The first transaction hangs; the second request gives up in its own words and leaves a usable connection."""
    impatient = create_async_engine(
        sqlalchemy_url(database.url), connect_args={"server_settings": {"role": "tidings_engine"}, "command_timeout": 0.3}
    )
    hanging = Work(seconds=1.5)
    slow = asyncio.create_task(once(database, hanging))
    await hanging.begun.wait()
    async with AsyncSession(impatient) as session:
        with pytest.raises(Conflict) as caught:
            await replay_or_run(session, WORKSPACE, "k", b"h", Work())
        await session.rollback()
        assert caught.value.code == "idempotency_in_progress"
        await slow
        assert (await replay_or_run(session, WORKSPACE, "k", b"h", Work())).replayed
    await impatient.dispose()
