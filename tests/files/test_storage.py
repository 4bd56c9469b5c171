"""Every storage keeps these promises: one suite over both ends, the bucket at a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from tests.files.conftest import S3
from tidings.core.ids import new_id
from tidings.errors import Unavailable
from tidings.files.storage import BytesLost, Key, Storage, StorageDown, open_storage, prove
from tidings.settings import Settings

MakeStorage = Callable[..., Storage]


@pytest.fixture(params=["disk", "s3", "s3 under a prefix"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "disk":
        return open_storage(Settings(_env_file=None, home=tmp_path))
    prefix = "tidings/files" if "prefix" in request.param else ""
    return open_storage(at_bucket(request.getfixturevalue("s3"), tmp_path, s3_prefix=prefix))


def at_bucket(s3: S3, home: Path, **more: object) -> Settings:
    given = {
        "s3_endpoint": s3.endpoint, "s3_bucket": s3.bucket, "s3_access_key_id": "tidings", "s3_secret_access_key": "secret-half", **more
    }  # fmt: skip
    return Settings(_env_file=None, home=home, **given)


def key_of(content: bytes, workspace_id: UUID | None = None) -> Key:
    return Key(workspace_id or new_id(), hashlib.sha256(content).digest())


async def keep(storage: Storage, content: bytes, key: Key | None = None) -> Key:
    key = key or key_of(content)
    await storage.put(key, io.BytesIO(content), len(content))
    return key


async def whole(storage: Storage, key: Key) -> bytes:
    return b"".join([piece async for piece in storage.read(key)])


@pytest.mark.parametrize("size", [1, 300_000, 12 * 1024 * 1024])
async def test_what_is_put_is_what_is_read(storage: Storage, size: int) -> None:
    content = os.urandom(size)
    key = await keep(storage, content)
    assert await storage.has(key)
    assert await whole(storage, key) == content


async def test_a_file_is_put_from_its_beginning_wherever_it_was_read_to(storage: Storage) -> None:
    file = io.BytesIO(b"from the beginning")
    file.read(7)
    key = key_of(b"from the beginning")
    await storage.put(key, file, 18)
    assert await whole(storage, key) == b"from the beginning"


async def test_what_was_never_there_is_lost_before_the_first_piece(storage: Storage) -> None:
    key = key_of(b"nobody's")
    assert not await storage.has(key)
    with pytest.raises(BytesLost):
        await anext(storage.read(key))
    await storage.remove(key)


async def test_what_is_removed_is_gone_and_a_second_put_brings_it_back(storage: Storage) -> None:
    key = await keep(storage, b"once")
    await storage.remove(key)
    assert not await storage.has(key)
    with pytest.raises(BytesLost):
        await whole(storage, key)
    await keep(storage, b"once", key)
    await keep(storage, b"once", key)
    assert await whole(storage, key) == b"once"


async def test_the_same_bytes_of_two_workspaces_are_two(storage: Storage) -> None:
    first, second = await keep(storage, b"shared"), await keep(storage, b"shared")
    await storage.remove(first)
    assert await whole(storage, second) == b"shared"


async def test_many_at_once_do_not_get_in_each_others_way(storage: Storage) -> None:
    key = key_of(b"popular" * 1000)
    await asyncio.gather(*(keep(storage, b"popular" * 1000, key) for _ in range(8)))
    assert await asyncio.gather(*(whole(storage, key) for _ in range(8))) == [b"popular" * 1000] * 8


async def test_it_can_be_proved(storage: Storage) -> None:
    await prove(storage)


async def test_on_disk_files_are_their_owners_alone_and_nothing_is_left_lying_about(tmp_path: Path) -> None:
    storage = open_storage(Settings(_env_file=None, home=tmp_path))
    key = await keep(storage, b"private")
    place = tmp_path / "files" / str(key)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert not list((tmp_path / "files" / "incoming").iterdir())


async def test_a_put_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(28, "No space left on device")

    storage = open_storage(Settings(_env_file=None, home=tmp_path))
    with pytest.raises(StorageDown, match="No space left"):
        await storage.put(key_of(b"x"), Broken(b"x"), 1)
    assert [one for one in (tmp_path / "files").rglob("*") if one.is_file()] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir(mode=0o500)
    with pytest.raises(StorageDown, match="Permission denied"):
        await prove(open_storage(Settings(_env_file=None, home=tmp_path)))


async def test_a_file_in_the_way_of_the_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StorageDown):
        await prove(open_storage(Settings(_env_file=None, home=tmp_path)))


async def test_a_bucket_that_is_not_there_says_so_and_names_no_secret(s3: S3, tmp_path: Path) -> None:
    with pytest.raises(StorageDown) as down:
        await prove(open_storage(at_bucket(s3, tmp_path, s3_bucket="nobodys")))
    assert "nobodys" in down.value.detail
    assert "secret-half" not in down.value.detail


async def test_a_service_that_does_not_answer_is_down(tmp_path: Path) -> None:
    storage = open_storage(at_bucket(S3("http://127.0.0.1:9", "tidings"), tmp_path))
    with pytest.raises(StorageDown):
        await whole(storage, key_of(b"x"))


def test_a_bucket_in_the_hosts_name_is_put_there() -> None:
    from tidings.files.storage.s3 import _options

    given = Settings(_env_file=None, s3_bucket="shop", s3_endpoint="https://s3.example/", s3_path_style=False)
    assert _options(given)["endpoint"] == "https://shop.s3.example"
    assert _options(given)["virtual_hosted_style_request"] is True


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(Unavailable, match=r"tidings\[s3\]"):
        open_storage(Settings(_env_file=None, s3_bucket="shop"))
