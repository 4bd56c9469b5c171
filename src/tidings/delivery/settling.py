"""Writes ended attempts in groups: at most 100 ms late, or when enough have gathered, and again until the database took them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

import structlog
from asyncpg.exceptions import InterfaceError, PostgresError

from tidings.channels.runtime import note_channel_works, stop_channel
from tidings.channels.standing import probe_soon
from tidings.contacts.service import opt_out
from tidings.delivery import queries
from tidings.delivery.health import ChannelWorks, Effect, HoldRecipient, PauseChannel, StopChannel
from tidings.delivery.limited import hold_recipient
from tidings.delivery.open_claims import OpenClaims
from tidings.delivery.queries import Ended
from tidings.providers.base import ErrorCode

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.runtime import RunningChannel

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 0.1
SETTLE_COUNT = 1_600
_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
DATABASE_TROUBLE = (PostgresError, InterfaceError, OSError, TimeoutError)
"""What a database that is away, starting or overloaded raises."""


class Settler:
    """The results of one turn on their way into the ledger."""

    def __init__(self, pool: asyncpg.Pool, channel: RunningChannel) -> None:
        self._pool = pool
        self._channel = channel
        self._ended: list[Ended] = []
        self._effects: list[Effect] = []
        self._enough = asyncio.Event()
        self._done = False
        self.added = 0
        """Ends handed over."""
        self.written = 0
        """Ends that the database has taken."""
        self.claims = OpenClaims()

    def add(self, ended: Ended) -> None:
        """Hand over the end of an attempt."""
        self._ended.append(ended)
        self.added += 1
        if len(self._ended) >= SETTLE_COUNT:
            self._enough.set()

    def add_effect(self, effect: Effect) -> None:
        """Hand over what follows for the channel; written at once."""
        self._effects.append(effect)
        self._enough.set()

    def write_soon(self) -> None:
        """Nothing more is on its way just now: do not wait for it."""
        self._enough.set()

    def finish(self) -> None:
        """No more will come: write what is left and end."""
        self._done = True
        self._enough.set()

    async def run(self) -> None:
        """Write until `finish` was called and everything is written. Does not give up while the database is away."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await self._enough.wait()
            self._enough.clear()
            if self._ended or self._effects:
                ended, effects = self._take()
                await self._write_until_taken(ended, effects)
                self._note_written(ended)
            elif self._done:
                return

    def _note_written(self, ended: list[Ended]) -> None:
        self.written += len(ended)
        self.claims.written(ended)

    def _take(self) -> tuple[list[Ended], list[Effect]]:
        ended, self._ended = self._ended, []
        effects, self._effects = self._effects, []
        return ended, effects

    async def _write_until_taken(self, ended: list[Ended], effects: list[Effect]) -> None:
        tries = 0
        while True:
            try:
                await self._write(ended, effects)
            except DATABASE_TROUBLE as error:
                wait = _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]
                tries += 1
                log.warning("settle_retried", channel_id=str(self._channel.id), results=len(ended), tries=tries, error=str(error))
                await asyncio.sleep(wait)
            else:
                return

    async def _write(self, ended: list[Ended], effects: list[Effect]) -> None:
        channel = self._channel
        if not effects and all(one.went_well for one in ended):
            # Nothing but good news is one statement, which needs no transaction around it: a round trip instead of three.
            async with self._pool.acquire() as connection:
                await queries.settle_many(connection, channel.workspace_id, channel.id, ended)
            return
        async with self._pool.acquire() as connection, connection.transaction():
            if ended:
                await queries.settle_many(connection, channel.workspace_id, channel.id, ended)
            for one in ended:
                if one.settlement.code is ErrorCode.OPTED_OUT:
                    await opt_out(connection, channel.workspace_id, channel.medium, one.message.address, "provider", channel.name)
            for effect in effects:
                await self._apply(connection, effect)

    async def _apply(self, connection: asyncpg.Connection, effect: Effect) -> None:
        match effect:
            case ChannelWorks():
                await queries.note_works(connection, self._channel.id)
                await note_channel_works(connection, self._channel.id)
            case StopChannel():
                await stop_channel(connection, self._channel.id, effect.code, effect.detail)
            case HoldRecipient():
                await hold_recipient(connection, self._channel, effect.address, effect.until)
            case PauseChannel():
                if effect.breaker_open:
                    await probe_soon(connection, self._channel.id)
                await queries.pause(
                    connection, self._channel.id, until=datetime.now(UTC) + timedelta(seconds=effect.seconds), reason=effect.reason,
                    failures_in_row=effect.failures_in_row, breaker_open=effect.breaker_open,
                )  # fmt: skip
            case _:
                assert_never(effect)
