"""Real processes: `tidings api`, `tidings worker`, a provider that calls back early, late, twice and out of order, and a SIGKILL."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.chaos.site import Site, until
from tests.delivery import builders as deliveries
from tests.delivery.builders import Place
from tests.simulators.callbacks import Plan
from tests.simulators.twilio import TwilioSimulator
from tidings.db.urls import asyncpg_url

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("receipts_whole_way")]


class OpenSite(Site):
    """A site whose API providers can reach."""

    def __init__(self, database_url, home, provider_url) -> None:
        super().__init__(database_url, home, provider_url)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "TIDINGS_PUBLIC_URL": self.url, "TIDINGS_API_POOL_SIZE": "4"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start_api(self) -> asyncio.subprocess.Process:
        process = await self.start("api", "--port", str(self.port))
        await until(self._answers, 60)
        return process

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioSimulator]:
    async with TwilioSimulator() as simulator:
        yield simulator


@pytest.fixture
async def site(database_url, tmp_path, twilio) -> AsyncIterator[OpenSite]:
    made = OpenSite(database_url, tmp_path, twilio.url)
    yield made
    await made.stop()


@pytest.fixture
async def db(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(asyncpg_url(database_url), server_settings={"role": "tidings_engine", "timezone": "UTC"})
    yield connection
    await connection.close()


async def hook_url(db, site: OpenSite, at: Place) -> str:
    return f"{site.url}/hooks/{await db.fetchval('SELECT hook_token FROM channels WHERE id = $1', at.channel_id)}"


async def test_what_was_answered_is_there_after_a_sigkill(site, db, twilio):
    at = await site.channel(db, limits={})
    url = await hook_url(db, site, at)
    await db.execute(
        "INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, attempt, provider_message_id) "
        "SELECT $1, new_id(), $2, 'sms', '+2547' || lpad(n::text, 8, '0'), 'Hello', 'sent', 1, 'SM' || n FROM generate_series(1, 2000) n",
        at.workspace_id, at.channel_id,
    )  # fmt: skip
    api = await site.start_api()
    calls = [
        asyncio.create_task(twilio.post_signed(url, {"MessageSid": f"SM{n}", "MessageStatus": "delivered", "To": "", "From": ""}))
        for n in range(1, 2001)
    ]
    await until(lambda: _at_least(calls, 300), 60, every=0.01)
    await site.kill(api)
    posted = await asyncio.gather(*calls)
    answered = {one.form["MessageSid"] for one in posted if one.answer == 200}
    assert 300 <= len(answered) < 2000, "the kill came while calls were under way"
    kept = {row["provider_message_id"] for row in await db.fetch("SELECT provider_message_id FROM receipts")}
    assert answered <= kept
    delivered = {
        row["provider_message_id"] for row in await db.fetch("SELECT provider_message_id FROM messages WHERE status = 'delivered'")
    }
    assert delivered == kept, "a receipt and what it changes are written together"

    await site.start_api()
    again = await asyncio.gather(*(twilio.post_signed(one.url, dict(one.form)) for one in posted if one.answer != 200))
    assert {one.answer for one in again} == {200}
    assert await db.fetchval("SELECT count(*) FROM messages WHERE status = 'delivered'") == 2000


async def _at_least(calls, count) -> bool:
    return sum(call.done() for call in calls) >= count


@pytest.mark.parametrize(
    "plan",
    [
        Plan(statuses=["queued", "sent", "delivered"], before_answer=True),
        Plan(statuses=["sent", "delivered", "read"], twice=True, shuffled=True, seed=7),
        Plan(statuses=["sent", "delivered"], delay=0.3),
    ],
    ids=["before the send is answered", "twice and out of order", "late"],
)
async def test_receipts_of_a_campaign_all_find_their_message(site, db, twilio, plan):
    twilio.plan = plan
    at = await site.channel(db, limits={"per_second": None, "concurrency": 8})
    campaign_id = await deliveries.campaign(db, at)
    await site.start_api()
    await site.start("worker")
    await deliveries.messages(db, at, 60, campaign_id=campaign_id)
    wanted = "read" if "read" in plan.statuses else "delivered"

    async def done() -> bool:
        return await deliveries.counted(db, campaign_id) == {wanted: 60}

    await until(done, 60)
    await twilio.poster.idle()
    assert {posted.answer for posted in twilio.poster.posted} == {200}
    assert await db.fetchval("SELECT count(*) FROM receipts WHERE message_id IS NULL") == 0
    assert await db.fetchval("SELECT count(*) FROM messages WHERE provider_message_id IS NULL OR sent_at IS NULL") == 0
    assert set(twilio.taken.values()) == {1}


async def test_a_stop_through_the_whole_way_is_answered_once_and_holds(site, db, twilio):
    at = await site.channel(db, limits={"per_second": None})
    url = await hook_url(db, site, at)
    await site.start_api()
    await site.start("worker")
    person = "+254700000001"
    for _ in range(2):
        posted = await twilio.post_inbound(url=url, sender=person, text="Arrêt")
        assert posted.answer == 200
    twilio.opted_out.clear()

    async def answered() -> bool:
        return twilio.taken[person] == 1

    await until(answered, 30)
    assert twilio.log[-1]["form"]["Body"].startswith("Vous êtes désabonné")
    await deliveries.messages(db, at, 1, prefix="+2547")

    async def ended() -> bool:
        return await db.fetchval("SELECT count(*) FROM messages WHERE suppression = 'opted_out'") == 1

    await until(ended, 30)
    assert twilio.taken[person] == 1
