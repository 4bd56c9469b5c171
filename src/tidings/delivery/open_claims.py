"""What a turn has claimed and not yet written the end of, claim by claim: a claim is forgotten once all of it is in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from tidings.delivery.queries import Ended


class OpenClaims:
    """A turn's claims that still stand in the database."""

    def __init__(self) -> None:
        self._left: Counter[UUID] = Counter()

    def opened(self, claim_id: UUID, count: int) -> None:
        """So many messages were claimed together."""
        self._left[claim_id] += count

    def written(self, ended: Sequence[Ended]) -> None:
        """The database has taken these ends."""
        self._left.subtract(one.message.claim_id for one in ended)

    def settled(self) -> list[UUID]:
        """The claims of which every message is in the ledger."""
        return [claim_id for claim_id, left in self._left.items() if not left]

    def forget(self, claim_ids: Iterable[UUID]) -> None:
        """They stand in the database no longer."""
        for claim_id in claim_ids:
            del self._left[claim_id]
