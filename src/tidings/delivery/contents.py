"""The frozen contents of campaigns, kept in memory while they are being sent. They never change, so nothing goes stale."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.delivery import queries
from tidings.delivery.content import Content, read_content

if TYPE_CHECKING:
    import asyncpg

_KEPT = 256


class Frozen(msgspec.Struct, frozen=True):
    """What a campaign sends."""

    text: str
    content: Content | None = None


class Contents:
    """One worker's contents, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._frozen: OrderedDict[UUID, Frozen] = OrderedDict()

    async def get(self, connection: asyncpg.Connection, workspace_id: UUID, source_id: UUID) -> Frozen:
        """The content of a source. Raises LookupError when it was never frozen, which is a defect."""
        frozen = self._frozen.get(source_id)
        if frozen is None:
            found = await queries.source_text(connection, workspace_id, source_id)
            if found is None:
                raise LookupError(f"The text of source {source_id} is missing.")
            text, content = found
            frozen = self._frozen[source_id] = Frozen(text, None if content is None else read_content(content))
            if len(self._frozen) > _KEPT:
                self._frozen.popitem(last=False)
        self._frozen.move_to_end(source_id)
        return frozen
