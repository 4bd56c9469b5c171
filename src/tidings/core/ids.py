"""Ids: UUIDv7 inside (time-ordered, so tables are partitioned by them), `prefix_` + 26 letters outside.

The outside form is TypeID (https://github.com/jetify-com/typeid spec 0.3): Crockford base32, lower case, of the 128 bits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import uuid_utils

PREFIXES: Final = {
    "wrk": "workspace",
    "usr": "user",
    "key": "API key",
    "inv": "invitation",
    "con": "contact",
    "pnt": "contact point",
    "grp": "group",
    "imp": "import",
    "chn": "channel",
    "msg": "message",
    "cmp": "campaign",
    "rte": "route",
    "alr": "alert",
    "rcp": "receipt",
    "aud": "audit entry",
    "act": "activity",
    "cnv": "conversation",
    "med": "file",
}
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
"""Two letters at a time: every message that leaves has its id written, and this takes 0.7 µs where base64.b32hexencode takes 4."""
_FORTY_BITS: Final = (1 << 40) - 1
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}


def new_id() -> UUID:
    """A new id, greater than every id this process made before."""
    return UUID(int=uuid_utils.uuid7().int)


def show_id(prefix: str, value: UUID) -> str:
    """Write an id as the outside sees it: `show_id("msg", …)` gives `msg_01j…`."""
    number = value.int
    a, b, c = number >> 80, number >> 40 & _FORTY_BITS, number & _FORTY_BITS  # shifts within a machine word are the fast ones
    p = _PAIRS
    return (
        f"{prefix}_{p[a >> 40]}{p[a >> 30 & 1023]}{p[a >> 20 & 1023]}{p[a >> 10 & 1023]}{p[a & 1023]}"
        f"{p[b >> 30]}{p[b >> 20 & 1023]}{p[b >> 10 & 1023]}{p[b & 1023]}{p[c >> 30]}{p[c >> 20 & 1023]}{p[c >> 10 & 1023]}{p[c & 1023]}"
    )


def read_id(prefix: str, text: str) -> UUID | None:
    """Read an outside id; None when it is not one of this kind, so that the caller can say "not found"."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != 26 or tail[0] > "7":
        return None
    number = 0
    for letter in tail:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return UUID(int=number)


def id_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment: the lower bound of "everything made since then"."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def id_time(value: UUID) -> datetime:
    """When an id was made (UTC, to the millisecond)."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, tz=UTC)
