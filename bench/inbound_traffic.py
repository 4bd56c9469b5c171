"""What people write, as Telegram and WhatsApp bring it: signed calls of a channel's hook, made before the clock starts."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.raw_client import request_bytes
from bench.traffic import FIRST_NAMES, PUBLIC_URL
from tidings.channels.vault import open_vault
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.providers.base import ChannelConfig
from tidings.providers.telegram.hook import HEADER, secret_token
from tidings.settings import Settings

APP_SECRET = "bench-app-secret-0123456789abcdef"
STOP_EVERY = 200
"""One in so many says STOP, which opts a person out and is owed an answer."""


@dataclass(frozen=True, slots=True)
class Door:
    """A channel that people write to."""

    provider: str
    id: UUID
    secret: str
    """What its calls are proved with: the token that Telegram brings back, or the key of Meta's signature."""


@dataclass(frozen=True, slots=True)
class Writing:
    """A message of a person. Numbers name people; one who writes again is the same person of the same channel."""

    door: Door
    person: int
    number: int

    def request(self, port: int) -> bytes:
        """The whole call."""
        body = json.dumps(self._telegram() if self.door.provider == "telegram" else self._whatsapp()).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Bench"}
        if self.door.provider == "telegram":
            headers[HEADER] = self.door.secret
        else:
            headers["X-Hub-Signature-256"] = f"sha256={hmac.new(self.door.secret.encode(), body, hashlib.sha256).hexdigest()}"
        return request_bytes("POST", f"/hooks/{self.door.id.hex}", port, body, headers)

    @property
    def text(self) -> str:
        return "STOP" if self.number % STOP_EVERY == STOP_EVERY - 1 else f"Where is my order {self.number}? It was to come this morning."

    def _telegram(self) -> dict[str, Any]:
        who = {
            "id": 1_000_000 + self.person,
            "first_name": FIRST_NAMES[self.person % len(FIRST_NAMES)],
            "last_name": f"Person{self.person}",
        }
        chat = {**who, "type": "private"}
        message = {"message_id": self.number + 1, "from": {**who, "is_bot": False}, "chat": chat, "date": 1_700_000_000, "text": self.text}
        return {"update_id": self.number + 1, "message": message}

    def _whatsapp(self) -> dict[str, Any]:
        number = f"2547{self.person:08d}"
        message = {
            "id": f"wamid.{self.number:030d}",
            "from": number,
            "timestamp": "1700000000",
            "type": "text",
            "text": {"body": self.text},
        }
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15005550006", "phone_number_id": "100200300"},
            "contacts": [{"profile": {"name": f"Person{self.person}"}, "wa_id": number}],
            "messages": [message],
        }
        return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"value": value, "field": "messages"}]}]}


def writings(doors: Sequence[Door], count: int, known: int, begin: int = 0) -> Iterator[Writing]:
    """`count` messages from `begin` on: every second by one of the `known` first people, the others each by somebody new."""
    for number in range(begin, begin + count):
        person = number // 2 % known if number % 2 else known + number
        yield Writing(doors[person % len(doors)], person, number)


async def add_doors(home: Path, database: Database, workspaces: Sequence[UUID], stub_url: str, each: int) -> list[Door]:
    """So many channels for each workspace, by turns a Telegram bot and a WhatsApp number."""
    doors = []
    for number, workspace_id in enumerate(one for one in workspaces for _ in range(each)):
        channel_id = new_id()
        if number % 2:
            credentials, settings = (
                {"access_token": "EAAbench", "app_secret": APP_SECRET, "verify_token": "bench"},
                {"phone_number_id": "100200300"},
            )
            door = Door("whatsapp_cloud", channel_id, APP_SECRET)
        else:
            credentials, settings = {"bot_token": f"{20_000 + number}:{'A' * 35}"}, {}
            config = ChannelConfig(sender="", settings={}, credentials=credentials, hook_url=f"{PUBLIC_URL}/hooks/{channel_id.hex}")
            door = Door("telegram", channel_id, secret_token(config))
        await database.pool.execute(
            _CHANNEL, workspace_id, channel_id, f"Door {number}", door.provider, door.provider.partition("_")[0],
            json.dumps(settings), open_vault(Settings(home=home)).seal(credentials), stub_url, channel_id.hex,
        )  # fmt: skip
        doors.append(door)
    # None needs a probe while this runs.
    await database.pool.execute("UPDATE channel_standing SET next_check_at = now() + interval '1 day'")
    return doors


_CHANNEL = """
    INSERT INTO channels (workspace_id, id, name, provider, medium, settings, credentials, api_base_url, hook_token)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
