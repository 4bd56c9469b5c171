"""Health by round trip: proved by probes, its queue held while they fail, told once, freed by the first that succeeds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.chaos.site import until
from tests.simulators.telegram import TelegramSimulator
from tests.supervision.builders import activity, bots, settings_for, standing, supervisor, workspace


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as simulator:
        yield simulator


async def _probe_now(database) -> None:
    await database.pool.execute("UPDATE channel_standing SET next_check_at = now()")


def _is(database, channel_id, health: str, failures: int = 0):
    async def so() -> bool:
        row = await standing(database.pool, channel_id)
        return row["health"] == health and row["checked_at"] is not None and row["failures_in_row"] >= failures

    return so


async def test_a_probe_proves_the_channel_and_its_latency_is_kept(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    [bot] = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 1, receive="hook")
    await _probe_now(database)
    async with supervisor(database, settings):
        await until(_is(database, bot.id, "healthy"), 10)
    row = await standing(database.pool, bot.id)
    assert row["latency_ms"] >= 0
    assert "Signed in as the bot" in row["health_detail"]
    assert 144 <= (row["next_check_at"] - row["checked_at"]).total_seconds() <= 216
    assert await activity(database.pool, bot.id) == ["probe_worked"]


async def test_an_outage_holds_the_queue_tells_once_and_ends_with_the_first_good_probe(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url, health_seconds=5)
    [bot] = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 1, receive="hook")
    telegram.faults.add(kind="status", code=503, numbers=["getme"])
    await _probe_now(database)
    async with supervisor(database, settings):
        await until(_is(database, bot.id, "unhealthy", failures=5), 60)
        pace = await database.pool.fetchrow("SELECT paused_until > now() + interval '20 seconds' AS held, breaker FROM channel_pace")
        assert (pace["held"], pace["breaker"]) == (True, "open")
        assert [row["kind"] for row in await database.pool.fetch("SELECT kind FROM alerts")] == ["unhealthy"]
        assert await database.pool.fetchval("SELECT stopped_at FROM channels") is None
        telegram.faults.clear()
        await until(_is(database, bot.id, "healthy"), 20)
        pace = await database.pool.fetchrow("SELECT paused_until < now() AS free, breaker FROM channel_pace")
        assert (pace["free"], pace["breaker"]) == (True, "closed")
        assert await database.pool.fetchval("SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0
        telegram.faults.add(kind="status", code=503, numbers=["getme"])
        await until(_is(database, bot.id, "unhealthy"), 60)
    assert await database.pool.fetchval("SELECT count(*) FROM alerts") == 2, "told again, because it worked in between"


async def test_wrong_credentials_stop_the_channel_at_the_first_probe(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    [bot] = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 1, receive="hook")
    telegram.revoked.add(bot.token)
    await _probe_now(database)
    async with supervisor(database, settings):

        async def is_stopped() -> bool:
            return await database.pool.fetchval("SELECT stopped_code FROM channels") == "invalid_credentials"

        await until(is_stopped, 10)
    assert await database.pool.fetchval("SELECT kind FROM alerts") == "invalid_credentials"


async def test_two_workers_probe_each_channel_once(database, telegram, tmp_path):
    settings = settings_for(tmp_path, telegram.url)
    made = await bots(database.pool, await workspace(database.pool), settings, telegram.url, 40, receive="hook")
    asked: list[str] = []
    real = telegram.method

    async def method(bot, name, params):
        if name == "getme":
            asked.append(bot.token)
        return await real(bot, name, params)

    telegram.method = method  # type: ignore[method-assign]
    await _probe_now(database)
    async with supervisor(database, settings), supervisor(database, settings):

        async def all_healthy() -> bool:
            return await database.pool.fetchval("SELECT count(*) FROM channel_standing WHERE health = 'healthy'") == 40

        await until(all_healthy, 20)
    assert sorted(asked) == sorted(one.token for one in made)
