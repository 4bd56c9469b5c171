"""Files' bytes in a worker's memory: read once, bounded, never wrong."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tidings.core.ids import new_id
from tidings.delivery.kept_bytes import KeptBytes
from tidings.files.storage import BytesLost, Key, Storage
from tidings.files.storage.disk import Disk


async def keep(storage: Storage, content: bytes) -> Key:
    key = Key(new_id(), hashlib.sha256(content).digest())
    await storage.put(key, io.BytesIO(content), len(content))
    return key


async def test_many_at_once_read_it_once(tmp_path: Path) -> None:
    storage = Disk(tmp_path)
    key = await keep(storage, b"x" * 1000)
    kept = KeptBytes(storage)

    async def get() -> bytes:
        async with kept.held(key, 1000) as content:
            return content

    assert set(await asyncio.gather(*(get() for _ in range(50)))) == {b"x" * 1000}
    await get()
    assert kept.reads == 1


async def test_the_least_recently_used_is_forgotten_and_what_is_held_is_not(tmp_path: Path) -> None:
    storage = Disk(tmp_path)
    first, second, third = [await keep(storage, name * 1000) for name in (b"a", b"b", b"c")]
    kept = KeptBytes(storage, most=2000)
    async with kept.held(first, 1000) as held:
        for key in (second, third, second):
            async with kept.held(key, 1000):
                pass
        assert kept.reads == 4
        async with kept.held(first, 1000) as again:
            assert again is held
    assert kept.reads == 4


async def test_whoever_finds_no_room_waits_for_it(tmp_path: Path) -> None:
    storage = Disk(tmp_path)
    first, second = [await keep(storage, name * 1500) for name in (b"a", b"b")]
    kept = KeptBytes(storage, most=2000)
    entered = asyncio.Event()

    async def later() -> None:
        async with kept.held(second, 1500) as content:
            assert content == b"b" * 1500
            entered.set()

    async with kept.held(first, 1500):
        waiting = asyncio.create_task(later())
        await asyncio.sleep(0.05)
        assert not entered.is_set()
    await asyncio.wait_for(waiting, 5)


async def test_a_file_larger_than_all_the_room_is_sent_alone(tmp_path: Path) -> None:
    storage = Disk(tmp_path)
    key = await keep(storage, b"a" * 5000)
    async with KeptBytes(storage, most=100).held(key, 5000) as content:
        assert len(content) == 5000


async def test_changed_or_lost_bytes_are_never_handed_out_and_mended_ones_are(tmp_path: Path) -> None:
    storage = Disk(tmp_path)
    key = await keep(storage, b"right")
    kept = KeptBytes(storage)
    (tmp_path / str(key)).write_bytes(b"wrong")
    for _ in range(2):
        with pytest.raises(BytesLost):
            async with kept.held(key, 5):
                pass
    await storage.put(key, io.BytesIO(b"right"), 5)
    async with kept.held(key, 5) as content:
        assert content == b"right"


async def test_who_stops_waiting_does_not_stop_the_reading() -> None:
    class Slow(Disk):
        async def read(self, key: Key) -> AsyncIterator[bytes]:
            await asyncio.sleep(0.2)
            yield b"late"

    key = Key(new_id(), hashlib.sha256(b"late").digest())
    kept = KeptBytes(Slow(Path("nowhere")))

    async def get() -> bytes:
        async with kept.held(key, 4) as content:
            return content

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(get(), 0.05)
    assert await asyncio.wait_for(get(), 5) == b"late"
    assert kept.reads == 1
