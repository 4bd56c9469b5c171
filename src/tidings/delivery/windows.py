"""The last look before a send at services that take free text only for some hours after a person's own message.

What they would refuse is refused here, so that no request is made for it: it ends as `template_required`, which is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from tidings.delivery import queries
from tidings.delivery.packing import Packed, Parcel
from tidings.delivery.queries import Claimed
from tidings.delivery.rules import Settlement, Status
from tidings.providers.base import ErrorCode

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.runtime import RunningChannel


async def open_windows(connection: asyncpg.Connection, channel: RunningChannel, claimed: Sequence[Claimed]) -> set[str] | None:
    """Whose window is open, of those who are to be written to; None, and nothing is asked, where the provider has no such window."""
    hours = channel.provider.description.capabilities.window_hours
    if hours is None or not claimed:
        return None
    addresses = sorted({one.address for one in claimed})
    return await queries.open_windows(connection, channel.workspace_id, channel.id, addresses, timedelta(hours=hours))


def refuse_closed(packed: Packed, opened: set[str] | None, hours: float | None) -> Packed:
    """The same without free texts whose window is closed: those are among the failed. A template of the provider's may always leave."""
    if opened is None or hours is None:
        return packed
    refusal = Settlement(
        status=Status.FAILED, outcome="not_sent", failed=True, code=ErrorCode.TEMPLATE_REQUIRED,
        detail=f"The person has not written to this channel within the last {hours:g} hours: only an approved template may be sent.",
    )  # fmt: skip
    parcels: list[Parcel] = []
    failed = list(packed.failed)
    for parcel in packed.parcels:
        good = [pair for pair in zip(parcel.claimed, parcel.batch, strict=True) if pair[1].template is not None or pair[1].to in opened]
        gone = {one.id for one in parcel.claimed} - {one.id for one, _ in good}
        failed += [(one, refusal) for one in parcel.claimed if one.id in gone]
        if good:
            parcels.append(msgspec.structs.replace(parcel, claimed=[one for one, _ in good], batch=[outgoing for _, outgoing in good]))
    return Packed(parcels, failed)
