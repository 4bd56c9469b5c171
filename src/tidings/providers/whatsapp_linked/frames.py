"""What a worker and its bridge process say to each other: length-prefixed msgpack over a Unix socket.

Worker to bridge: `Start`, `Stop`, `Send`, `Fetch`, `Ack`. Bridge to worker: `Ready` once, then events of sessions (`Event`), each
numbered against a credit: a session may have `CREDIT` of them unacknowledged, then its client waits, and with it WhatsApp's own queue.
Answers to `Send` and `Fetch` carry the request's number and need no credit: there is one for each request.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import asyncio

CREDIT = 64
"""Events of one session that wait to be written down; more of them wait in the bridge, and block there."""
LONGEST_FRAME = 80 * 1024 * 1024
"""Bytes: a file at its largest, or a session's store."""
_PREFIX = 4

MessageKind = Literal["text", "image", "video", "audio", "document", "sticker"]
EndKind = Literal["stopped", "dial", "logged_out", "replaced", "banned", "outdated", "refused", "pairing", "broken"]


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag=True, array_like=True):
    """Anything that crosses."""


# --- worker to bridge -------------------------------------------------------------------------------------------------


class Start(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """Run a session. `store` is the packed store of an earlier run, empty to pair anew."""

    session: str
    store: bytes = b""
    pair_phone: str = ""
    """Digits of the number to pair by code; empty to pair by QR."""
    code_seconds: float
    """Without a new code for so long nobody has scanned."""


class Stop(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """End a session in good order. `Ended` follows its last `Stored`."""

    session: str


class Send(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """Send one message; exactly one `Sent` follows."""

    session: str
    request: int
    to: str
    """E.164, or `…@lid`."""
    text: str
    kind: MessageKind = "text"
    content: bytes = b""
    content_type: str = ""
    file_name: str = ""
    reply_to: str = ""


class Fetch(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """Fetch a file that a person sent; exactly one `Fetched` follows."""

    session: str
    request: int
    reference: bytes
    """The serialized message that names the file and its key."""


class Ack(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """So many events of a session are written down."""

    session: str
    count: int


Order = Start | Stop | Send | Fetch | Ack


# --- bridge to worker -------------------------------------------------------------------------------------------------


class Ready(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """The library is loaded, or why it is not."""

    folder: str
    """Where the stores of this bridge lie; only its own user may read it."""
    missing: bool = False
    trouble: str = ""


class Sent(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """What became of a `Send`. `failure` is empty where WhatsApp took it."""

    request: int
    message_id: str = ""
    stage: Literal["sent", "check", "upload", "absent", "send", "offline", "address"] = "sent"
    """How far it got: refused `offline` or for its `address`, at the `check` of the number, `absent` from WhatsApp, at `upload`, at `send`."""
    failure: str = ""


class Fetched(Frame, frozen=True, kw_only=True, tag=True, array_like=True):
    """A file, or why there is none."""

    request: int
    content: bytes = b""
    failure: str = ""


class Event(Frame, frozen=True, kw_only=True, tag=False, array_like=True):
    """Something that happened to a session."""

    session: str


class ShowQr(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    code: str


class ShowCode(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    code: str


class Connected(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    address: str


class Lost(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    """The connection broke; the library makes it anew by itself."""


class Stored(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    """The session's store as it is now, packed."""

    data: bytes


class Receipted(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    message_ids: list[str]
    status: Literal["delivered", "read"]
    word: str
    at: float
    """Seconds since 1970; 0 where WhatsApp does not say."""


class File(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    kind: Literal["image", "video", "audio", "document", "sticker"]
    reference: bytes
    content_type: str = ""
    file_name: str = ""
    size: int = 0


class Place(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class Came(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    """A message from a person."""

    message_id: str
    sender: str
    name: str = ""
    text: str = ""
    at: float = 0.0
    file: File | None = None
    place: Place | None = None
    button: str | None = None
    reply_to: str | None = None


class Ended(Event, frozen=True, kw_only=True, tag=True, array_like=True):
    """The session runs no longer."""

    kind: EndKind
    detail: str = ""
    seconds: float = 0.0
    """How long WhatsApp wants to be left alone, where it says so."""


Told = Ready | Sent | Fetched | ShowQr | ShowCode | Connected | Lost | Stored | Receipted | Came | Ended
AnyEvent = ShowQr | ShowCode | Connected | Lost | Stored | Receipted | Came | Ended

_ENCODER = msgspec.msgpack.Encoder()
_ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_TOLD: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)


class Oversized(Exception):
    """A frame is longer than either side takes."""


def encode(frame: Frame) -> bytes:
    """A frame with its length in front (4 bytes, big-endian). Raises `Oversized`."""
    body = _ENCODER.encode(frame)
    if len(body) > LONGEST_FRAME:
        raise Oversized(f"a frame of {len(body)} bytes")
    return len(body).to_bytes(_PREFIX, "big") + body


async def read_told(reader: asyncio.StreamReader) -> Told:
    """The bridge's next frame. Raises `asyncio.IncompleteReadError` when it is gone, and `Oversized` or `msgspec.DecodeError`."""
    return _TOLD.decode(await reader.readexactly(_checked(await reader.readexactly(_PREFIX))))


def read_order(connection: socket.socket) -> Order | None:
    """The worker's next frame; None when the worker is gone. Blocks."""
    prefix = _read(connection, _PREFIX)
    body = _read(connection, _checked(prefix)) if prefix is not None else None
    return _ORDERS.decode(body) if body is not None else None


def _read(connection: socket.socket, count: int) -> bytes | None:
    body = bytearray(count)
    view, got = memoryview(body), 0
    while got < count:
        read = connection.recv_into(view[got:])
        if read == 0:
            return None
        got += read
    return bytes(body)


def _checked(prefix: bytes) -> int:
    length = int.from_bytes(prefix, "big")
    if length > LONGEST_FRAME:
        raise Oversized(f"a frame of {length} bytes")
    return length
