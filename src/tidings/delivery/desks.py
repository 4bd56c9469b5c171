"""What the turns of one worker do together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tidings.delivery.claim_desk import ClaimDesk
from tidings.delivery.settle_desk import SettleDesk

if TYPE_CHECKING:
    import asyncpg

    from tidings.delivery.contents import Contents


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks of one worker."""

    claims: ClaimDesk
    settles: SettleDesk

    @classmethod
    def of(cls, pool: asyncpg.Pool, contents: Contents) -> Self:
        """Those of a worker with this pool."""
        return cls(ClaimDesk(pool, contents), SettleDesk(pool))
