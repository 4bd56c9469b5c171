"""What every storage does. It keeps bytes by their workspace and SHA-256 and knows nothing else of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from uuid import UUID

from tidings.errors import NotFound, Unavailable

CHUNK = 256 * 1024
"""Bytes that are read or written at a time."""


@dataclass(frozen=True, slots=True)
class Key:
    """Which bytes. It is made of a UUID and a hash, so no name that anybody chose can lead out of the storage."""

    workspace_id: UUID
    sha256: bytes

    def __str__(self) -> str:
        name = self.sha256.hex()
        return f"{self.workspace_id.hex}/{name[:2]}/{name}"


class BytesLost(NotFound):
    """The storage does not hold what it was asked for."""

    code = "file_lost"


class StorageDown(Unavailable):
    """The storage cannot be reached, or refuses us."""

    code = "storage_unavailable"
    title = "The file storage does not answer"


class Storage(Protocol):
    """One place for bytes. Whatever goes wrong with it is raised as StorageDown."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    async def put(self, key: Key, file: BinaryIO, size: int) -> None:
        """Keep a file, read from its beginning: whole and durable once this returns, or not at all. What is there already is replaced."""

    def read(self, key: Key) -> AsyncIterator[bytes]:
        """The bytes, piece by piece. Raises BytesLost before the first piece where there are none."""

    async def has(self, key: Key) -> bool:
        """Whether the bytes are there."""

    async def remove(self, key: Key) -> None:
        """Forget the bytes. That they were not there is no error."""
