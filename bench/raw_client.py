"""An HTTP/1.1 client that costs next to nothing, so that the server is what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Self


class Connection:
    """One kept-alive connection; one request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send whole bytes, read a whole answer: its status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return int(head[9:12]), await self._reader.readexactly(length) if length else b""


def request_bytes(method: str, path: str, port: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole request, made before the clock starts."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + body


async def post_all(port: int, requests: list[bytes], connections: int) -> dict[int, int]:
    """Send all over so many connections, each as soon as it is free; how many answers had which status."""
    statuses: dict[int, int] = {}
    waiting = iter(requests)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(_post(port, waiting, statuses))
    return statuses


async def _post(port: int, waiting: Iterator[bytes], statuses: dict[int, int]) -> None:
    async with Connection("127.0.0.1", port) as connection:
        for request in waiting:
            status, _ = await connection.ask(request)
            statuses[status] = statuses.get(status, 0) + 1
