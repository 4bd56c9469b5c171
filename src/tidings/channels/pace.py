"""How fast a channel may go: the generic cell rate algorithm, reserved ahead in channel_pace so that all workers share it.

`next_free_at` is when the next message may leave if messages keep the pace. A burst lets it lie in the past. Reserving moves it
on by one interval a message before anything leaves, so a crash can only make a channel slower than its limit, never faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What may leave, and when."""

    count: int
    first_at: datetime
    interval: timedelta
    next_free_at: datetime
    """To be written before the first message leaves."""

    def slot(self, index: int) -> datetime:
        """When the message of this index may leave (it may lie in the past)."""
        return self.first_at + index * self.interval


def allowance(*, per_second: float, burst: int, next_free_at: datetime, now: datetime, horizon: timedelta) -> int:
    """How many messages may be claimed now so that all leave within the horizon."""
    interval = timedelta(seconds=1 / per_second)
    first = max(next_free_at, now - (burst - 1) * interval)
    return max(0, int((now + horizon - first) / interval))


def reserve(*, count: int, per_second: float, burst: int, next_free_at: datetime, now: datetime) -> Reservation:
    """Reserve `count` slots from now on."""
    interval = timedelta(seconds=1 / per_second)
    first = max(next_free_at, now - (burst - 1) * interval)
    return Reservation(count=count, first_at=first, interval=interval, next_free_at=first + count * interval)
