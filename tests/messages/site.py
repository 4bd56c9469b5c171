"""A caller with a key and a sandbox channel, and a worker beside the app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.contacts.builders import make_contact
from tidings.core.ids import read_id
from tidings.settings import Settings
from tidings.worker import run_worker


class Api:
    """Speaks to /api/v1 as one caller. What is not 2xx fails the test unless it is expected."""

    def __init__(self, client: httpx2.AsyncClient, caller: Caller, app: FastAPI) -> None:
        self.client = client
        self.caller = caller
        self.database = app.state.database
        self.channel = ""
        """The public id of its sandbox channel."""

    async def ask(self, method: str, path: str, status: int | None = None, **more: Any) -> httpx2.Response:
        headers = {**self.caller.headers, **more.pop("headers", {})}
        answer = await self.client.request(method, f"/api/v1{path}", headers=headers, **more)
        if status is None:
            assert answer.is_success, answer.text
        else:
            assert answer.status_code == status, answer.text
        return answer

    async def get(self, path: str, **more: Any) -> Any:
        return (await self.ask("GET", path, **more)).json()

    async def post(self, path: str, json: Any, **more: Any) -> Any:
        return (await self.ask("POST", path, json=json, **more)).json()

    async def put(self, path: str, **more: Any) -> Any:
        return (await self.ask("PUT", path, **more)).json()

    async def make_contact(self, name: str, address: str, /, **attributes: Any) -> UUID:
        contact_id = await make_contact(self.database.pool, self.caller.id, name, address)
        if attributes:
            await self.database.pool.execute("UPDATE contacts SET attributes = $2 WHERE id = $1", contact_id, json_of(attributes))
        return contact_id

    async def make_contacts(self, count: int, *, prefix: str = "+25471") -> None:
        """So many contacts, `Person 0` and on, to numbers of their own."""
        await self.database.pool.execute(
            """
            WITH made AS (
                INSERT INTO contacts (workspace_id, id, name) SELECT $1, new_id(), 'Person ' || n FROM generate_series(0, $2::int - 1) n
                RETURNING id, name
            )
            INSERT INTO contact_points (workspace_id, id, contact_id, medium, address)
            SELECT $1, new_id(), id, 'sms', $3 || lpad(substr(name, 8), 7, '0') FROM made
            """,
            self.caller.id, count, prefix,
        )  # fmt: skip


def json_of(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def raw(prefix: str, public_id: str) -> UUID:
    found = read_id(prefix, public_id)
    assert found is not None
    return found


@pytest.fixture
async def api(client: httpx2.AsyncClient, workspace: Caller, app: FastAPI) -> Api:
    """A caller whose default SMS channel is the sandbox."""
    return await with_channel(Api(client, workspace, app))


@pytest.fixture
async def other_api(client: httpx2.AsyncClient, other_workspace: Caller, app: FastAPI) -> Api:
    """Somebody else, with a sandbox channel of their own."""
    return await with_channel(Api(client, other_workspace, app))


async def with_channel(api: Api, **more: Any) -> Api:
    made = await api.post("/channels", {"name": "Sandbox", "provider": "sandbox", "fields": {}, **more})
    api.channel = made["id"]
    return api


@pytest.fixture
async def worker(settings: Settings, database_url: str) -> AsyncIterator[None]:
    """A worker beside the app, ended in good order."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(settings, database_url, stop))
    yield
    stop.set()
    async with asyncio.timeout(30):
        await task


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """What `look` gives as soon as it gives anything true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"It did not come within {seconds} s; last: {await look()}")
