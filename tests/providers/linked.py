"""A session of a linked device under test, with a host that only remembers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from PIL import Image

from tests.simulators.whatsapp_linked import CLIENT, Device, LinkedWhatsApp
from tidings.providers.base import Callback, ChannelConfig, ProviderError, SessionState
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked.provider import WhatsAppLinked

NUMBER = "254711000001"


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (300, 200), "teal").save(out, format="png")
    return out.getvalue()


PNG = _picture()


@dataclass
class Host:
    """A `SessionHost`: what it was told, in order."""

    states: list[SessionState] = field(default_factory=list)
    callbacks: list[Callback] = field(default_factory=list)
    kept: bytes | None = None
    forgotten: bool = False
    failing: int = 0
    """So many calls fail first, as when the database is away."""

    async def tell(self, callbacks: Sequence[Callback]) -> None:
        if self.failing:
            self.failing -= 1
            raise ConnectionError("the database is away")
        self.callbacks += callbacks

    async def show(self, state: SessionState) -> None:
        self.states.append(state)

    async def keep(self, secret: bytes | None) -> None:
        self.kept, self.forgotten = secret, secret is None

    @property
    def last(self) -> SessionState:
        return self.states[-1]


def provider_of(whatsapp: LinkedWhatsApp, code_seconds: float = 75.0) -> WhatsAppLinked:
    return WhatsAppLinked(client=CLIENT, environment=whatsapp.environment, code_seconds=code_seconds)


def channel_of(channel_id: str = "chn_1", **settings: str) -> ChannelConfig:
    return ChannelConfig(sender="", settings=settings, credentials={}, channel_id=channel_id)


class Running:
    """One session, run until the block ends."""

    def __init__(
        self, provider: WhatsAppLinked, http: Http, channel: ChannelConfig, kept: bytes | None = None, host: Host | None = None
    ) -> None:
        self.provider, self.http, self.channel = provider, http, channel
        self.host = host or Host()
        self._kept = kept
        self.stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.provider.run_session(self.http, self.channel, self._kept, self.host, self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await asyncio.wait({self.task}, timeout=30)
        with suppress(ProviderError, asyncio.CancelledError):
            self.task.result()

    async def linked(self, whatsapp: LinkedWhatsApp) -> Device:
        """Scan the code; gives the device, connected."""
        device = await whatsapp.device()
        await device.show("2@first")
        await device.link(NUMBER)
        await until(lambda: self.host.last.state == "connected")
        return device


async def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)
