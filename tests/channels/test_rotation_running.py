"""Keys are changed while `tidings api` and `tidings worker` run: what any process signed or sealed holds at every other."""

from __future__ import annotations

import asyncio
import socket

import asyncpg
import httpx2
import pytest

from tests.api.conftest import make_caller, signed_in
from tests.channels.builders import TWILIO, TWILIO_SECRETS
from tests.chaos.site import Site, until
from tests.simulators.twilio import TwilioSimulator
from tidings.channels.vault import KEY_FILE, Vault, load_keys
from tidings.core.ids import show_id
from tidings.db.database import Database
from tidings.settings import Settings

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]


async def start_api(site: Site) -> httpx2.AsyncClient:
    """Another API process of the installation, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await site.start("api", "--port", str(port))
    client = httpx2.AsyncClient(verify=False, base_url=f"http://127.0.0.1:{port}", timeout=30)

    async def answers() -> bool:
        try:
            return (await client.get("/health")).status_code == 200
        except httpx2.HTTPError:
            return False

    await until(answers, 60)
    return client


async def status(client: httpx2.AsyncClient, headers: dict[str, str]) -> int:
    return (await client.get("/api/v1/workspace", headers=headers)).status_code


def throw_away_all_but_the_newest(site: Site) -> bytes:
    newest, *_ = load_keys(Settings(_env_file=None, home=site.home))
    (site.home / KEY_FILE).write_text(newest.decode() + "\n")
    return newest


async def test_running_processes_take_what_a_new_key_signed_and_sealed(database_url, tmp_path):
    async with TwilioSimulator() as twilio, Database(database_url, pool_size=4) as database:
        site = Site(database_url, tmp_path, twilio.url)
        caller = await make_caller(database, "Shop", "owner@shop.example")
        db = await asyncpg.connect(database_url)
        try:
            at = await site.channel(db, limits={"per_second": None}, workspace_id=caller.id)
            await site.start("worker")
            running = await start_api(site)
            before = await signed_in(running, caller)
            assert await (await site.start("rotate-keys")).wait() == 0
            later = await start_api(site)
            after = await signed_in(later, caller)
            assert [await status(running, after), await status(later, before)] == [200, 200]
            newest = throw_away_all_but_the_newest(site)
            assert [await status(running, after), await status(running, before)] == [200, 401], "what a thrown away key signed is over"
            body = {"to": "+254711000001", "text": "Hello", "channel": show_id("chn", at.channel_id)}
            assert (await running.post("/api/v1/messages", headers=caller.headers, json=body)).status_code == 202

            async def is_sent() -> bool:
                return await db.fetchval("SELECT status FROM messages") == "sent"

            await until(is_sent, 30)
            new = {"name": "Second", "provider": "twilio", "sender": "+15005550006", "fields": {**TWILIO, **TWILIO_SECRETS}}
            made = await running.post("/api/v1/channels", headers=caller.headers, json=new)
            assert made.status_code == 201, made.text
            sealed = await db.fetchval("SELECT credentials FROM channels WHERE name = 'Second'")
            assert Vault([newest]).open(sealed) == TWILIO_SECRETS, "the key that was thrown away is not needed"
            await asyncio.gather(running.aclose(), later.aclose())
        finally:
            await site.stop()
            await db.close()
