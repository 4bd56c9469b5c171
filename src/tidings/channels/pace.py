"""How fast a channel may go: the generic cell rate algorithm, reserved ahead in channel_pace so that all workers share it.

`next_free_at` is when the next message may leave if messages keep the pace. A burst lets it lie in the past. Reserving moves it
on by one gap a message before anything leaves, so a crash can only make a channel slower than its limit, never faster. A gap is the
pace's interval, and with jitter a random addition to it: then nothing leaves in a burst, since each gap counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.providers.base import Limits

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What may leave, and when."""

    count: int
    first_at: datetime
    interval: timedelta
    next_free_at: datetime
    """To be written before the first message leaves."""
    slots: Sequence[datetime] = ()
    """Each message's time, where the gaps are not all alike."""

    def slot(self, index: int) -> datetime:
        """When the message of this index may leave (it may lie in the past)."""
        return self.slots[index] if self.slots else self.first_at + index * self.interval


def is_paced(limits: Limits) -> bool:
    """Say whether messages of a channel have times of their own at all."""
    return limits.per_second is not None or limits.jitter_seconds > 0


def interval_of(limits: Limits) -> timedelta:
    """The least time between two messages; none where only jitter holds them apart."""
    return timedelta(seconds=1 / limits.per_second) if limits.per_second is not None else _NONE


def allowance(*, per_second: float, burst: int, next_free_at: datetime, now: datetime, horizon: timedelta) -> int:
    """How many messages may be claimed now so that each begins within the horizon."""
    interval = timedelta(seconds=1 / per_second)
    ahead = now + horizon - max(next_free_at, now - (burst - 1) * interval)
    return ahead // interval + 1 if ahead >= _NONE else 0


def reserve(*, count: int, per_second: float, burst: int, next_free_at: datetime, now: datetime) -> Reservation:
    """Reserve `count` slots from now on."""
    interval = timedelta(seconds=1 / per_second)
    first = max(next_free_at, now - (burst - 1) * interval)
    return Reservation(count=count, first_at=first, interval=interval, next_free_at=first + count * interval)


def jittered(
    *, most: int, interval: timedelta, jitter_seconds: float, next_free_at: datetime, now: datetime, horizon: timedelta,
    uniform: Callable[[float, float], float],
) -> Reservation:  # fmt: skip
    """Up to `most` slots that begin within the horizon, each after a gap with its own random addition. `uniform` is `random.uniform`."""
    slots: list[datetime] = []
    free = max(next_free_at, now)
    while free <= now + horizon and len(slots) < most:
        slots.append(free)
        free += interval + timedelta(seconds=uniform(0.0, jitter_seconds))
    return Reservation(count=len(slots), first_at=max(next_free_at, now), interval=interval, next_free_at=free, slots=slots)


def first_of(reservation: Reservation, count: int) -> Reservation:
    """The same for the first `count` messages alone: what is not used is not reserved."""
    if count >= reservation.count:
        return reservation
    slots = reservation.slots[:count]
    return Reservation(
        count=count, first_at=reservation.first_at, interval=reservation.interval, next_free_at=reservation.slot(count), slots=slots
    )
