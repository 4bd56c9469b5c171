"""Members who set up channels of their own, for tests: they call the API in person, and write to a bot of the simulated Telegram."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import PASSWORD, Caller, signed_in
from tests.channels.builders import Made
from tests.inbox.conftest import CHAT, Inbox
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.core.ids import read_id
from tidings.settings import Settings
from tidings.workspaces.rules import Role
from tidings.workspaces.service import create_user

AGENT = "agent@acme.example"
OWNER = "owner@acme.example"


@pytest.fixture
def settings(tmp_path, telegram: TelegramSimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, allowed_api_base_urls=telegram.url)


@pytest.fixture
async def db(app: FastAPI):
    async with app.state.database.pool.acquire() as connection:
        yield connection


class Person:
    """A member who calls the API in person."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        assert BOT_TOKEN not in answer.text
        return answer.json() if answer.content else None


@pytest.fixture
async def owner(client: httpx2.AsyncClient, workspace: Caller) -> Person:
    return Person(client, await signed_in(client, workspace))


@pytest.fixture
async def agent(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> Person:
    return Person(client, await sign_in_as(app, client, workspace, AGENT, Role.AGENT))


async def sign_in_as(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, email: str, role: Role) -> dict[str, str]:
    async with app.state.database.system() as session:
        user = await create_user(session, email=email, name=email, password=PASSWORD)
    await app.state.database.pool.execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES ($1, $2, $3)", workspace.id, user.id, role
    )
    answer = await client.post("/api/v1/auth/token", json={"email": email, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def wanted(telegram: TelegramSimulator, **more: Any) -> dict[str, Any]:
    return {"provider": "telegram", "fields": {"bot_token": BOT_TOKEN}, "api_base_url": telegram.url, **more}


async def poll(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, channel: str) -> None:
    channel_id = read_id("chn", channel)
    assert channel_id
    await Inbox(app, client, workspace, Made(workspace.id, channel_id, "")).poll()


async def link(app: FastAPI, agent: Person, workspace: Caller, telegram: TelegramSimulator, channel: str, chat: int = CHAT) -> None:
    made = await agent.call("POST", f"/me/channels/{channel}/link", status=201)
    telegram.write(BOT_TOKEN, chat, text=f"/start {parse_qs(urlsplit(made['url']).query)['start'][0]}")
    await poll(app, agent.client, workspace, channel)


@pytest.fixture
async def central(owner: Person, agent: Person, telegram: TelegramSimulator) -> str:
    """A Telegram channel of the workspace, marked as central, that keeps the agent's and the owner's chats."""
    made = await owner.call("POST", "/channels", {**wanted(telegram), "name": "Love bot"}, 201)
    assert (await owner.call("PUT", f"/channels/{made['id']}/central"))["is_central"]
    kept = await keep(owner, made["id"], {AGENT: "1001", OWNER: "1002"})
    assert (kept["added"], kept["refused"]) == (2, [])
    return str(made["id"])


async def keep(owner: Person, channel: str, chats: dict[str, str], status: int = 200) -> dict:
    items = [{"email": email, "address": address} for email, address in chats.items()]
    return await owner.call("PUT", f"/channels/{channel}/central-addresses", {"items": items}, status)
