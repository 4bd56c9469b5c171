"""Gives a file's bytes out: to members who ask for them, and by a signed address to providers who know nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tidings.core.clock import utc_now
from tidings.errors import NotFound, TidingsError
from tidings.files.links import BadLink, LinkExpired
from tidings.files.service import get_file

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from tidings.files.models import StoredFile
    from tidings.files.storage import Storage

SEND_SECONDS = 300.0
"""The longest that somebody may take to fetch a file: a slow one must not hold on for ever."""
_LONGEST_TOKEN = 200


async def give(file: StoredFile, storage: Storage, *, cache: str, head: bool = False) -> Response:
    """A file as a download that no browser opens as a page. Raises BytesLost or StorageDown before anything is answered."""
    headers = {
        "content-length": str(file.size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": cache,
        "etag": f'"{file.sha256.hex()}"',
    }
    if head:
        return Response(headers=headers, media_type=file.content_type)
    pieces = storage.read(file.key)
    first = await anext(pieces)
    return _Bounded(_from(first, pieces), headers=headers, media_type=file.content_type)


def mount_links(app: Starlette) -> None:
    """The public addresses. Outside the API: no login, no listing, nothing but what the signature names."""
    app.router.routes.append(Route("/media/{token}", _by_link, methods=["GET", "HEAD"]))


async def _by_link(request: Request) -> Response:
    state = request.app.state
    token = request.path_params["token"]
    try:
        workspace_id, file_id = state.links.read(token[:_LONGEST_TOKEN], utc_now())
        async with state.database.workspace(workspace_id) as session:
            file = await get_file(session, workspace_id, file_id)
        return await give(file, state.storage, cache="private, max-age=3600", head=request.method == "HEAD")
    except LinkExpired:
        return _no("This address is no longer good.", 410)
    except (BadLink, NotFound):
        return _no("There is nothing here.", 404)
    except TidingsError as error:
        return _no("The file cannot be given out just now.", error.status_code)


def _no(words: str, status_code: int) -> Response:
    return PlainTextResponse(words, status_code=status_code, headers={"cache-control": "no-store"})


class _Bounded(StreamingResponse):
    """A stream that ends, whoever reads it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await super().__call__(scope, receive, send)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
