"""A Twilio channel that speaks to the stub, without a pace."""

from __future__ import annotations

import json
from uuid import UUID

from bench.installation import Installation
from bench.traffic import ACCOUNT, SENDER, TOKEN
from tidings.channels.vault import open_vault
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.settings import Settings


async def add_channel(
    inst: Installation, database: Database, workspace_id: UUID, stub_url: str, *, name: str = "Bench", concurrency: int = 64
) -> UUID:
    """Make the channel. Its hook token is its own id, so that receipts can be addressed to it."""
    channel_id = new_id()
    sealed = open_vault(Settings(home=inst.home)).seal({"auth_token": TOKEN})
    await database.pool.execute(
        _CHANNEL, workspace_id, channel_id, name, SENDER, json.dumps({"account_sid": ACCOUNT}), sealed, stub_url,
        json.dumps({"per_second": None, "concurrency": concurrency}), channel_id.hex,
    )  # fmt: skip
    return channel_id


_CHANNEL = """
    INSERT INTO channels (workspace_id, id, name, provider, medium, sender, settings, credentials, api_base_url, limits, hook_token)
    VALUES ($1, $2, $3, 'twilio', 'sms', $4, $5, $6, $7, $8, $9)
"""
