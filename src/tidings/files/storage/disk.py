"""Files in a folder of this machine, or of one that its machines share."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from tidings.files.storage.base import CHUNK, BytesLost, Key, StorageDown

_INCOMING = "incoming"
"""Where files lie while they are being written. On the same disk, so that a rename puts them in their place whole."""


class Disk:
    """The storage of an installation that names no other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        return str(self._folder)

    async def put(self, key: Key, file: BinaryIO, size: int) -> None:  # noqa: ARG002 - other storages are told beforehand
        try:
            await asyncio.to_thread(self._put, self._folder / str(key), file)
        except OSError as error:
            raise self._down("written", error) from error

    async def read(self, key: Key) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread((self._folder / str(key)).open, "rb")
            try:
                while piece := await asyncio.to_thread(file.read, CHUNK):
                    yield piece
            finally:
                file.close()
        except FileNotFoundError:
            raise BytesLost("The file's bytes are no longer in the storage.") from None
        except OSError as error:
            raise self._down("read", error) from error

    async def has(self, key: Key) -> bool:
        return await asyncio.to_thread((self._folder / str(key)).is_file)

    async def remove(self, key: Key) -> None:
        try:
            await asyncio.to_thread((self._folder / str(key)).unlink, missing_ok=True)
        except OSError as error:
            raise self._down("removed", error) from error

    def _put(self, place: Path, file: BinaryIO) -> None:
        incoming = self._folder / _INCOMING
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = incoming / secrets.token_hex(16)
        try:
            _write(fresh, file)
            fresh.replace(place)
            _flush_folder(place.parent)
        finally:
            fresh.unlink(missing_ok=True)

    def _down(self, done: str, error: OSError) -> StorageDown:
        return StorageDown(f"The file cannot be {done} under {self._folder} ({error.strerror or error}). Nothing was changed.")


def _write(path: Path, file: BinaryIO) -> None:
    file.seek(0)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        while piece := file.read(CHUNK):
            written.write(piece)
        written.flush()
        os.fsync(written.fileno())


def _flush_folder(folder: Path) -> None:
    """The name must survive a power cut too, not only the bytes. (Windows cannot open a folder, and does it by itself.)"""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
