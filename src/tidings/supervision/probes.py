"""Probes on a schedule: each channel every few minutes, at once after failures, a bounded number side by side."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from tidings.channels.lifecycle import Probe
from tidings.channels.probing import note_probe, probe
from tidings.channels.runtime import open_channel
from tidings.providers.base import ErrorCode

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.vault import Vault
    from tidings.providers.http import Http
    from tidings.settings import Settings
    from tidings.supervision.leases import Worker

log = structlog.get_logger(__name__)

SIDE_BY_SIDE = 16
"""Probes under way at once in one worker."""
_LOOK_SECONDS = 1.0
_LONGEST_SECONDS = 40.0
"""Of one probe, its writing included; a provider's own answer may take 30."""
_AGAIN = timedelta(seconds=60)
"""When a probe of which nothing came (a worker that died) is made anew."""


class Probes:
    """The probing of one worker."""

    def __init__(self, pool: asyncpg.Pool, http: Http, vault: Vault, settings: Settings, worker: Worker) -> None:
        self._pool = pool
        self._http = http
        self._vault = vault
        self._settings = settings
        self._worker = worker
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until `stop` is set. Probes under way are left: their channels come up again."""
        while not stop.is_set():
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the database is away; what is due stays due
                log.warning("probes_interrupted", error=str(error) or type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _look(self) -> None:
        room = SIDE_BY_SIDE - len(self._under_way)
        if room <= 0:
            return
        async with self._pool.acquire(timeout=5) as connection:
            due = await self._worker.due_probes(connection, room, _AGAIN)
        for channel_id in due:
            task = asyncio.create_task(self._probe(channel_id))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _probe(self, channel_id: UUID) -> None:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                await self._ask(channel_id)
        except Exception as error:  # noqa: BLE001 - one channel's trouble; it is due again in a minute
            log.warning("probe_failed", channel_id=str(channel_id), error=str(error) or type(error).__name__)

    async def _ask(self, channel_id: UUID) -> None:
        async with self._pool.acquire() as connection:
            channel = await open_channel(connection, self._vault, self._settings, channel_id)
        if channel is None:
            return
        if channel.usable:
            found = await probe(self._http, channel)
        else:
            # The operator's to mend, and told already: no word on the provider.
            found = Probe(ok=False, detail=channel.reason or "It cannot be used.", latency_ms=0, code=ErrorCode.UNSUPPORTED)
        async with self._pool.acquire() as connection, connection.transaction():
            await note_probe(connection, channel, found, every_seconds=self._settings.health_seconds)
