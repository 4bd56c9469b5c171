"""Seals every channel's secrets anew with the newest key, so that older keys can be thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import undefer

from tidings.channels.models import Channel, ChannelSession
from tidings.workspaces.access import system_access
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from uuid import UUID

    from tidings.channels.vault import Vault
    from tidings.db.database import Database

_PAGE = 100


async def rotate_credentials(database: Database, vault: Vault) -> int:
    """Return how many channels were sealed anew. Safe to break off and to run again. Raises VaultError when one has no fitting key.

    Each page is a transaction of its own and holds its channels meanwhile, so that no change of a credential is lost.
    """
    count, after = 0, None
    while page := await _rotate_page(database, vault, after):
        count += len(page)
        after = page[-1]
    return count


async def _rotate_page(database: Database, vault: Vault, after: UUID | None) -> list[UUID]:
    query = select(Channel).where(Channel.deleted_at.is_(None))
    if after is not None:
        query = query.where(Channel.id > after)
    async with database.system() as session:
        channels = list((await session.scalars(query.order_by(Channel.id).limit(_PAGE).with_for_update())).all())
        for channel in channels:
            channel.credentials = vault.rotate(channel.credentials)
        held = select(ChannelSession).options(undefer(ChannelSession.secret)).where(ChannelSession.secret.is_not(None))
        held = held.where(ChannelSession.channel_id.in_([channel.id for channel in channels]))
        for one in await session.scalars(held.with_for_update()):
            one.secret = vault.rotate(one.secret or b"")
        await session.flush()
        for channel in channels:
            access = system_access(channel.workspace_id, "tidings rotate-keys")
            await record(session, access, "channel.credentials_resealed", "channel", channel.id)
    return [channel.id for channel in channels]
