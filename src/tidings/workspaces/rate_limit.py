"""Limits on how often something may be asked, shared by all processes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tidings.errors import RateLimited

if TYPE_CHECKING:
    from tidings.db.database import Database

# Counts whole minutes, and carries the share of the minute before that the last 60 seconds still hold, so that nobody gets twice
# the limit around the full minute. Refused requests are not counted: who keeps asking still gets their limit through.
_TAKE = """
WITH clock AS (SELECT date_trunc('minute', now()) AS minute, 1 - extract(second FROM now()) / 60 AS share),
before AS (
    SELECT coalesce(max(count), 0) * clock.share AS carried FROM clock
    LEFT JOIN rate_windows w ON w.key = $1 AND w.window_start = clock.minute - interval '1 minute'
    GROUP BY clock.share
)
INSERT INTO rate_windows AS w (key, window_start)
SELECT $1, clock.minute FROM clock, before WHERE carried < $2
ON CONFLICT (key, window_start) DO UPDATE SET count = w.count + 1 WHERE w.count + (SELECT carried FROM before) < $2
RETURNING count
"""
_WAIT = "SELECT 60 - extract(second FROM now())"


async def limit(database: Database, key: str, per_minute: int) -> None:
    """Count one request of `key`. Raises RateLimited, with the seconds to wait, when there were `per_minute` in the last 60 seconds."""
    taken = await database.pool.fetchval(_TAKE, _short(key), per_minute)
    if taken is None:
        # When the minute turns the limit is all carried over; one request's share of it has to pass.
        wait = float(await database.pool.fetchval(_WAIT)) + 60 / per_minute
        raise RateLimited(
            f"At most {per_minute} of these requests are allowed in a minute. This one was not carried out; try again in {wait:.0f} s.",
            retry_after=wait,
        )


def _short(key: str) -> str:
    """Callers choose some keys (an e-mail address in a login): the table must not grow by their length."""
    return key if len(key) <= 100 else hashlib.sha256(key.encode()).hexdigest()
