"""One-time codes by which a chat becomes somebody's address. Whoever makes one hands it out as a link (channels/linking.py)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from tidings.contacts.reading import SQL
from tidings.core.ids import new_id
from tidings.db.sql import NamedSql

if TYPE_CHECKING:
    import asyncpg

_LINKS = NamedSql("tidings.contacts", "links.sql")


@dataclass(frozen=True, slots=True)
class LinkFor:
    """Whose address a code makes the chat that it is opened in. Exactly one is there."""

    contact_id: UUID | None = None
    user_id: UUID | None = None
    """The owner of a personal channel."""


@dataclass(frozen=True, slots=True)
class Given:
    """How a contact came by an address, or that it did not."""

    how: Literal["added", "had", "moved", "refused"]
    """`moved`: it had belonged to a contact that was nothing but this address. `refused`: another contact has it."""
    holder_id: UUID | None = None
    """That other contact."""


def new_code() -> str:
    """22 letters, digits, - and _: 128 bits, in the form that deep links take."""
    return secrets.token_urlsafe(16)


async def keep_code(
    connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID, code: str, link: LinkFor, *, expires_at: datetime
) -> None:
    """Have a code hold until then. Only its hash is written down."""
    await connection.execute(_LINKS.keep, workspace_id, _hash(code), channel_id, link.contact_id, link.user_id, expires_at)


async def look_up_code(connection: asyncpg.Connection, workspace_id: UUID, channel_id: UUID, code: str) -> LinkFor | None:
    """Whom a code is for, as long as it holds at this channel: not used, not expired. Locks it until the transaction ends."""
    row = await connection.fetchrow(_LINKS.look_up, workspace_id, channel_id, _hash(code))
    return LinkFor(row["contact_id"], row["user_id"]) if row else None


async def spend_code(connection: asyncpg.Connection, workspace_id: UUID, code: str, address: str) -> None:
    """Have a code hold no longer, and note who used it."""
    await connection.execute(_LINKS.spend, workspace_id, _hash(code), address)


async def give_address(connection: asyncpg.Connection, workspace_id: UUID, contact_id: UUID, medium: str, address: str) -> Given:
    """Make an address a contact's own. Nobody's is taken away, but from a contact that is nothing but this address: that one ends."""
    for _ in range(3):  # its holder may go between two looks, hardly three times
        holder = await connection.fetchval(SQL.find_by_address, workspace_id, medium, address)
        if holder is None:
            status = await connection.execute(_LINKS.add_point, workspace_id, new_id(), contact_id, medium, address)
            if status.endswith(" 1"):
                return Given("added")
        elif holder == contact_id:
            return Given("had")
        elif await connection.fetchval(_LINKS.is_mere_sender, workspace_id, holder):
            await connection.execute(_LINKS.move_point, workspace_id, medium, address, contact_id)
            await connection.execute(SQL.remove, workspace_id, holder)
            return Given("moved", holder)
        else:
            return Given("refused", holder)
    return Given("refused")


async def prune_codes(connection: asyncpg.Connection) -> None:
    """Drop codes that ended a month ago."""
    await connection.execute(_LINKS.prune)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
