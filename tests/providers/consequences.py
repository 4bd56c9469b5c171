"""What a provider's word leads to, as the engine decides it: the last column of the tables in test_*_codes.py."""

from __future__ import annotations

from datetime import UTC, datetime

from tidings.channels.rules import RetryPolicy
from tidings.delivery.rules import Status, settle
from tidings.providers.base import ErrorCode, Outcome

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def consequence(outcome: Outcome) -> str:
    """What becomes of a campaign's message at its first try: `stops`, `waits 60`, `again`, `final`, `opts out`, `unknown` or `sent`.

    stops     the channel stops, its queue waits, somebody is told
    waits 60  the whole channel rests for so many seconds; it costs the message no attempt
    again     the message is tried again later, a few times
    """
    settled = settle(outcome, failures=0, delivery="at_most_once", policy=RetryPolicy(), now=NOW)
    if settled.stop_channel:
        return "stops"
    if settled.pause_seconds is not None:
        return f"waits {settled.pause_seconds:g}"
    if settled.status is Status.FAILED:
        return "opts out" if settled.code is ErrorCode.OPTED_OUT else "final"
    return "again" if settled.status is Status.QUEUED else str(settled.status)
