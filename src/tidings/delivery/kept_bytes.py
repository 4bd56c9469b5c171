"""Files' bytes on their way out: read once for many recipients, the least recently used forgotten, never more in memory than is allowed."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tidings.files.storage import BytesLost

if TYPE_CHECKING:
    from tidings.files.storage import Key, Storage

MOST = 128 * 1024 * 1024
"""Bytes that one worker holds, those being sent and those kept for the next recipient together."""


@dataclass(slots=True)
class _Kept:
    size: int
    loading: asyncio.Task[bytes]
    holders: int = field(default=0)


class KeptBytes:
    """One worker's."""

    def __init__(self, storage: Storage, *, most: int = MOST) -> None:
        self._storage = storage
        self._most = most
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._freed = asyncio.Event()
        self.reads = 0
        """From the storage, so far."""

    @asynccontextmanager
    async def held(self, key: Key, size: int) -> AsyncIterator[bytes]:
        """The bytes for as long as they are needed. Waits where too many others are held. Raises BytesLost, StorageDown."""
        kept = await self._find(key, size)
        kept.holders += 1
        try:
            # Whoever stops waiting does not stop the reading: the next one finds it done.
            yield await asyncio.shield(kept.loading)
        finally:
            kept.holders -= 1
            self._freed.set()

    async def _find(self, key: Key, size: int) -> _Kept:
        while (kept := self._kept.get(key)) is None:
            if self._make_room(size):
                made = self._kept[key] = _Kept(size, asyncio.create_task(self._load(key)))
                made.loading.add_done_callback(partial(self._loaded, key, made))
                return made
            self._freed.clear()
            await self._freed.wait()
        self._kept.move_to_end(key)
        return kept

    def _make_room(self, size: int) -> bool:
        """Whether so many bytes fit in, now that what nobody holds is forgotten. One file alone always does."""
        total = sum(one.size for one in self._kept.values())
        for key in [key for key, one in self._kept.items() if not one.holders and one.loading.done()]:
            if total + size <= self._most:
                break
            total -= self._kept.pop(key).size
        return total == 0 or total + size <= self._most

    async def _load(self, key: Key) -> bytes:
        self.reads += 1
        content = b"".join([piece async for piece in self._storage.read(key)])
        if await asyncio.to_thread(_sha256, content) != key.sha256:
            raise BytesLost("The file's bytes in the storage are not those that were uploaded.")
        return content

    def _loaded(self, key: Key, kept: _Kept, done: asyncio.Task[bytes]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._kept.get(key) is kept:
            del self._kept[key]  # the next one tries anew
        self._freed.set()


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
