"""Workers that follow routes are killed in the middle of it: nobody is tried twice, nobody is forgotten, everybody counts once."""

from __future__ import annotations

import asyncio
import random
import sys

from tests.delivery.builders import counted
from tests.routes import builders
from tests.routes.test_fallback import GONE
from tidings.messages.fallbacks import follow_routes

PEOPLE = 1_500


async def test_killed_at_any_moment_each_recipient_has_one_next_try(database, database_url):
    at = await builders.place(database, ("sms", "sent", None), ("whatsapp", "sent", None))
    await database.pool.execute(
        """
        WITH made AS (
            INSERT INTO contacts (workspace_id, id, name) SELECT $1, new_id(), 'Person ' || n FROM generate_series(1, $2::int) n RETURNING id, name
        )
        INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
        SELECT $1, new_id(), id, medium, '+2547' || lpad(substr(name, 8), 8, '0') FROM made, unnest(ARRAY['sms', 'whatsapp']) AS medium
        """,
        at.workspace_id, PEOPLE,
    )  # fmt: skip
    campaign_id = await builders.campaign(at)
    await builders.go(at, "sms", GONE, PEOPLE)
    for _ in range(3):
        workers = [await _start(database_url) for _ in range(2)]
        await asyncio.sleep(random.uniform(0.02, 0.15))
        for worker in workers:
            worker.kill()
            await worker.wait()
        assert sum((await counted(database.pool, campaign_id)).values()) == PEOPLE
    await follow_routes(database.pool)
    assert await counted(database.pool, campaign_id) == {"queued": PEOPLE}
    row = await database.pool.fetchrow(
        "SELECT count(*) AS tries, count(DISTINCT try_of) AS recipients, bool_and(medium = 'whatsapp') AS right FROM messages WHERE try_of IS NOT NULL"
    )
    assert tuple(row) == (PEOPLE, PEOPLE, True)
    assert await database.pool.fetchval("SELECT count(*) FROM fallbacks") == 0


async def _start(database_url: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.routes.follower", database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process
