"""A file as pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidings.core.ids import read_id
from tidings.errors import NotFound
from tidings.files.service import get_file

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.files.models import StoredFile


@dataclass(frozen=True, slots=True)
class ShownFile:
    """Plain values, drawn in several places."""

    id: str
    kind: str
    content_type: str
    name: str
    size: int = 0

    @property
    def address(self) -> str:
        """Where a page of ours finds it; empty for one that is not kept here, which our pages do not open."""
        return f"/files/{self.id}" if read_id("med", self.id) else ""

    @classmethod
    def of(cls, file: StoredFile) -> ShownFile:
        """An uploaded file."""
        return cls(file.public_id, file.kind, file.content_type, file.name, file.size)


async def find_shown(session: AsyncSession, workspace_id: UUID, public_id: str) -> ShownFile | None:
    """The file with this outside id; None where there is none."""
    file_id = read_id("med", public_id)
    if file_id is None:
        return None
    try:
        return ShownFile.of(await get_file(session, workspace_id, file_id))
    except NotFound:
        return None
