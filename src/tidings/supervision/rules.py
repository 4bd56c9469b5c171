"""Who runs how much, and when what failed is tried again: pure decisions."""

from __future__ import annotations

import math
from dataclasses import dataclass

LONGEST_WAIT_SECONDS = 120.0
_FIRST_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What there is to run, and who is there to do it."""

    wanted: int
    """Channels that must be run, by anybody."""
    mine: int
    capacity: int
    """Channels that this worker may run."""
    capacity_of_all: int
    """The same of all living workers together, this one among them."""

    @property
    def share(self) -> int:
        """How many of them are this worker's."""
        fair = math.ceil(self.wanted * self.capacity / max(self.capacity, self.capacity_of_all))
        return min(self.capacity, fair)

    def to_take(self, batch: int) -> int:
        """How many free ones to take now. All shares together are at least what there is, so none is left over."""
        return min(batch, max(0, self.share - self.mine))

    def to_give(self, batch: int) -> int:
        """How many to hand back, because workers have joined. A little more than its share may stay: moving has its price too."""
        slack = max(1, self.share // 10)
        return min(batch, self.mine - self.share) if self.mine > self.share + slack else 0


def wait_after(failures: int, chance: float, *, asked: float | None = None) -> float:
    """Seconds before a run is begun again after so many failures in a row. `chance` (0 to 1) keeps many from coming back together.

    `asked` is what the provider itself wished for.
    """
    longest = min(LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** min(max(failures - 1, 0), 20))
    return max(longest * (0.5 + chance / 2), asked or 0.0)


def worth_telling(failures: int) -> bool:
    """Whether the nth failure in a row is written into the activity: the 1st, 2nd, 4th, 8th …, so that an outage fills no table."""
    return failures & (failures - 1) == 0
