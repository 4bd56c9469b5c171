"""A session's store: the SQLite file in which whatsmeow keeps the link and the state of every encrypted chat.

It is copied whole and consistent while the library writes to it (SQLite's backup), packed for the database, and laid out again for
the next run. What a copy that is some seconds old means: docs/decisions/0007-linked-sessions.md.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from pathlib import Path

_MAGIC = b"TWS1"
LONGEST_STORE = 48 * 1024 * 1024
"""Bytes of an unpacked store. One with thousands of chats has a few million."""
BUSY_SECONDS = 5.0


class BadStore(Exception):
    """These bytes are no store, or it has grown beyond what is kept."""


def lay_out(path: Path, packed: bytes) -> None:
    """Make the file (readable by its owner alone), with what was packed in it; empty where nothing was. Raises `BadStore`."""
    content = _unpack(packed) if packed else b""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def pack(path: Path) -> bytes:
    """The whole store as it is now. Raises `sqlite3.Error`, `OSError` or `BadStore`."""
    copy = path.with_suffix(".copy")
    with contextlib.suppress(FileNotFoundError):
        copy.unlink()
    try:
        with (
            contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        content = copy.read_bytes()
    finally:
        with contextlib.suppress(FileNotFoundError):
            copy.unlink()
    if len(content) > LONGEST_STORE:
        raise BadStore(f"The session's store has grown to {len(content)} bytes, and no more than {LONGEST_STORE} are kept.")
    return _MAGIC + zlib.compress(content, 1)


def version(connection: sqlite3.Connection) -> int:
    """A number that changes when somebody else has written to the store."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _unpack(packed: bytes) -> bytes:
    if packed[:4] != _MAGIC:
        raise BadStore("What was kept of this session cannot be read.")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed[4:], LONGEST_STORE)
    except zlib.error:
        raise BadStore("What was kept of this session cannot be read.") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise BadStore("What was kept of this session is not whole.")
    return content
