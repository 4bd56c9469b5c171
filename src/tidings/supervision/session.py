"""A standing session as its provider sees it: where it hands over what came, and keeps what it needs."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tidings.channels.runtime import RunningChannel, stop_channel
from tidings.providers.base import Callback, ErrorCode, ProviderError, Sessions, SessionState

if TYPE_CHECKING:
    from tidings.supervision.leases import Held
    from tidings.supervision.run import Shared


class Works(Protocol):
    """The run that a session is told to."""

    def works(self, detail: str = "") -> None: ...


class Host:
    """What a session needs of us. Everything it writes is refused once another worker holds the channel."""

    def __init__(self, run: Works, shared: Shared, held: Held, channel: RunningChannel) -> None:
        self._run = run
        self._shared = shared
        self._held = held
        self._channel = channel
        self._before = ""
        self.logged_out: str | None = None

    async def tell(self, callbacks: Sequence[Callback]) -> None:
        """Write it down; return when it is committed."""
        await self._shared.take(self._channel, callbacks)

    async def show(self, state: SessionState) -> None:
        """Say where the session stands. Codes to scan lie sealed, as they let a device in."""
        shared = self._shared
        sealed = shared.vault.seal({
            "state": state.state, "detail": state.detail, "qr": state.qr, "pairing_code": state.pairing_code, "address": state.address,
        })  # fmt: skip
        await shared.worker.show(shared.pool, self._held, sealed)
        if state.state != self._before:
            shared.board.note(self._channel.id, f"session_{state.state}", state.detail or state.address)
            self._before = state.state
        match state.state:
            case "connected":
                self._run.works(state.address)
            case "connecting":
                shared.board.say(self._held, "starting", state.detail or "Connects.")
            case "pairing":
                shared.board.say(self._held, "starting", state.detail or "Waits for somebody to link the device.")
            case "logged_out":
                self.logged_out = state.detail or "The device was unlinked at the other side. Start the channel again to link it anew."

    async def keep(self, secret: bytes | None) -> None:
        """Keep what the session needs after a restart, sealed."""
        sealed = None if secret is None else self._shared.vault.seal({"kept": base64.b64encode(secret).decode()})
        await self._shared.worker.keep(self._shared.pool, self._held, sealed)


async def keep_session(run: Works, shared: Shared, held: Held, channel: RunningChannel, stop: asyncio.Event) -> None:
    """Run one session until it ends. Raises what it raises; a session that ended by itself is run again."""
    provider = channel.provider
    assert isinstance(provider, Sessions)
    host = Host(run, shared, held, channel)
    await provider.run_session(shared.http, channel.config, await _kept(shared, held), host, stop)
    if host.logged_out is not None:
        async with shared.pool.acquire() as connection, connection.transaction():
            await stop_channel(connection, channel.id, ErrorCode.INVALID_CREDENTIALS, host.logged_out)
        stop.set()
    elif not stop.is_set():
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "The session ended by itself.")


async def _kept(shared: Shared, held: Held) -> bytes | None:
    """As it was last kept: a session that begins again in this run may have kept something newer than what was taken with it."""
    sealed = await shared.pool.fetchval("SELECT kept FROM channel_standing WHERE channel_id = $1", held.channel_id)
    return base64.b64decode(shared.vault.open(sealed)["kept"]) if sealed else None
