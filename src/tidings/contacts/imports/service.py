"""What may be done with spreadsheet imports; the door of this feature for all edges."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tidings.contacts.imports import queries
from tidings.contacts.imports.from_file import import_file
from tidings.contacts.imports.models import Import, ImportRow, ImportStatus, Verdict
from tidings.contacts.imports.reading.columns import Mapping
from tidings.contacts.imports.rows import correct_row, list_rows
from tidings.contacts.imports.run import cancel_import, confirm_import, import_step
from tidings.contacts.imports.upload import Limits, Reading, Upload, change_import, read_mapping, start_import
from tidings.db.database import raw_connection

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

__all__ = [
    "Import",
    "ImportRow",
    "ImportStatus",
    "Limits",
    "Mapping",
    "Reading",
    "Upload",
    "Verdict",
    "cancel_import",
    "change_import",
    "confirm_import",
    "correct_row",
    "get_import",
    "import_file",
    "import_step",
    "list_imports",
    "list_rows",
    "read_mapping",
    "start_import",
]
_LAST = UUID(int=2**128 - 1)


async def get_import(session: AsyncSession, access: Access, import_id: UUID) -> Import:
    """Raises NotFound."""
    return await queries.read_import(await raw_connection(session), access.workspace_id, import_id)


async def list_imports(session: AsyncSession, access: Access, *, before: UUID | None = None, limit: int = 50) -> list[Import]:
    """The newest first, from before the import `before`."""
    return await queries.read_imports(await raw_connection(session), access.workspace_id, before or _LAST, limit)
