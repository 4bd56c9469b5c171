"""A backup on disk: a zip of the database's dump, the key file and a manifest that says what they must be."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from tidings.errors import Invalid, Unavailable

DUMP = "database.dump"
KEYS = "secret_keys"
_MANIFEST = "manifest.json"
_BLOCK = 1024 * 1024
_FORMAT = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    format: int = _FORMAT
    tidings: str
    revision: str
    """The schema's."""
    postgres: str
    created_at: datetime
    sha256: dict[str, str]
    """Of each file in the archive."""


class ArchiveWriter:
    """Takes the files one by one, of whatever length, and sums them up on the way."""

    def __init__(self, zipped: zipfile.ZipFile) -> None:
        self._zip = zipped
        self.sha256: dict[str, str] = {}

    def add(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write one file as its bytes come."""
        digest = hashlib.sha256()
        with self._zip.open(name, "w", force_zip64=True) as file:
            for block in blocks:
                digest.update(block)
                file.write(block)
        self.sha256[name] = digest.hexdigest()

    def finish(self, manifest: Manifest) -> None:
        """The manifest comes last: an archive without one is not whole."""
        self._zip.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


@contextmanager
def write_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Appears under its name only when whole, readable by its owner alone: it holds every customer and every key.

    Raises Unavailable when the disk is full or the folder closed.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as zipped:  # the dump is compressed already
            yield ArchiveWriter(zipped)
        part.replace(path)
    except OSError as error:
        raise Unavailable(
            f"The backup cannot be written to {path}: {error}. There is no new backup; the installation and older backups are as "
            "they were. Make room, or name a file elsewhere."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def read_archive(path: Path) -> Iterator[tuple[Manifest, zipfile.ZipFile]]:
    """Raises Invalid when it is no backup of ours, or not the one that was written."""
    try:
        zipped = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise Invalid(f"{path} cannot be read as a backup: {error}. Nothing was changed.") from error
    with zipped:
        manifest = _manifest(path, zipped)
        _check(path, zipped, manifest)
        yield manifest, zipped


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes, a megabyte at a time."""
    while block := file.read(_BLOCK):
        yield block


def _manifest(path: Path, zipped: zipfile.ZipFile) -> Manifest:
    try:
        manifest = msgspec.json.decode(zipped.read(_MANIFEST), type=Manifest)
    except (KeyError, msgspec.MsgspecError, zipfile.BadZipFile) as error:
        raise Invalid(f"{path} is not a Tidings backup, or not whole: it has no readable manifest. Nothing was changed.") from error
    if manifest.format != _FORMAT:
        raise Invalid(f"{path} was written in a newer format ({manifest.format}). Use the Tidings that wrote it ({manifest.tidings}).")
    return manifest


def _check(path: Path, zipped: zipfile.ZipFile, manifest: Manifest) -> None:
    for name, expected in manifest.sha256.items():
        digest = hashlib.sha256()
        try:
            with zipped.open(name) as file:
                for block in blocks(file):
                    digest.update(block)
        except (KeyError, zipfile.BadZipFile) as error:
            raise Invalid(f"{path} is damaged at {name}: {error}. Nothing was changed.") from error
        if digest.hexdigest() != expected:
            raise Invalid(f"{path} is damaged: {name} is not what was written. Nothing was changed.")
