"""Rate limits hold across connections and around the full minute."""

from __future__ import annotations

import asyncio

import pytest

from tidings.db.database import Database
from tidings.errors import RateLimited
from tidings.workspaces.rate_limit import limit


async def allowed(database: Database, key: str, per_minute: int, tries: int) -> int:
    outcomes = await asyncio.gather(*(limit(database, key, per_minute) for _ in range(tries)), return_exceptions=True)
    assert all(one is None or isinstance(one, RateLimited) for one in outcomes)
    return outcomes.count(None)


async def test_requests_at_the_same_moment_share_one_limit(database: Database) -> None:
    assert await allowed(database, "send:a", 7, 20) == 7


async def test_keys_do_not_share_their_limits(database: Database) -> None:
    assert await allowed(database, "login:" + "a" * 500, 2, 3) == 2
    assert await allowed(database, "login:" + "a" * 499 + "b", 2, 3) == 2
    assert await database.pool.fetchval("SELECT max(length(key)) FROM rate_windows") <= 100


async def test_the_refusal_says_how_long_to_wait(database: Database) -> None:
    await limit(database, "x", 1)
    with pytest.raises(RateLimited, match="not carried out") as caught:
        await limit(database, "x", 1)
    assert 60 <= caught.value.retry_after <= 121


async def test_the_minute_before_still_counts_by_its_share(database: Database) -> None:
    """Right after the full minute nearly nothing is free, at its end nearly all."""
    async with database.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO rate_windows (key, window_start, count) VALUES ('x', date_trunc('minute', now()) - interval '1 minute', 100)"
        )
        share = float(await connection.fetchval("SELECT extract(second FROM now()) / 60"))
    assert abs(await allowed(database, "x", 100, 110) - 100 * share) <= 5


async def test_what_is_two_minutes_old_is_forgotten(database: Database) -> None:
    await database.pool.execute(
        "INSERT INTO rate_windows (key, window_start, count) VALUES ('x', date_trunc('minute', now()) - interval '2 minutes', 100)"
    )
    assert await allowed(database, "x", 5, 6) == 5
