"""Small things about sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from typing import Any


async def get_json(url: str) -> Any:
    """What an address of ours answers."""

    def ask() -> Any:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    return await asyncio.to_thread(ask)


async def post_empty(url: str) -> None:
    """Post nothing to an address of ours."""

    def ask() -> None:
        with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST"), timeout=30) as answer:
            answer.read()

    await asyncio.to_thread(ask)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
