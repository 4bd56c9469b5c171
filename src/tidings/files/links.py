"""Addresses of our own by which a provider fetches a file: signed, good for one file and a limited time, and nothing to be guessed."""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from tidings.settings import Settings

PURPOSE = "media-links"
"""What the vault derives the signing keys for."""
_WHAT = struct.Struct(">16s16sQ")
_SIGNED = 32


class BadLink(Exception):
    """Not one of ours, or changed."""


class LinkExpired(Exception):
    """One of ours, and too old."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and reads them."""

    keys: Callable[[], Sequence[bytes]]
    """To sign with the first, and to believe any."""
    public_url: str
    life: timedelta

    @property
    def reachable(self) -> bool:
        """Whether anybody outside can follow one."""
        return bool(self.public_url)

    def make(self, workspace_id: UUID, file_id: UUID, now: datetime) -> str:
        """The address of a file."""
        what = _WHAT.pack(workspace_id.bytes, file_id.bytes, int((now + self.life).timestamp()))
        token = base64.urlsafe_b64encode(what + _sign(self.keys()[0], what)).rstrip(b"=").decode()
        return f"{self.public_url}/media/{token}"

    def read(self, token: str, now: datetime) -> tuple[UUID, UUID]:
        """The workspace and the file. Raises BadLink or LinkExpired."""
        whole = _bytes(token)
        what, signature = whole[: _WHAT.size], whole[_WHAT.size :]
        # Every key is compared, each in constant time: how long it takes tells nothing.
        if not any([hmac.compare_digest(_sign(key, what), signature) for key in self.keys()]):  # noqa: C419
            raise BadLink
        workspace_id, file_id, until = _WHAT.unpack(what)
        if datetime.fromtimestamp(until, UTC) <= now:
            raise LinkExpired
        return UUID(bytes=workspace_id), UUID(bytes=file_id)


class DerivesKeys(Protocol):
    """The vault, as far as it is needed here."""

    def derive_all(self, purpose: str) -> list[bytes]:
        """A key for one purpose from each of the installation's keys, newest first."""


def links_of(settings: Settings, vault: DerivesKeys) -> Links:
    """The links of this installation."""
    return Links(partial(vault.derive_all, PURPOSE), settings.public_url, timedelta(hours=settings.file_link_hours))


def _sign(key: bytes, what: bytes) -> bytes:
    return hmac.digest(key, what, "sha256")


def _bytes(token: str) -> bytes:
    """Read strictly, so that a file has one token and not several spellings of it."""
    padded = token + "=" * (-len(token) % 4)
    try:
        whole = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadLink from error
    if len(whole) != _WHAT.size + _SIGNED or base64.urlsafe_b64encode(whole).decode() != padded:
        raise BadLink
    return whole
