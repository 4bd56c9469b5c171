"""The whole app with a WhatsApp and a Telegram simulator that its channels may speak to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller, app, client, other_workspace, workspace
from tests.channels import builders as channels
from tests.channels.builders import Made
from tests.simulators import whatsapp_cloud
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tests.simulators.whatsapp_cloud import WhatsAppSimulator
from tidings.channels.runtime import RunningChannel, open_channel
from tidings.core.ids import show_id
from tidings.providers.base import Callback, Inbound
from tidings.receipts.service import take_in, understand
from tidings.settings import Settings

__all__ = ["app", "client", "other_workspace", "workspace"]

PERSON = "+254712345678"
CHAT = 424242


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as simulator:
        yield simulator


@pytest.fixture
async def whatsapp() -> AsyncIterator[WhatsAppSimulator]:
    async with WhatsAppSimulator() as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path, telegram: TelegramSimulator, whatsapp: WhatsAppSimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, allowed_api_base_urls=f"{telegram.url},{whatsapp.url}")


@pytest.fixture
async def db(app: FastAPI):
    async with app.state.database.pool.acquire() as connection:
        yield connection


@dataclass
class Inbox:
    """One channel, and what people send to it."""

    app: FastAPI
    client: httpx2.AsyncClient
    workspace: Caller
    channel: Made

    @property
    def id(self) -> str:
        return show_id("chn", self.channel.id)

    async def running(self) -> RunningChannel:
        state = self.app.state
        async with state.database.pool.acquire() as connection:
            opened = await open_channel(connection, state.vault, state.settings, self.channel.id)
        assert opened is not None
        return opened

    async def take(self, callbacks: Sequence[Callback]) -> None:
        """As what a hook or a poll brings is taken in."""
        running = await self.running()
        async with self.app.state.database.system() as session:
            await take_in(session, self.app.state.database, understand(running, callbacks))

    async def says(self, text: str = "Habari", number: str = "1", *, sender: str = PERSON, at: datetime | None = None, **more: Any) -> None:
        """A person writes."""
        await self.take([Inbound(provider_message_id=f"in{number}", sender=sender, recipient=None, text=text, at=at, **more)])

    async def poll(self) -> None:
        """Ask the simulator for what came in, as the supervisor does."""
        running = await self.running()
        polled = await running.provider.poll(self.app.state.http, running.config, "", wait_seconds=0)
        await self.take(polled.callbacks)

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        answer = await self.client.get(f"/api/v1{path}", headers=self.workspace.headers, params=params)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.client.request(method, f"/api/v1{path}", headers=self.workspace.headers, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


async def make_channel(app: FastAPI, workspace: Caller, provider: str, medium: str, url: str = "", **more: Any) -> Made:
    async with app.state.database.pool.acquire() as connection:
        made = await channels.channel(connection, workspace.id, vault=app.state.vault, provider=provider, api_base_url=url, **more)
        await connection.execute("UPDATE channels SET medium = $2 WHERE id = $1", made.id, medium)
    return made


@pytest.fixture
async def sandbox(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> Inbox:
    return Inbox(app, client, workspace, await make_channel(app, workspace, "sandbox", "sms", is_default=True))


@pytest.fixture
async def bot(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, telegram: TelegramSimulator) -> Inbox:
    made = await make_channel(app, workspace, "telegram", "telegram", telegram.url, credentials={"bot_token": BOT_TOKEN})
    return Inbox(app, client, workspace, made)


@pytest.fixture
async def number(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, whatsapp: WhatsAppSimulator) -> Inbox:
    """A WhatsApp number, whose window for free text is 24 hours."""
    made = await make_channel(
        app, workspace, "whatsapp_cloud", "whatsapp", whatsapp.url, sender=f"+{whatsapp_cloud.NUMBER}",
        settings={"phone_number_id": whatsapp_cloud.PHONE_NUMBER_ID, "waba_id": whatsapp_cloud.WABA_ID, "graph_version": "v25.0"},
        credentials={
            "access_token": whatsapp_cloud.ACCESS_TOKEN, "app_secret": whatsapp_cloud.APP_SECRET,
            "verify_token": whatsapp_cloud.VERIFY_TOKEN,
        },
    )  # fmt: skip
    return Inbox(app, client, workspace, made)
