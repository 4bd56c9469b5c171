"""The API killed with SIGKILL under load: what it promised is there, what a caller repeats happens once, and no campaign is half made."""

from __future__ import annotations

import asyncio
import random
import socket

import asyncpg
import httpx2
import pytest

from tests.api.conftest import make_caller
from tests.chaos.site import Site, until
from tests.simulators.twilio import TwilioSimulator
from tidings.core.ids import show_id
from tidings.db.database import Database

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

KILLS = 3
MESSAGES = 150
CAMPAIGNS = 20
CONTACTS = 40


class Api:
    """One `tidings api` that is killed and started again on the same port."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.process = await self.site.start("api", "--port", str(self.port))
        await until(self._is_up, 40)

    async def kill(self) -> None:
        await self.site.kill(self.process)

    async def _is_up(self) -> bool:
        try:
            async with httpx2.AsyncClient(verify=False) as client:
                return (await client.get(f"{self.url}/health")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def post(self, path: str, headers: dict[str, str], key: str, body: dict) -> dict:
        """Post until a 2xx comes, as a careful caller does: the same key each time."""
        while True:
            try:
                async with httpx2.AsyncClient(verify=False, timeout=5) as client:
                    answer = await client.post(f"{self.url}{path}", headers={**headers, "Idempotency-Key": key}, json=body)
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code < 300:
                return answer.json()
            assert answer.status_code >= 500, answer.text
            await asyncio.sleep(0.1)


async def test_what_was_answered_is_there_and_what_was_repeated_happened_once(database_url, tmp_path):
    async with TwilioSimulator() as twilio, Database(database_url, pool_size=4) as database:
        site = Site(database_url, tmp_path, twilio.url)
        caller = await make_caller(database, "Shop", "owner@shop.example")
        api = Api(site)
        db = await asyncpg.connect(database_url)
        try:
            at = await site.channel(db, limits={"per_second": None, "concurrency": 8}, workspace_id=caller.id)
            channel = show_id("chn", at.channel_id)
            contacts = await _contacts(db, caller.id)
            await site.start("worker")
            await api.start()
            killer = asyncio.create_task(_kill_now_and_then(api))
            bodies = [{"to": f"+25471100{n:04d}", "text": "Hello", "channel": channel, "reference": f"order-{n}"} for n in range(MESSAGES)]
            campaigns = [
                {
                    "name": f"Sale {n}",
                    "text": "Hi {{ name|default('you') }}",
                    "channel": channel,
                    "audience": {"all": True},
                    "send_now": True,
                }
                for n in range(CAMPAIGNS)
            ]
            gate = asyncio.Semaphore(4)

            async def post(path: str, key: str, body: dict) -> dict:
                async with gate:
                    await asyncio.sleep(0.05)
                    return await api.post(path, caller.headers, key, body)

            answers = await asyncio.gather(
                *(post("/api/v1/messages", f"m{n}", body) for n, body in enumerate(bodies)),
                *(post("/api/v1/campaigns", f"c{n}", body) for n, body in enumerate(campaigns)),
            )
            await killer
            await _check(db, answers, contacts)
        finally:
            await site.stop()
            await db.close()
    assert all(twilio.requests[body["to"]] == 1 for body in bodies)


async def _kill_now_and_then(api: Api) -> None:
    rng = random.Random(3)
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.2, 1.0))
        await api.kill()
        await api.start()


async def _contacts(db: asyncpg.Connection, workspace_id) -> int:
    await db.execute(
        "WITH made AS (INSERT INTO contacts (workspace_id, id, name) SELECT $1, new_id(), 'Person ' || n FROM generate_series(1, $2) n "
        "RETURNING id) INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) "
        "SELECT $1, new_id(), id, 'sms', '+2547220' || lpad((row_number() OVER ())::text, 5, '0') FROM made",
        workspace_id, CONTACTS,
    )  # fmt: skip
    return CONTACTS


async def _check(db: asyncpg.Connection, answers: list[dict], contacts: int) -> None:
    async def nothing_waits() -> bool:
        return not await db.fetchval(
            "SELECT EXISTS (SELECT FROM campaigns WHERE finished_at IS NULL) "
            "OR EXISTS (SELECT FROM messages WHERE status IN ('queued', 'sending'))"
        )

    await until(nothing_waits, 90)
    assert len({answer["id"] for answer in answers}) == MESSAGES + CAMPAIGNS
    references = await db.fetch("SELECT reference, count(*) AS n FROM messages WHERE reference IS NOT NULL GROUP BY 1")
    assert len(references) == MESSAGES
    assert {row["n"] for row in references} == {1}
    campaigns = await db.fetch(
        "SELECT c.status, c.accepted, (SELECT count(*) FROM messages m WHERE m.campaign_id = c.id) AS written FROM campaigns c"
    )
    assert len(campaigns) == CAMPAIGNS
    assert {(row["status"], row["accepted"], row["written"]) for row in campaigns} == {("done", contacts, contacts)}
