"""Files that people sent: fetched from the provider when somebody asks for one, passed on, and not kept.

Kept, they would be a second store of personal data to back up, to delete from and to bound; the provider keeps them anyway.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

from starlette.responses import StreamingResponse

from tidings.channels import asking
from tidings.errors import NotFound, Unavailable
from tidings.messages.reading import get_message
from tidings.messages.received import unpack_content

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from tidings.channels.asking import Asking
    from tidings.providers.base import ReceivedMedia
    from tidings.workspaces.access import Access

AT_ONCE = 4
"""Files that one process holds in memory at the same time, from the first byte that comes to the last that goes."""
WAIT_SECONDS = 10.0
"""For a place among them."""
SEND_SECONDS = 120.0
"""The longest that a reader may take: a slow one must not hold a place for ever."""
_CHUNK = 65_536
_TYPE = re.compile(r"(image|audio|video)/[a-z0-9.+-]{1,60}|application/pdf|text/plain")
_NOT_SHOWN = {"image/svg+xml"}
"""Pictures that may run scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file on its way to whoever asked."""

    content: bytes = field(repr=False)
    content_type: str
    name: str


class Places:
    """How many files may be on their way at once in this process."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def take(self) -> None:
        """Wait for a place. Raises Unavailable when none comes free."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("Too many files are being fetched at the moment. Ask again in a little while.", retry_after=5) from None

    def give_back(self) -> None:
        """Let the next one in."""
        self._free.release()


async def fetch_file(how: Asking, access: Access, message_id: UUID, index: int) -> File:
    """A file of an inbound message. Opens a short transaction of its own; none is open while the provider is asked. Raises NotFound."""
    async with how.database.workspace(access.workspace_id) as session:
        message = await get_message(session, access.workspace_id, message_id, viewer=access.user_id)
        media = unpack_content(message.variables).media if message.direction == "in" else ()
    if not 0 <= index < len(media):
        raise NotFound("There is no such file with this message.")
    wanted = media[index]
    content = await asking.fetch_media(how, access, message.channel_id, wanted)
    return File(content=content, content_type=_content_type(wanted), name=_name(wanted, index))


class FileResponse(StreamingResponse):
    """A file as a download that no browser opens by itself. Gives its place back when the last byte has gone."""

    def __init__(self, file: File, places: Places) -> None:
        headers = {
            "content-length": str(len(file.content)),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; sandbox",
            "cache-control": "private, no-store",
        }
        super().__init__(_chunks(file.content), headers=headers, media_type=file.content_type)
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await super().__call__(scope, receive, send)
        finally:
            self._places.give_back()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), _CHUNK):
        yield bytes(view[start : start + _CHUNK])


def _content_type(media: ReceivedMedia) -> str:
    """What the provider called it, where that is harmless; bytes otherwise."""
    plain = media.content_type.partition(";")[0].strip().lower()
    return plain if _TYPE.fullmatch(plain) and plain not in _NOT_SHOWN else "application/octet-stream"


def _name(media: ReceivedMedia, index: int) -> str:
    """A name without a path, a control character or a surprise."""
    name = re.sub(r"[\x00-\x1f\x7f/\\:]+", "_", media.file_name).strip(". ")[:150]
    return name or f"{media.kind}-{index + 1}"
