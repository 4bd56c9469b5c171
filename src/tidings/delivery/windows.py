"""The last look before a send at services that take free text only for some hours after a person's own message.

What they would refuse is refused here, so that no request is made for it: it ends as `template_required`, which is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from tidings.delivery import queries
from tidings.delivery.queries import Claimed
from tidings.delivery.rules import Settlement, Status
from tidings.providers.base import ErrorCode

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.runtime import RunningChannel


async def part_closed(
    connection: asyncpg.Connection, channel: RunningChannel, claimed: Sequence[Claimed]
) -> tuple[list[Claimed], list[tuple[Claimed, Settlement]]]:
    """What may leave, and what may not with its end. Asks the database only where the channel's provider has a window."""
    hours = channel.provider.description.capabilities.window_hours
    if hours is None or not claimed:
        return list(claimed), []
    addresses = sorted({one.address for one in claimed})
    opened = await queries.open_windows(connection, channel.workspace_id, channel.id, addresses, timedelta(hours=hours))
    refusal = Settlement(
        status=Status.FAILED, outcome="not_sent", failed=True, code=ErrorCode.TEMPLATE_REQUIRED,
        detail=f"The person has not written to this channel within the last {hours:g} hours: only an approved template may be sent.",
    )  # fmt: skip
    return [one for one in claimed if one.address in opened], [(one, refusal) for one in claimed if one.address not in opened]
