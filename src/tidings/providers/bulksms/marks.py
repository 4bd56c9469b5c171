"""The marks that a submission carries: our message's id in twenty letters, and a number that is the same for the same messages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from uuid import UUID

from tidings.core.ids import read_id, show_id

_MARK = re.compile(r"[A-Za-z0-9_-]{20}")
_TIME_BITS = 46  # milliseconds until the year 4199


def pack(message_id: str) -> str | None:
    """Our id in 20 letters, the most that `userSuppliedId` takes; None for an id that is no UUIDv7.

    A UUIDv7 has 122 bits of its own, of which the first two are noughts for two thousand years: 120 bits are 20 letters of base64.
    """
    value = read_id("msg", message_id)
    if value is None or value.version != 7 or value.int >> 80 >= 1 << _TIME_BITS:
        return None
    number = value.int
    bits = (number >> 80) << 74 | (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
    return base64.urlsafe_b64encode(bits.to_bytes(15)).decode()


def unpack(mark: str) -> str | None:
    """The id that `pack` made this of; None for anything else, such as the id of a message that another program sent."""
    if not _MARK.fullmatch(mark):
        return None
    bits = int.from_bytes(base64.urlsafe_b64decode(mark))
    return show_id("msg", UUID(int=(bits >> 74) << 80 | 7 << 76 | (bits >> 62 & 0xFFF) << 64 | 2 << 62 | bits & (1 << 62) - 1))


def deduplication_id(ids: Sequence[str]) -> int:
    """The same positive int32 for the same messages in the same order."""
    return int.from_bytes(hashlib.sha256("\n".join(ids).encode()).digest()[:4]) & 0x7FFF_FFFF
