"""PostgreSQL itself killed in the middle of a campaign, and started again: the workers go on by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest

from tests.chaos.site import Site, outcome, until, waiting
from tests.delivery import builders
from tests.simulators.twilio import TwilioSimulator
from tidings.db.embedded import start_embedded
from tidings.db.migrate import migrate

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

MESSAGES = 1_500


async def test_the_database_killed_and_started_again_loses_nobody(tmp_path_factory, tmp_path):
    home = tmp_path_factory.mktemp("database")
    for folder in (home, *home.parents[:2]):
        Path(folder).chmod(0o755)
    server = start_embedded(home)
    url = await server.ensure_database()
    await migrate(url)
    async with TwilioSimulator() as twilio:
        twilio.faults.add(kind="slow", seconds=0.03)
        site = Site(url, tmp_path, twilio.url)
        try:
            db = await asyncpg.connect(url)
            at = await site.channel(db, limits={"per_second": None, "concurrency": 8})
            campaign = await builders.campaign(db, at)
            await builders.messages(db, at, MESSAGES, campaign_id=campaign, text=None)
            await site.start("worker")
            await site.start("worker")
            await until(lambda: _begun(twilio), 40)
            await db.close()
            assert server.pid
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.sleep(2)
            server = start_embedded(home)
            db = await asyncpg.connect(url)

            async def is_done() -> bool:
                return await waiting(db, campaign) == 0

            await until(is_done, 120)
            rows = await outcome(db, campaign)
            await db.close()
        finally:
            await site.stop()
            server.stop()
    assert len(rows) == MESSAGES
    assert max(twilio.requests.values()) == 1, "a copy under at_most_once"
    # The workers lived on, and what they knew they wrote down once the database was back. On a machine so slow that this took longer
    # than a claim is good for, a few may have been given up as unknown; none was guessed.
    for row in rows:
        assert row["status"] in {"sent", "unknown"}
        assert row["status"] == "unknown" or twilio.requests[row["address"]] == 1
    assert sum(row["status"] == "sent" for row in rows) > MESSAGES * 0.9


async def _begun(twilio: TwilioSimulator) -> bool:
    return len(twilio.requests) > 100
