"""Uploaded files in a backup: those on this machine's disk go in, and come back to wherever the installation keeps its files now."""

from __future__ import annotations

import re
import shutil
import tempfile
from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import UUID

from tidings.commands.archive import ArchiveWriter, blocks
from tidings.errors import Invalid

if TYPE_CHECKING:
    import zipfile
    from pathlib import Path

    from tidings.commands.archive import Manifest
    from tidings.files.storage import Key
    from tidings.settings import Settings

FOLDER = "files/"
_NAME = re.compile(r"files/([0-9a-f]{32})/([0-9a-f]{2})/(\2[0-9a-f]{62})")


def add_files(archive: ArchiveWriter, given: Settings) -> int:
    """Write every file on disk to the archive, after the database's dump: so that whatever the dump names is there. Say how many."""
    from tidings.files.storage import folder_of

    count = 0
    folder = folder_of(given.home)
    for path in sorted(folder.glob("*/*/*")) if folder.is_dir() else ():
        name = FOLDER + path.relative_to(folder).as_posix()
        if _NAME.fullmatch(name):
            try:
                file = path.open("rb")
            except FileNotFoundError:  # its bytes are thrown away an hour after its row, so the dump does not name it
                continue
            with file:
                archive.add(name, blocks(file))
            count += 1
    return count


def files_in(manifest: Manifest) -> list[str]:
    """The names of the archive's uploaded files. Raises Invalid for one that could lead elsewhere."""
    names = [name for name in manifest.sha256 if name.startswith(FOLDER)]
    if strange := next((name for name in names if _NAME.fullmatch(name) is None), None):
        raise Invalid(f"The backup holds a file of a name that Tidings never writes: {strange!r}. Nothing was changed.")
    return names


def put_files(zipped: zipfile.ZipFile, names: list[str], given: Settings) -> None:
    """Bring them to the installation's storage, on disk in the place of what lies there. What lay there is kept beside it."""
    from tidings.commands.installation import run
    from tidings.files.storage import folder_of, open_storage

    folder = folder_of(given.home)
    if not given.s3_bucket and folder.is_dir() and any(folder.iterdir()):
        _set_aside(folder)
    storage = open_storage(given)

    async def put_all() -> None:
        for name in names:
            with zipped.open(name) as packed, tempfile.TemporaryFile() as plain:
                shutil.copyfileobj(packed, plain, 1024 * 1024)
                await storage.put(_key(name), cast("BinaryIO", plain), plain.tell())

    run(put_all())


def _set_aside(folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.before-restore")
    number = 1
    while aside.exists():
        number += 1
        aside = folder.with_name(f"{folder.name}.before-restore-{number}")
    folder.rename(aside)


def _key(name: str) -> Key:
    from tidings.files.storage import Key

    found = _NAME.fullmatch(name)
    assert found is not None
    return Key(UUID(hex=found[1]), bytes.fromhex(found[3]))
