"""What providers tell: understood, then taken in. Statuses change in messages/ alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never
from uuid import UUID

from tidings.channels.service import get_channel
from tidings.db.database import raw_connection
from tidings.messages import inbound
from tidings.messages.apply_receipts import Heard, apply_receipts
from tidings.messages.inbound import Arrived, OptedOut, note_opt_outs
from tidings.providers.base import Callback, Inbound, Linked, ProviderOptOut, Receipt
from tidings.receipts import queries
from tidings.receipts.queries import ReceiptRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.runtime import RunningChannel
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

__all__ = ["ReceiptRow", "Said", "list_receipts", "receive_inbound", "take_in", "understand"]

Said = Heard | Arrived | OptedOut
"""One thing a provider told, with the workspace it concerns."""


def understand(channel: RunningChannel, callbacks: Sequence[Callback]) -> list[Said]:
    """Say whose each callback is."""
    return [_understand(channel, one) for one in callbacks]


def _understand(channel: RunningChannel, callback: Callback) -> Said:
    match callback:
        case Receipt():
            return Heard(channel.workspace_id, channel.id, callback)
        case Inbound():
            return Arrived(workspace_id=channel.workspace_id, channel_id=channel.id, medium=channel.medium, inbound=callback)
        case ProviderOptOut():
            return OptedOut(workspace_id=channel.workspace_id, medium=channel.medium, address=callback.address, channel_name=channel.name)
        case Linked():
            return Arrived(
                workspace_id=channel.workspace_id, channel_id=channel.id, medium=channel.medium, inbound=_opened(callback),
                link_code=callback.code,
            )  # fmt: skip
        case _:
            assert_never(callback)


def _opened(linked: Linked) -> Inbound:
    """Somebody opened the chat: they are reachable from now on, whoever gave them the link."""
    return Inbound(
        # Not the code itself: it holds until it is used.
        provider_message_id=f"link:{linked.address}:{hashlib.sha256(linked.code.encode()).hexdigest()[:32]}",
        sender=linked.address,
        recipient=None,
        text="/start",
        sender_name=linked.name,
    )


async def take_in(session: AsyncSession, database: Database, said: Sequence[Said]) -> None:
    """Write down what many calls told, in the caller's system transaction."""
    await apply_receipts(await raw_connection(session), [one for one in said if isinstance(one, Heard)])
    await note_opt_outs(session, [one for one in said if isinstance(one, OptedOut)])
    await inbound.receive_inbound(session, database, [one for one in said if isinstance(one, Arrived)])


async def receive_inbound(session: AsyncSession, database: Database, access: Access, channel_id: UUID, sender: str, text: str) -> UUID:  # noqa: PLR0917
    """Take in a message as if it came by this channel's hook: the sandbox's virtual phone answers so. Raises NotFound."""
    channel = await get_channel(session, access, channel_id)
    message = Inbound(provider_message_id=f"phone_{secrets.token_hex(12)}", sender=sender, recipient=channel.sender or None, text=text)
    arrived = Arrived(workspace_id=access.workspace_id, channel_id=channel.id, medium=channel.medium, inbound=message)
    (message_id,) = await inbound.receive_inbound(session, database, [arrived])
    return message_id


async def list_receipts(
    session: AsyncSession, access: Access, *, unmatched: bool, before: UUID | None = None, limit: int = 50
) -> list[ReceiptRow]:
    """What providers told, the newest first; with `unmatched` only what fits no message."""
    return await queries.list_receipts(session, access.workspace_id, unmatched=unmatched, viewer=access.user_id, before=before, limit=limit)
