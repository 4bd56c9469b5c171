"""The whole app over real HTTP messages on a fresh database, with two workspaces and their keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from tidings.app import create_app
from tidings.core.ids import show_id
from tidings.db.database import Database
from tidings.settings import Settings
from tidings.workspaces import passwords
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import create_api_key, create_user, create_workspace

PASSWORD = "correct horse battery"
# A hash costs a quarter of a second of a core on purpose; hundreds of tests that only need somebody signed in need not pay it.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class Caller:
    """A workspace, its owner, and the header of a key that may do everything in it."""

    id: UUID
    owner_id: UUID
    owner_email: str
    headers: dict[str, str]

    @property
    def public_id(self) -> str:
        return show_id("wrk", self.id)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of the app under test; override it in a module to change one."""
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5)


@pytest.fixture
async def app(settings: Settings, database_url: str) -> AsyncIterator[FastAPI]:
    """The app, started."""
    made = create_app(settings, database_url)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Speaks to the app. An exception in it is a 500, as in production, not a Python traceback here."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as opened:
        yield opened


@pytest.fixture
async def workspace(app: FastAPI) -> Caller:
    """A workspace in Kenya."""
    return await make_caller(app.state.database, "Acme", "owner@acme.example")


@pytest.fixture
async def other_workspace(app: FastAPI) -> Caller:
    """Somebody else's workspace."""
    return await make_caller(app.state.database, "Other", "owner@other.example")


async def make_caller(database: Database, name: str, email: str) -> Caller:
    """Make a workspace with an owner and a key."""
    async with database.system() as session:
        owner = await create_user(session, email=email, name=f"Owner of {name}", password=PASSWORD)
        made = await create_workspace(session, name=name, owner_id=owner.id, timezone="Africa/Nairobi", default_region="KE")
        access = system_access(made.id, "tests")
        key = await create_api_key(session, access, name="Tests", scopes=frozenset(Permission))
    return Caller(made.id, owner.id, owner.email, {"Authorization": f"Bearer {key.secret}"})


async def signed_in(client: httpx2.AsyncClient, caller: Caller) -> dict[str, str]:
    """The header of the workspace's owner, in person."""
    answer = await client.post("/api/v1/auth/token", json={"email": caller.owner_email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
