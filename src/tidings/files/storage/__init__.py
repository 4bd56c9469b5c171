"""Where the bytes of uploaded files lie: a folder, or a bucket."""

from __future__ import annotations

import hashlib
import io
import secrets
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.files.storage.base import BytesLost, Key, Storage, StorageDown
from tidings.files.storage.disk import Disk
from tidings.files.storage.s3 import Bucket

if TYPE_CHECKING:
    from pathlib import Path

    from tidings.settings import Settings

__all__ = ["BytesLost", "Key", "Storage", "StorageDown", "folder_of", "open_storage", "prove"]

_NOBODY = UUID(int=0)


def open_storage(settings: Settings) -> Storage:
    """The storage that the settings name. Reaches out to nobody yet."""
    return Bucket(settings) if settings.s3_bucket else Disk(folder_of(settings.home))


def folder_of(home: Path) -> Path:
    """Where the files lie if they lie on disk."""
    return home / "files"


async def prove(storage: Storage) -> None:
    """Write, read and remove a few bytes. Raises StorageDown where one of them does not work."""
    content = secrets.token_bytes(64)
    key = Key(_NOBODY, hashlib.sha256(content).digest())
    await storage.put(key, io.BytesIO(content), len(content))
    try:
        if b"".join([piece async for piece in storage.read(key)]) != content:
            raise StorageDown(f"What was written to {storage.place} is not what is read there.")
    except BytesLost:
        raise StorageDown(f"What was written to {storage.place} is not there.") from None
    finally:
        await storage.remove(key)
