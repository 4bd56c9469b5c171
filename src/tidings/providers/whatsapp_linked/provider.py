"""WhatsApp by linked device: the shop's own phone, linked as WhatsApp Web is, through the neonize library (whatsmeow).

Why a process of its own, and what is kept of a session: docs/decisions/0007-linked-sessions.md. The library is an optional extra:
`pip install 'tidings[whatsapp-linked]'`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from tidings.providers.base import (
    Balance,
    ChannelConfig,
    ErrorCode,
    HookAnswer,
    HookRefused,
    HookRequest,
    Outcome,
    Outgoing,
    ProviderError,
    ReceivedMedia,
    SessionHost,
)
from tidings.providers.http import Http
from tidings.providers.whatsapp_linked import media as files
from tidings.providers.whatsapp_linked import sending
from tidings.providers.whatsapp_linked.description import DESCRIPTION, LARGEST_FILE
from tidings.providers.whatsapp_linked.errors import INSTALL
from tidings.providers.whatsapp_linked.process import Bridges
from tidings.providers.whatsapp_linked.session import Sessions

CLIENT = "neonize.client:NewClient"
CODE_SECONDS = 75.0
"""Without a new code for so long the codes have run out: WhatsApp's first is shown for 60 seconds, the later ones for 20."""


class WhatsAppLinked:
    """The provider. It holds the sessions that run in this process, and the bridge processes behind them."""

    description = DESCRIPTION

    def __init__(self, *, client: str = CLIENT, environment: Mapping[str, str] | None = None, code_seconds: float = CODE_SECONDS) -> None:
        """`client` is the class that the bridge loads (`module:name`), `environment` what its process is given besides."""
        self._sessions = Sessions(Bridges(client, environment or {}), code_seconds)

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        line = self._sessions.line_of(channel)
        return [await sending.send(http, line, message, LARGEST_FILE) for message in batch]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:  # noqa: ARG002 - nothing is paid
        raise ProviderError(ErrorCode.UNSUPPORTED, "A linked WhatsApp costs nothing a message; there is no balance.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:  # noqa: ARG002 - the session itself knows
        if sys.platform == "win32":
            raise ProviderError(ErrorCode.UNSUPPORTED, "Linked devices need a server with Linux or macOS.")
        if not sending.installed():
            raise ProviderError(ErrorCode.INVALID_CREDENTIALS, INSTALL)
        line = self._sessions.line_of(channel)
        if line is not None and not line.online:
            raise ProviderError(
                ErrorCode.PROVIDER_UNAVAILABLE, "The linked device is not connected to WhatsApp just now, or no phone is linked yet."
            )
        if line is not None:
            return "The phone is linked, and the session is connected to WhatsApp."
        return "The library is installed. Whether a phone is linked, the channel's page shows by itself."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:  # noqa: ARG002
        raise HookRefused("Nothing comes in over the web here: the linked device itself hears of messages and receipts.")

    async def run_session(self, http: Http, channel: ChannelConfig, kept: bytes | None, host: SessionHost, stop: asyncio.Event) -> None:  # noqa: ARG002
        await self._sessions.run(channel, kept, host, stop)

    async def fetch_media(self, http: Http, channel: ChannelConfig, media: ReceivedMedia, *, max_bytes: int) -> bytes:  # noqa: ARG002
        return await files.fetch(self._sessions.line_of(channel), media, max_bytes)
