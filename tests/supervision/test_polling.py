"""Channels that a worker polls: what comes in, who runs them, and what one of them may do to the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.site import until
from tests.simulators.telegram import TelegramSimulator
from tests.supervision.builders import activity, bots, received, settings_for, standing, supervisor, workspace
from tidings.channels.service import ChangeChannel, change_channel, set_enabled
from tidings.channels.vault import Vault, load_keys
from tidings.workspaces.access import system_access

CHAT = 711_000


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as simulator:
        yield simulator


async def test_what_people_write_is_in_the_ledger_once_and_the_bot_is_told_that_it_was_taken(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    [bot] = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 1)
    for number in range(60):
        telegram.write(bot.token, CHAT, text=f"before {number}")
    async with supervisor(database, settings):

        async def all_came() -> bool:
            return len(await received(database.pool, bot.id)) == 60

        await until(all_came, 15)
        telegram.write(bot.token, CHAT, text="after")

        async def it_came() -> bool:
            return (await received(database.pool, bot.id))[60:] == ["after"]

        await until(it_came, 5)
        assert (await received(database.pool, bot.id))[:60] == [f"before {number}" for number in range(60)]

        async def it_runs() -> bool:
            row = await standing(database.pool, bot.id)
            return (row["run_state"], row["told"]) == ("running", "polling")

        await until(it_runs, 10)
    assert telegram.conflicts == 0
    assert (await standing(database.pool, bot.id))["worker_id"] is None, "handed back when the worker ends"
    assert "receives_by_polling" in await activity(database.pool, bot.id)


async def test_nothing_is_asked_of_the_database_while_nothing_comes(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    made = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 30)
    async with supervisor(database, settings):
        await until(lambda: _all_wait(telegram, 30), 15)
        await asyncio.sleep(3)
        before = [await standing(database.pool, one.id) for one in made]
        for _ in range(3):  # every poll ends without anything, and is asked again
            for bot in telegram.bots.values():
                bot.wake("nothing")
            await asyncio.sleep(1.2)
        assert [await standing(database.pool, one.id) for one in made] == before
    assert min(telegram.polls.values()) >= 3


async def _all_wait(telegram: TelegramSimulator, count: int) -> bool:
    return sum(bot.is_polled for bot in telegram.bots.values()) == count


async def test_one_bot_that_fails_touches_no_other_and_wrong_credentials_stop_only_it(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    revoked, broken, *good = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 12)
    telegram.revoked.add(revoked.token)
    real = telegram.method

    async def method(bot, name, params):
        if bot.token == broken.token and name == "getupdates":
            return "nonsense"
        return await real(bot, name, params)

    telegram.method = method  # type: ignore[method-assign]
    async with supervisor(database, settings):
        await until(lambda: _all_wait(telegram, len(good)), 15)
        for one in good:
            telegram.write(one.token, CHAT, text="hello")

        async def all_came() -> bool:
            return all([await received(database.pool, one.id) == ["hello"] for one in good])

        await until(all_came, 10)

        async def is_told() -> bool:
            return (await standing(database.pool, broken.id))["run_state"] == "degraded"

        await until(is_told, 10)
        stopped = await database.pool.fetchrow("SELECT stopped_code FROM channels WHERE id = $1", revoked.id)
        assert stopped["stopped_code"] == "invalid_credentials"
        assert "run_failed" in await activity(database.pool, broken.id)
        assert "failed" in await activity(database.pool, revoked.id)
        telegram.method = real  # type: ignore[method-assign]
        telegram.write(broken.token, CHAT, text="waited")

        async def is_mended() -> bool:
            return await received(database.pool, broken.id) == ["waited"]

        await until(is_mended, 30)
    told = str(await database.pool.fetch("SELECT detail FROM channel_activity"))
    assert revoked.token not in told
    assert broken.token not in told


async def test_two_workers_share_the_bots_fairly_and_never_ask_for_one_at_once(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    made = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 40)
    async with supervisor(database, settings) as first:
        await until(lambda: _all_wait(telegram, 40), 15)
        async with supervisor(database, settings) as second:
            # What is handed over leaves with the answer to its present poll, so that no two polls ever meet.
            await asyncio.sleep(5)
            for one in made:
                telegram.write(one.token, CHAT, text="first")

            async def is_shared() -> bool:
                rows = await database.pool.fetch("SELECT worker_id, count(*) AS n FROM channel_standing GROUP BY 1")
                return {row["worker_id"]: row["n"] for row in rows} == {first.worker.id: 20, second.worker.id: 20}

            await until(is_shared, 15)
            await until(lambda: _all_wait(telegram, 40), 15)
            for one in made:
                telegram.write(one.token, CHAT, text="hello")

            async def all_came() -> bool:
                return await database.pool.fetchval("SELECT count(*) FROM messages WHERE direction = 'in'") == 80

            await until(all_came, 10)
            assert telegram.conflicts == 0
        await until(lambda: _all_wait(telegram, 40), 10)  # the second handed its own back


async def test_a_channel_changes_from_hook_to_polling_and_back_while_it_runs(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url, public_url="https://tidings.example")
    [bot] = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 1, receive="hook")
    vault, access = Vault(load_keys(settings)), system_access(bot.workspace_id, "tests")

    async def change(receive: str) -> None:
        async with database.workspace(bot.workspace_id) as session:
            await change_channel(session, access, vault, settings, bot.id, ChangeChannel(receive=receive))  # type: ignore[arg-type]

    async def has_hook() -> bool:
        return telegram.bot(bot.token).hook is not None

    async with supervisor(database, settings):
        await until(has_hook, 10)
        assert telegram.bot(bot.token).hook.url == f"https://tidings.example/hooks/{bot.id.hex}"
        await change("polling")
        await until(lambda: _all_wait(telegram, 1), 10)
        assert not await has_hook()
        telegram.write(bot.token, CHAT, text="polled")

        async def it_came() -> bool:
            return await received(database.pool, bot.id) == ["polled"]

        await until(it_came, 10)
        await change("hook")
        await until(has_hook, 10)
        assert not telegram.bot(bot.token).is_polled
        async with database.workspace(bot.workspace_id) as session:
            await set_enabled(session, access, bot.id, enabled=False)
        await change("polling")
        await asyncio.sleep(3)
        assert not telegram.bot(bot.token).is_polled, "what is off is not polled"


async def test_a_late_worker_can_move_nothing(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    [bot] = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 1)
    async with supervisor(database, settings):
        await until(lambda: _all_wait(telegram, 1), 10)
        # Somebody else takes over, as after a long silence.
        other = await database.pool.fetchval(
            "INSERT INTO channel_workers (worker_id, capacity, expires_at) VALUES (gen_random_uuid(), 9, now() + '1 hour') RETURNING worker_id"
        )
        await database.pool.execute("UPDATE channel_standing SET worker_id = $1, fence = fence + 1", other)
        telegram.write(bot.token, CHAT, text="late")

        async def it_came() -> bool:
            return await received(database.pool, bot.id) == ["late"]

        await until(it_came, 10)
        await asyncio.sleep(0.3)
        assert (await standing(database.pool, bot.id))["cursor"] == ""
