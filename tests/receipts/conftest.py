"""The whole app, and a Twilio channel in it whose hook is called with signatures of Twilio's own library."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlencode

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from twilio.request_validator import RequestValidator

from tests.api.conftest import Caller, app, client, other_workspace, workspace
from tests.channels import builders as channels
from tests.channels.builders import Made
from tidings.db.urls import asyncpg_url
from tidings.settings import Settings

__all__ = ["app", "client", "other_workspace", "workspace"]

PUBLIC = "https://tidings.example"
PERSON = "+254712345678"
SENDER = "+15005550006"
_NUMBERS = count(1)


@dataclass
class Hook:
    """A Twilio channel and its hook."""

    channel: Made
    client: httpx2.AsyncClient
    token: str = channels.AUTH_TOKEN
    answers: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/hooks/{self.channel.hook_token}"

    async def call(self, form: dict[str, str], query: str = "", *, token: str | None = None, path: str | None = None) -> int:
        """Post a form as Twilio does, and give the answer's status."""
        path = (path or self.path) + query
        signature = RequestValidator(token or self.token).compute_signature(PUBLIC + path, form)
        answer = await self.client.post(
            path,
            content=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature},
        )
        self.answers.append(answer.text)
        return answer.status_code

    async def status(self, status: str, sid: str = "SM1", *, of: str = "", **more: str) -> int:
        """A status callback; `of` is our own id, which rides along in the address."""
        return await self.call({"MessageSid": sid, "MessageStatus": status, **more}, f"?m={of}" if of else "")

    async def inbound(self, text: str, sid: str | None = None, *, sender: str = PERSON, **more: str) -> int:
        """A message from a person."""
        sid = sid or f"SMin{next(_NUMBERS)}"
        return await self.call({"MessageSid": sid, "From": sender, "To": SENDER, "Body": text, "NumMedia": "0", **more})


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, public_url=PUBLIC)


@pytest.fixture
async def hook(app: FastAPI, client: httpx2.AsyncClient, workspace: Caller) -> Hook:
    async with app.state.database.pool.acquire() as db:
        made = await channels.channel(
            db, workspace.id, vault=app.state.vault, provider="twilio", settings=channels.TWILIO, credentials=channels.TWILIO_SECRETS,
            sender=SENDER, is_default=True,
        )  # fmt: skip
    return Hook(made, client)


@pytest.fixture
async def db(app: FastAPI):
    async with app.state.database.pool.acquire() as connection:
        yield connection


@pytest.fixture
async def owner(app: FastAPI, database_url: str):
    """A connection that may change the tables themselves."""
    connection = await asyncpg.connect(asyncpg_url(database_url))
    yield connection
    await connection.close()
