"""The app on a real port of this machine, for as long as a block runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app in this event loop; gives its address. The server runs the app's own start and end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    try:
        await _answers(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await serving


async def _answers(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
