"""A small HTTP/1.1 server that can also misbehave below HTTP: break off, fall silent, talk nonsense.

Written on raw asyncio because no web framework lets a handler reset its connection or send half an answer.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Call:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


@dataclass
class Reply:
    """A whole answer, or with `raw` the very bytes to write before hanging up; `reset` breaks the connection instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    reset: bool = False

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Simulated", f"Content-Length: {len(self.body)}", f"Content-Type: {self.content_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode(), headers={name.replace("_", "-"): text for name, text in headers.items()})


Handler = Callable[[Call], Awaitable[Reply]]


class Server:
    """`async with Server(handler) as server:` listens on `server.url` until the block ends."""

    def __init__(self, handler: Handler, port: int = 0, *, notices_leaving: bool = False) -> None:
        """`notices_leaving` ends the handling of a call whose caller hangs up, as servers that hold answers back must."""
        self._handler = handler
        self._notices_leaving = notices_leaving
        self._connections: set[asyncio.Task[None]] = set()
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024, limit=4_194_304)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (call := await _read(reader)) is not None and await self._answer(call, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()  # the other side left, or the test is over; nobody is there to be told
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        answer = await (self._handled(call, reader) if self._notices_leaving else self._handler(call))
        if answer.reset:
            # Linger of nought turns the close into a reset, as when a machine dies.
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        writer.write(answer.encode() if answer.raw is None else answer.raw)
        await writer.drain()
        return answer.raw is None

    async def _handled(self, call: Call, reader: asyncio.StreamReader) -> Reply:
        # No client of ours sends a second call before the answer to the first: what can be read is the end alone.
        handling, leaving = asyncio.ensure_future(self._handler(call)), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait([handling, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not handling.done():
                raise ConnectionResetError("the caller hung up")
            return await handling
        finally:
            for task in (handling, leaving):
                task.cancel()
            await asyncio.gather(handling, leaving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(method, target, headers, body)
