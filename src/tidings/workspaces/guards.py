"""What stands around every request: its id, its size, its answer's security headers, and a net for what nobody foresaw. Plain ASGI."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tidings.ui.pages import SECURITY_HEADERS
from tidings.workspaces.error_edge import answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 1024 * 1024
"""Bytes of a JSON body or a form."""
_MULTIPART_SLACK = 64 * 1024  # the lines around an uploaded file
_SMALL = ("application/json", "application/x-www-form-urlencoded", "text/")
_NOTHING: Message = {"type": "http.disconnect"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {name: value for name, value in SECURITY_HEADERS.items() if name not in {"Cache-Control", "Vary"}}


class Guards:
    """The one middleware."""

    def __init__(self, app: ASGIApp, *, upload_limit: int, https: bool, uploads: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.upload_limit = upload_limit
        self.uploads = uploads or {}
        """The paths that take larger files, or smaller ones, each with its limit."""
        # A browser that came over https once never tries without again (RFC 6797); the value is seconds.
        self.headers = {**_HEADERS, "Strict-Transport-Security": "max-age=31536000"} if https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            headers = {**self.headers, "Cache-Control": "no-store"} if scope["path"].startswith("/api/") else self.headers
            await self._guarded(scope, receive, _with_headers(send, request_id, headers))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, _counted(receive, self._largest(scope), _declared(scope)), watched)
        except Exception as error:
            if started:  # the client has half an answer: cut it off, so that it cannot take it for a whole one
                raise
            response = await answer(Request(scope), error)
            await response(scope, receive, send)

    def _largest(self, scope: Scope) -> int:
        kind = Headers(scope=scope).get("content-type", "application/json")
        upload_limit = self.uploads.get(scope["path"], self.upload_limit)
        return BODY_LIMIT if kind.startswith(_SMALL) else max(BODY_LIMIT, upload_limit + _MULTIPART_SLACK)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _with_headers(send: Send, request_id: str, given: dict[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in given.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = request_id
        await send(message)

    return sending


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _size(count: int) -> str:
    return f"{count // 1024} kB" if count < 1024**2 else f"{count / 1024**2:.1f}".removesuffix(".0") + " MB"


def _counted(receive: Receive, largest: int, declared: int) -> Receive:
    """Refuses a body that says it is too large when somebody wants to read it, and one that says nothing as soon as it is."""
    total = 0

    async def receiving() -> Message:
        nonlocal total
        message = await receive() if declared <= largest else _NOTHING
        total += len(message.get("body", b""))
        if max(total, declared) > largest:
            # FastAPI lets only this kind of error through while it reads a body.
            raise HTTPException(413, f"This is larger than {_size(largest)}, the most that is accepted here. Nothing was changed.")
        return message

    return receiving
