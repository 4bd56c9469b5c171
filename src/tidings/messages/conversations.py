"""Keeps conversations in step with messages: one for each channel and address that has written to us. They are read in inbox/."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.core.ids import new_id
from tidings.db.sql import NamedSql

if TYPE_CHECKING:
    import asyncpg

SQL = NamedSql("tidings.messages", "conversations.sql")
Place = tuple[UUID, str]
"""A channel and an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """A person wrote to a channel."""

    workspace_id: UUID
    channel_id: UUID
    medium: str
    address: str
    contact_id: UUID
    at: datetime


async def note_inbound(connection: asyncpg.Connection, wrote: Sequence[Wrote]) -> dict[tuple[UUID, UUID, str], UUID]:
    """Begin or go on with the conversation of each; gives their ids by workspace, channel and address."""
    if not wrote:
        return {}
    rows = await connection.fetch(
        SQL.note_inbound, [one.workspace_id for one in wrote], [new_id() for _ in wrote], [one.channel_id for one in wrote],
        [one.medium for one in wrote], [one.address for one in wrote], [one.contact_id for one in wrote], [one.at for one in wrote],
    )  # fmt: skip
    return {(row["workspace_id"], row["channel_id"], row["address"]): row["id"] for row in rows}


async def note_outbound(connection: asyncpg.Connection, workspace_id: UUID, places: Collection[Place]) -> None:
    """Somebody was written to on their own: their conversations come to the top."""
    if places:
        channels, addresses = zip(*places, strict=True)
        await connection.execute(SQL.note_outbound, workspace_id, list(channels), list(addresses))


async def last_inbound(connection: asyncpg.Connection, places: Mapping[Place, UUID]) -> dict[Place, datetime]:
    """When the person at each of these wrote last, for those who ever did. `places` go with their workspaces."""
    if not places:
        return {}
    channels, addresses = zip(*places, strict=True)
    rows = await connection.fetch(SQL.last_inbound, list(places.values()), list(channels), list(addresses))
    return {(row["channel_id"], row["address"]): row["last_inbound_at"] for row in rows}
