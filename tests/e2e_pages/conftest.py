"""The dashboard over real HTTP with a worker beside it, in this process, and a browser that is signed in."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server
from playwright.async_api import Page

from tests.api.conftest import make_caller
from tidings.app import create_app
from tidings.db.database import Database
from tidings.settings import Settings
from tidings.worker import run_worker
from tidings.workspaces.access import Access, system_access
from tidings.workspaces.sessions import start_login


@dataclass(frozen=True)
class Site:
    """An installation with one workspace."""

    address: str
    app: FastAPI
    workspace_id: UUID
    owner_id: UUID

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    @property
    def access(self) -> Access:
        return system_access(self.workspace_id, "tests")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, worker_pool_size=5, public_url="https://tidings.example.com")


@pytest_asyncio.fixture(loop_scope="session")
async def site(settings: Settings, database_url: str) -> AsyncIterator[Site]:
    """The app and a worker on a fresh database."""
    app = create_app(settings, database_url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    stop = asyncio.Event()
    serving, working = asyncio.create_task(server.serve()), asyncio.create_task(run_worker(settings, database_url, stop))
    try:
        await _listening(port, serving)
        caller = await make_caller(app.state.database, "Mama Mboga Ltd", "ada@example.com")
        yield Site(f"http://127.0.0.1:{port}", app, caller.id, caller.owner_id)
    finally:
        await _end(stop, working, server, serving)


async def _end(stop: asyncio.Event, working: asyncio.Task[None], server: Server, serving: asyncio.Task[None]) -> None:
    """Stop both in good order. What keeps them from it is told, not waited for."""
    try:
        async with asyncio.timeout(40):
            stop.set()
            await asyncio.shield(working)
            server.stop()
            await asyncio.shield(serving)
    except TimeoutError:
        said = io.StringIO()
        for task in asyncio.all_tasks():
            task.print_stack(file=said)
        raise AssertionError(f"The site did not end. What was going on:\n{said.getvalue()}") from None


async def _listening(port: int, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(20):
        while True:
            assert not serving.done()
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def signed_in(site: Site, page: Page) -> Page:
    """A browser of the workspace's owner. It leaves before the site goes down."""
    async with site.database.system() as session:
        cookie = await start_login(session, site.owner_id, workspace_id=site.workspace_id)
    await page.context.add_cookies([{"name": "tidings_session", "value": cookie, "url": site.address}])
    return page
