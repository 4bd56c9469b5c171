"""The frozen texts of campaigns, kept in memory while they are being sent. They never change, so nothing goes stale."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.delivery import queries

if TYPE_CHECKING:
    import asyncpg

_KEPT = 256


class Contents:
    """One worker's texts, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._texts: OrderedDict[UUID, str] = OrderedDict()

    async def get(self, connection: asyncpg.Connection, workspace_id: UUID, source_id: UUID) -> str:
        """The text of a source. Raises LookupError when it was never frozen, which is a defect."""
        text = self._texts.get(source_id)
        if text is None:
            text = await queries.source_text(connection, workspace_id, source_id)
            if text is None:
                raise LookupError(f"The text of source {source_id} is missing.")
            self._texts[source_id] = text
            if len(self._texts) > _KEPT:
                self._texts.popitem(last=False)
        self._texts.move_to_end(source_id)
        return text
