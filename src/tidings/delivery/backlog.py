"""What a turn has claimed and not begun to send: the most urgent first, bounded, and refilled before the senders run dry."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tidings.delivery.pacing import MOST
from tidings.delivery.rules import BULK

if TYPE_CHECKING:
    from tidings.delivery.packing import Parcel

AHEAD_SECONDS = 0.2
"""A claim takes about so much work as the channel does in this time, so that nothing urgent waits long for the next one."""


class Backlog:
    """Between one feeder and the senders of a turn."""

    def __init__(self, *, concurrency: int, is_paced: bool) -> None:
        self._parcels: deque[Parcel] = deque()
        self._concurrency = concurrency
        self._is_paced = is_paced
        self._batch = concurrency
        self._was_full = False
        self._ran_dry = False
        self._closed = False
        self._came = asyncio.Event()
        self._low = asyncio.Event()

    def __len__(self) -> int:
        return len(self._parcels)

    def next_batch(self, per_second: float) -> int:
        """How much to claim now: what the turn gets done in a moment (nought while that is not known), and twice the last claim where that
        was used up before this one."""
        grown = 2 * self._batch if self._ran_dry else 0
        self._ran_dry = False
        self._batch = min(max(self._concurrency, int(per_second * AHEAD_SECONDS), grown), MOST)
        return self._batch

    def note_claim(self, *, was_full: bool) -> None:
        """Whether the last claim found as much as it asked for. Running dry after one that did not says nothing of the claims' size."""
        self._was_full = was_full

    def put(self, parcels: Sequence[Parcel], *, in_order: bool) -> None:
        """What has no time of its own leaves the most urgent first, before what was claimed earlier too."""
        urgent = [] if in_order else [one for one in parcels if one.claimed[0].priority < BULK]
        self._parcels.extend([one for one in parcels if one.claimed[0].priority >= BULK] if urgent else parcels)
        self._parcels.extendleft(sorted(urgent, key=lambda one: one.claimed[0].priority)[::-1])
        self._came.set()

    async def take(self) -> Parcel | None:
        """The next to send; None when there will be no more."""
        while not self._parcels:
            if self._closed:
                return None
            self._ran_dry = self._was_full
            self._came.clear()
            await self._came.wait()
        parcel = self._parcels.popleft()
        if self.is_low:
            self._low.set()
        return parcel

    def close(self) -> None:
        """No more will be put."""
        self._closed = True
        self._came.set()

    @property
    def is_low(self) -> bool:
        """Whether it is time for another claim."""
        return len(self._parcels) <= (2 * self._concurrency if self._is_paced else self._batch)

    async def wait_low(self, seconds: float) -> None:
        """Until it may be low, but no longer than this."""
        self._low.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._low.wait()
