"""What is done with uploaded files: taking them, finding them, deleting them. The bytes go to the storage outside any transaction."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID

from tidings.core.ids import new_id, show_id
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.errors import Conflict, Invalid, NotFound, TooLarge
from tidings.files.models import FileKind, StoredFile
from tidings.files.sniffing import refused, sniff
from tidings.files.storage import BytesLost, Key, Storage
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

SQL = NamedSql("tidings.files", "queries.sql")
_CHUNK = 256 * 1024
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What taking a file needs besides the file."""

    database: Database
    storage: Storage
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as somebody sent it; nothing it says of itself is believed."""

    file: BinaryIO
    """Can be read from its beginning more than once."""
    name: str


async def take_file(how: Taking, access: Access, upload: Upload) -> tuple[StoredFile, bool]:
    """Keep a file; says whether it is new. The same bytes are kept once and keep their first name.

    Opens short transactions of its own. Raises Invalid for what is no file that may be sent, TooLarge, StorageDown.
    """
    look = await asyncio.to_thread(_look, upload, how.settings.file_limit_bytes)
    async with how.database.workspace(access.workspace_id) as session:
        connection = await raw_connection(session)
        await _demand_room(connection, access.workspace_id, look, how.settings.file_total_bytes)
        begun = await connection.fetchrow(
            SQL.begin, access.workspace_id, new_id(), look.kind, look.content_type, look.size, look.sha256, look.name, access.actor_label
        )
    key = Key(access.workspace_id, look.sha256)
    # Bytes that were lost come back with a new upload of the same file.
    if not begun["is_kept"] or not await how.storage.has(key):
        await how.storage.put(key, upload.file, look.size)
    async with how.database.workspace(access.workspace_id) as session:
        row = await (await raw_connection(session)).fetchrow(SQL.finish, access.workspace_id, begun["id"], look.name, access.actor_label)
        if row is None:
            raise Conflict("The file was removed while it was being uploaded. Upload it again.")
        kept = _file(row)
        if not begun["is_kept"]:
            await record(session, access, "file.uploaded", "file", kept.id, after=describe(kept))
    return kept, not begun["is_kept"]


async def get_file(session: AsyncSession, workspace_id: UUID, file_id: UUID) -> StoredFile:
    """Raises NotFound."""
    row = await (await raw_connection(session)).fetchrow(SQL.one, workspace_id, file_id)
    if row is None:
        raise NotFound("There is no such file in this workspace, or it has been deleted.")
    return _file(row)


async def list_files(
    session: AsyncSession, workspace_id: UUID, *, kind: str | None = None, before: tuple[datetime, UUID] | None = None, limit: int
) -> list[StoredFile]:
    """The newest first."""
    at, last = before or (None, None)
    rows = await (await raw_connection(session)).fetch(SQL.page, workspace_id, at, last, limit, kind)
    return [_file(row) for row in rows]


async def use_files(session: AsyncSession, workspace_id: UUID, file_ids: Collection[UUID]) -> dict[UUID, StoredFile]:
    """Those of them that there are, for something that is about to be written down: none can be deleted before that is committed."""
    if not file_ids:
        return {}
    rows = await (await raw_connection(session)).fetch(SQL.use, workspace_id, list(file_ids))
    return {row["id"]: _file(row) for row in rows}


async def delete_file(session: AsyncSession, access: Access, file_id: UUID) -> None:
    """Delete a file that nothing is to be sent with. Housekeeping removes its bytes. Raises NotFound, Conflict."""
    connection = await raw_connection(session)
    if not await connection.fetchval(SQL.lock, access.workspace_id, file_id):
        raise NotFound("There is no such file in this workspace, or it has been deleted.")
    used = await connection.fetchrow(SQL.uses, access.workspace_id, file_id, show_id("med", file_id))
    if used["messages"] or used["campaigns"]:
        raise Conflict(
            f"The file is still to be sent with {_counted(used['messages'], 'message')} and {_counted(used['campaigns'], 'campaign')}. "
            "Cancel or change those first, or wait until they have left. Nothing was deleted.",
            code="file_in_use",
        )
    before = await get_file(session, access.workspace_id, file_id)
    await connection.execute(SQL.delete, access.workspace_id, file_id)
    await record(session, access, "file.deleted", "file", file_id, before=describe(before))


def describe(file: StoredFile) -> dict[str, object]:
    """A file as the audit log shows it."""
    return {"name": file.name, "content_type": file.content_type, "size": file.size, "sha256": file.sha256.hex()}


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / _MB:.1f} MB" if size >= _MB / 10 else f"{size / 1024:.1f} KB"


@dataclass(frozen=True, slots=True)
class _Look:
    size: int
    sha256: bytes
    content_type: str
    kind: FileKind
    name: str


def _look(upload: Upload, limit: int) -> _Look:
    """Reads the file through, a piece at a time."""
    digest, size = hashlib.sha256(), 0
    upload.file.seek(0)
    while piece := upload.file.read(_CHUNK):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        digest.update(piece)
    if size == 0:
        raise refused("It is empty.")
    content_type = sniff(upload.file, upload.name)
    family = content_type.partition("/")[0]
    kind: FileKind = family if family in {"image", "video", "audio"} else "document"  # type: ignore[assignment]
    return _Look(size, digest.digest(), content_type, kind, _clean_name(upload.name, kind))


def too_large(limit: int) -> TooLarge:
    """The error for a file over the installation's limit."""
    return TooLarge(
        f"The file is larger than {megabytes(limit)}, the most that is taken here. Nothing was kept. Make it smaller, or send a link."
    )


def _clean_name(name: str, kind: str) -> str:
    """A name without a path, a control character or a surprise."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join("_" if one == ":" else one for one in last if one.isprintable() and not "\ud800" <= one <= "\udfff").strip(". ")
    return plain[-150:].lstrip(". ") or kind


async def _demand_room(connection: Connection, workspace_id: UUID, look: _Look, most: int) -> None:
    await connection.execute(SQL.lock_workspace, workspace_id)
    total = await connection.fetchval(SQL.total, workspace_id, look.sha256)
    if total + look.size > most:
        raise Conflict(
            f"The workspace's files come to {megabytes(total)}; with this one they would be more than the {megabytes(most)} that are allowed. "
            "Nothing was kept. Delete files that are no longer needed.",
            code="no_room",
        )


def _file(row: Record) -> StoredFile:
    return StoredFile(**dict(row))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


__all__ = [
    "SQL", "BytesLost", "Invalid", "Taking", "Upload", "delete_file", "describe", "get_file", "list_files", "megabytes", "take_file", "too_large",
    "use_files",
]  # fmt: skip
