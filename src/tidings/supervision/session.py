"""A standing session as its provider sees it: where it hands over what came, and keeps what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tidings.channels.runtime import RunningChannel, stop_channel
from tidings.channels.sessions import Holder, SessionNotHeld, StoredSession
from tidings.providers.base import Callback, ErrorCode, ProviderError, Sessions, SessionState
from tidings.supervision.leases import LeaseLost

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
        holder = Holder(worker_id=shared.worker.id, fence=held.fence)
        self._stored = StoredSession(shared.pool, shared.vault, channel.workspace_id, channel.id, self.tell, holder)

    async def tell(self, callbacks: Sequence[Callback]) -> None:
        """Write it down; return when it is committed."""
        await self._shared.take(self._channel, callbacks)

    async def show(self, state: SessionState) -> None:
        """Say where the session stands."""
        shared = self._shared
        try:
            await self._stored.show(state)
        except SessionNotHeld:
            raise LeaseLost from None
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
        try:
            await self._stored.keep(secret)
        except SessionNotHeld:
            raise LeaseLost from None

    async def kept(self) -> bytes | None:
        """As it was last kept, by this run or an earlier one."""
        return await self._stored.kept()


async def keep_session(run: Works, shared: Shared, held: Held, channel: RunningChannel, stop: asyncio.Event) -> None:
    """Run one session until it ends. Raises what it raises; a session that ended by itself is run again."""
    provider = channel.provider
    assert isinstance(provider, Sessions)
    host = Host(run, shared, held, channel)
    await provider.run_session(shared.http, channel.config, await host.kept(), host, stop)
    if host.logged_out is not None:
        async with shared.pool.acquire() as connection, connection.transaction():
            await stop_channel(connection, channel.id, ErrorCode.INVALID_CREDENTIALS, host.logged_out)
        stop.set()
    elif not stop.is_set():
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "The session ended by itself.")
