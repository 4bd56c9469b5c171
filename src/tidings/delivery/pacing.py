"""How much of a channel's pace a turn may claim at a time, and what it reserves of it (channels/pace.py)."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from tidings.channels.pace import Reservation, allowance, first_of, interval_of, is_paced, jittered, reserve

if TYPE_CHECKING:
    from tidings.delivery.queries import Pace
    from tidings.providers.base import Limits

MOST = 2_000
"""Messages of one claim at the most."""
HORIZON = timedelta(seconds=1)
"""Messages are claimed so long before their time."""
_LEAST_AHEAD = timedelta(milliseconds=300)
_MOST_AHEAD = timedelta(milliseconds=800)
"""More is claimed once less than this lies ahead: enough for twice the time that claims have been taking, so that a slow database costs a
channel nothing of its pace, and as little as that, because few large claims cost less than many small ones."""
_SHORTEST_WAIT = timedelta(milliseconds=20)
_LONGEST_WAIT = timedelta(milliseconds=500)
LONGEST_GAP = timedelta(seconds=2)
"""Longer waits for the pace give the worker's place to another channel. As long as the queue may take to begin the next turn, so that the
turn after the wait begins in time."""
NOW = timedelta(0)


class Plan(msgspec.Struct, frozen=True):
    """How many to claim now; where none may leave yet, how long until some may."""

    count: int
    wait: timedelta = NOW
    rests: bool = False
    """The wait is long: another channel may have the place meanwhile."""
    drawn: Reservation | None = None
    """The messages' times, where they were drawn beforehand."""


class Pacing:
    """The pace of one turn."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.is_paced = is_paced(limits)
        self._late = 0.0
        self._free_at = 0.0
        self._took = 0.0

    @property
    def _refill(self) -> timedelta:
        return min(max(_LEAST_AHEAD, 2 * timedelta(seconds=self._took)), _MOST_AHEAD)

    def note_claim(self, seconds: float) -> None:
        """A claim took so long, with all its waiting. What it tells fades with every later one."""
        self._took = max(seconds, 0.8 * self._took)

    def plan(self, pace: Pace, *, probing: bool, batch: int) -> Plan:
        """Look at the pace as the database holds it. `batch` is what a channel without one would claim."""
        if pace.paused_until > pace.now:
            wait = pace.paused_until - pace.now
            return Plan(0, wait, rests=wait > _LONGEST_WAIT)
        if not self.is_paced:
            return Plan(1 if probing else batch)
        ahead = pace.next_free_at - pace.now
        if ahead > self._refill and not probing:
            wait = max(ahead - self._refill, _SHORTEST_WAIT)
            return Plan(0, wait) if wait <= LONGEST_GAP else Plan(0, wait - LONGEST_GAP, rests=True)
        return self._within_horizon(pace, probing=probing)

    def _within_horizon(self, pace: Pace, *, probing: bool) -> Plan:
        limits = self._limits
        if limits.jitter_seconds or limits.per_second is None:
            drawn = jittered(
                most=MOST, interval=interval_of(limits), jitter_seconds=limits.jitter_seconds, next_free_at=pace.next_free_at, now=pace.now,
                horizon=HORIZON, uniform=random.uniform,
            )  # fmt: skip
            return Plan(1 if probing else drawn.count, drawn=drawn if drawn.count else None)
        count = allowance(per_second=limits.per_second, burst=limits.burst, next_free_at=pace.next_free_at, now=pace.now, horizon=HORIZON)
        return Plan(1 if probing else min(count, MOST), _SHORTEST_WAIT)

    def reserve(self, pace: Pace, count: int, plan: Plan) -> Reservation | None:
        """What to write of `count` messages before the first of them leaves."""
        limits = self._limits
        if count == 0:
            return None
        if plan.drawn is not None:
            return first_of(plan.drawn, count)
        if limits.per_second is None:
            return None
        return reserve(count=count, per_second=limits.per_second, burst=limits.burst, next_free_at=pace.next_free_at, now=pace.now)

    def rest(self, pace: Pace, reservation: Reservation | None, *, since: float) -> timedelta:
        """How long there is enough ahead without another claim, after one whose pace was read at `since`."""
        if reservation is None:
            return NOW
        return max(reservation.next_free_at - pace.now - self._refill - timedelta(seconds=time.monotonic() - since), NOW)

    def departures(self, reservation: Reservation, pace: Pace, *, read_at: float, ready_at: float) -> list[float]:
        """When each may leave, in monotonic seconds: its reserved time, counted from when the pace was read. Where the claim took so long
        that this is past, what comes after is late too: nothing catches up faster than the pace."""
        times = [read_at + (reservation.slot(index) - pace.now).total_seconds() for index in range(reservation.count)]
        if self._limits.jitter_seconds:
            return times  # each gap counts from when the one before it left (`due`)
        gap = reservation.interval.total_seconds()
        ahead = (self._limits.burst - 1) * gap
        for index, wanted in enumerate(times):
            leaves = max(wanted, ready_at, self._free_at - ahead)
            self._free_at = max(self._free_at, leaves) + gap
            times[index] = leaves
        return times

    def due(self, not_before: float) -> float:
        """When what was to leave then may leave, in monotonic seconds. With jitter the gaps count: one that is late puts off the next."""
        if not self._limits.jitter_seconds:
            return not_before
        self._late = max(self._late, time.monotonic() - not_before)
        return not_before + self._late
