"""Channels for tests, written straight into the tables."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from cryptography.fernet import Fernet

from tidings.channels.vault import Vault
from tidings.core.ids import new_id

ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "77aa55cc33ee11ff99bb88dd66224400"
TWILIO = {"account_sid": ACCOUNT_SID}
TWILIO_SECRETS = {"auth_token": AUTH_TOKEN}


@dataclass(frozen=True)
class Made:
    """A channel and where it belongs."""

    workspace_id: UUID
    id: UUID
    hook_token: str


def vault() -> Vault:
    return Vault([Fernet.generate_key()])


async def workspace(connection: asyncpg.Connection, settings: Mapping[str, Any] | None = None) -> UUID:
    workspace_id = new_id()
    await connection.execute(
        "INSERT INTO workspaces (id, name, default_region, settings) VALUES ($1, 'Shop', 'KE', $2)",
        workspace_id, msgspec.json.encode(settings or {}).decode(),
    )  # fmt: skip
    return workspace_id


async def channel(
    connection: asyncpg.Connection,
    workspace_id: UUID,
    *,
    vault: Vault | None = None,
    provider: str = "sandbox",
    settings: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    sender: str = "",
    limits: Mapping[str, Any] | None = None,
    api_base_url: str = "",
    is_default: bool = False,
) -> Made:
    made = Made(workspace_id, new_id(), secrets.token_urlsafe(16))
    await connection.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, sender, settings, credentials, limits, api_base_url, hook_token, is_default) "
        "VALUES ($1, $2, $3, $4, 'sms', $5, $6, $7, $8, $9, $10, $11)",
        workspace_id, made.id, f"Channel {made.id}", provider, sender, msgspec.json.encode(settings or {}).decode(),
        vault.seal(credentials or {}) if vault else b"", msgspec.json.encode(limits or {}).decode(), api_base_url, made.hook_token, is_default,
    )  # fmt: skip
    return made
