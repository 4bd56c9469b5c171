"""Opaque cursors: where a list left off, safe to hand to anyone and to get back from anyone."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from tidings.errors import Invalid

T = TypeVar("T")
_NOT_OURS = "This cursor is not one that a list gave out. Start again from the first page."


def write_cursor(*position: Any) -> str:
    """Pack the sort key of the last row shown."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def read_cursor(text: str, shape: type[T]) -> T:
    """Unpack a cursor into the tuple type it was made of. Raises Invalid when it is not ours."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found = msgspec.json.decode(raw, type=shape)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Invalid(_NOT_OURS) from error
    # Nothing that is kept holds a NUL character, and PostgreSQL would not be asked about one.
    if isinstance(found, tuple) and any(isinstance(one, str) and "\0" in one for one in found):
        raise Invalid(_NOT_OURS)
    return found
