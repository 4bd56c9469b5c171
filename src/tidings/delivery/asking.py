"""One request to a provider, of which something can always be said afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from tidings.core.segments import count_segments
from tidings.delivery.rules import Settlement
from tidings.providers.base import ErrorCode, Outcome, Outgoing, SendUncertain

if TYPE_CHECKING:
    from tidings.channels.runtime import RunningChannel
    from tidings.providers.http import Http

log = structlog.get_logger(__name__)


async def ask(http: Http, channel: RunningChannel, batch: Sequence[Outgoing]) -> Sequence[Outcome]:
    """One request. The HTTP client bounds its time."""
    try:
        outcomes = await channel.provider.send(http, channel.config, batch)
    except Exception:
        # A defect in a provider: the request may have left, so nothing else can be said of it.
        log.exception("provider_defect", channel_id=str(channel.id), provider=channel.provider.description.kind)
        doubt = SendUncertain(detail="Tidings could not read what became of the request.", code=ErrorCode.INTERNAL)
    else:
        if len(outcomes) == len(batch):
            return outcomes
        doubt = SendUncertain(detail="The provider's answer did not cover every message.", code=ErrorCode.INTERNAL)
    return [doubt] * len(batch)


def segments_of(channel: RunningChannel, outgoing: Outgoing, settlement: Settlement) -> int | None:
    """SMS parts of what was accepted, where the provider did not count them."""
    if channel.medium != "sms" or settlement.segments is not None or settlement.outcome != "accepted":
        return None
    return _segments(outgoing.text)


@lru_cache(maxsize=1024)
def _segments(text: str) -> int:
    return count_segments(text).segments
