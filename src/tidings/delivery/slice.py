"""One turn of one channel: claim, pace, send and settle, all at once, for a few seconds or until nothing is due.

Three kinds of tasks share the turn. The feeder claims a batch whenever the backlog runs low. Senders, as many as the channel's
concurrency, take parcels at their time and talk to the provider. The settler writes what ended. A result lives in memory only
until the settler's next write; if the process dies first, the claim stays on the row and recovery finds it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import structlog

from tidings.core.ids import new_id
from tidings.delivery import queries
from tidings.delivery.asking import ask, segments_of
from tidings.delivery.backlog import AHEAD_SECONDS, Backlog
from tidings.delivery.claim_desk import Got, Wish
from tidings.delivery.health import Health, HoldRecipient
from tidings.delivery.limited import Limited, Taken
from tidings.delivery.pacing import NOW, Pacing
from tidings.delivery.packing import Parcel, pack
from tidings.delivery.queries import CLAIM_SECONDS, Ended
from tidings.delivery.rules import Settlement, Status, release, settle
from tidings.delivery.settling import DATABASE_TROUBLE, Settler
from tidings.delivery.windows import open_windows, refuse_closed
from tidings.files.storage import BytesLost, StorageDown
from tidings.providers.base import ErrorCode, Outgoing

if TYPE_CHECKING:
    from tidings.channels.runtime import RunningChannel
    from tidings.delivery.contents import Contents
    from tidings.delivery.desks import Desks
    from tidings.delivery.files import Files
    from tidings.providers.http import Http

log = structlog.get_logger(__name__)

_UNSETTLED_LIMIT = 6_000
_AT_A_TIME = 200
"""Messages rendered before others get the processor, about 2 ms. Fewer than the senders take meanwhile, and they run dry before the next claim."""
LOOK_AGAIN_SECONDS = 0.1
"""While answers are awaited, what has become due meanwhile is looked for so often."""
HANGS_SECONDS = 1.0
"""A turn that would wait longer than this for its last answers goes on sending meanwhile."""
_TICK_SECONDS = 0.01
_AFTER_PROBE = timedelta(seconds=1)
_STORAGE_WAIT = timedelta(seconds=10)
"""Messages whose file cannot be read now are looked at again after so long."""


@dataclass(frozen=True, slots=True)
class SliceEnd:
    """How a turn ended: whether another must follow, and not before how long."""

    again: bool
    delay: timedelta


class Slice:
    """One turn. Make it, run it once, throw it away."""

    def __init__(
        self, *, pool: asyncpg.Pool, http: Http, contents: Contents, desks: Desks, files: Files, channel: RunningChannel, seconds: float,
        stop: asyncio.Event, renew: Callable[[bool], Awaitable[bool]] | None = None,
    ) -> None:  # fmt: skip
        """`renew` says at the end of its seconds whether a turn may go on for as long again; it is told whether the turn would only wait for
        answers."""
        self._pool = pool
        self._http = http
        self._contents = contents
        self._desks = desks
        self._files = files
        self._channel = channel
        self._can = channel.provider.description.capabilities
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._stop = stop
        self._renew = renew
        self._began = time.monotonic()
        self._limited = Limited.of(channel)
        self._pacing = Pacing(channel.limits)
        self._settler = desks.settles.settler(channel) if self._pacing.is_paced else Settler(pool, channel)
        self._health = Health()
        self._backlog = Backlog(concurrency=max(1, channel.limits.concurrency), is_paced=self._pacing.is_paced)
        self._claimed = 0
        self._came_on = asyncio.Event()
        self._again = False
        self._delay = NOW

    async def run(self) -> SliceEnd:
        """Take the turn. Cancelling it loses no message, only time: what was claimed is recovered later."""
        async with asyncio.TaskGroup() as tasks:
            settler = tasks.create_task(self._settler.run())
            senders = [tasks.create_task(self._send_parcels()) for _ in range(max(1, self._channel.limits.concurrency))]
            try:
                await self._feed()
            except DATABASE_TROUBLE as error:
                # What is in the air still ends, and the settler keeps its results until the database is back.
                log.warning("claim_failed", channel_id=str(self._channel.id), error=str(error))
            finally:
                self._backlog.close()
            await asyncio.gather(*senders)
            self._settler.finish()
            await settler
        await self._close()
        if self._health.pause_seconds:
            self._delay = max(self._delay, timedelta(seconds=self._health.pause_seconds))
        return SliceEnd(self._again, self._delay)

    async def _close(self) -> None:
        """Tell that the turn's claims are settled, and how its reservations ended.

        Without it the next recovery looks through the claims in vain, and the reservations stand for the worst case: the channel is slower,
        never faster.
        """
        if not self._claimed:
            return
        try:
            async with self._pool.acquire() as connection:
                await self._end_claims(connection)
                if self._limited is not None:
                    await self._limited.close(connection)
        except DATABASE_TROUBLE as error:
            log.warning("reservations_stand", channel_id=str(self._channel.id), error=str(error))

    async def _end_claims(self, connection: asyncpg.Connection) -> None:
        if settled := self._settler.claims.settled():
            await queries.end_claims(connection, self._channel.id, self._channel.workspace_id, settled)
            self._settler.claims.forget(settled)

    # --- feeding ------------------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        while await self._goes_on():
            more, wait = await self._claim()
            if not more:
                soon = self._limited.soon() if self._limited is not None else None
                if soon is None and (self._delay or self._settler.written == self._claimed):
                    return
                if soon is None:
                    await self._written(LOOK_AGAIN_SECONDS)
                    continue
                wait = soon
            elif self._delay:
                break
            if wait:
                await asyncio.sleep(wait.total_seconds())
            await self._room()
        self._again = True

    async def _goes_on(self) -> bool:
        if not self._over():
            return True
        if self._stopped() or self._renew is None:
            return False
        goes_on = await self._renew(False) or (await self._hangs() and await self._renew(True))
        if goes_on:
            self._deadline = time.monotonic() + self._seconds
            async with self._pool.acquire() as connection:
                await self._end_claims(connection)
        return goes_on

    async def _hangs(self) -> bool:
        """Whether the end of the turn would be a wait for slow answers. What comes meanwhile must not wait for them."""
        await self._written(HANGS_SECONDS)
        return not self._stopped() and not self._backlog and self._settler.added < self._claimed

    async def _written(self, seconds: float) -> None:
        """Until all that was claimed is answered and written, but no longer than this."""
        until = time.monotonic() + seconds
        while self._settler.written < self._claimed and not self._stopped() and (left := until - time.monotonic()) > 0:
            self._came_on.clear()
            if self._settler.added == self._claimed:
                self._settler.write_soon()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _TICK_SECONDS)):
                    await self._came_on.wait()

    def _over(self) -> bool:
        return self._stopped() or time.monotonic() >= self._deadline

    def _stopped(self) -> bool:
        return self._health.halted or self._stop.is_set()

    async def _claim(self) -> tuple[bool, timedelta]:
        """Claim one batch. Says whether there may be more to claim, and not before how long."""
        asked = time.monotonic()
        got = await self._claim_plainly() if self._limited is None else await self._claim_together(self._limited)
        self._pacing.note_claim(time.monotonic() - asked)
        plan, taken = got.plan, got.taken
        self._backlog.note_claim(was_full=len(taken.claimed) == plan.count)
        if got.claim_id is not None:
            self._settler.claims.opened(got.claim_id, len(taken.claimed))
        if plan.count == 0:
            self._delay = plan.wait if plan.rests else NOW
            return True, plan.wait
        if taken.wait is not None:
            self._delay = taken.wait
            return False, NOW
        await self._pack(got)
        if self._health.probing:
            # One message proves or disproves the channel; the next turn goes on from there.
            self._delay = _AFTER_PROBE
            return True, NOW
        if taken.claimed and got.pace is not None:
            return True, self._pacing.rest(got.pace, got.reservation, since=got.read_at)
        return bool(taken.claimed or taken.moved), NOW

    async def _claim_together(self, limited: Limited) -> Got:
        wish = Wish(channel=self._channel, limited=limited, pacing=self._pacing, health=self._health, batch=self._next_batch())
        return await self._desks.claims.claim(wish, patient=bool(self._backlog))

    async def _claim_plainly(self) -> Got:
        begun = time.monotonic()
        channel = self._channel
        async with self._pool.acquire() as connection, self._paced(connection):
            pace = await queries.read_pace(connection, channel.id)
            self._health.begin(failures_in_row=pace.failures_in_row, breaker_open=pace.breaker == "open")
            plan = self._pacing.plan(pace, probing=self._health.probing, batch=self._next_batch())
            if plan.count == 0:
                return Got(plan, begun)
            claim_id = new_id()
            claimed, ended_here = await queries.claim(connection, channel.id, channel.workspace_id, plan.count, claim_id)
            opened = await open_windows(connection, channel, claimed)
            reservation = self._pacing.reserve(pace, len(claimed), plan)
            if reservation is not None:
                await queries.reserve_pace(connection, channel.id, reservation.next_free_at)
            frozen = {
                source: await self._contents.get(connection, channel.workspace_id, source)
                for source in {one.source_id for one in claimed if one.text is None}
            }
        return Got(plan, begun, time.monotonic(), pace, Taken(claimed, ended_here), reservation, opened, frozen, claim_id)

    def _paced(self, connection: asyncpg.Connection) -> AbstractAsyncContextManager[object]:
        """What is reserved and what it is reserved for are written together; without a limit each statement stands by itself."""
        return connection.transaction() if self._pacing.is_paced else nullcontext()

    async def _pack(self, got: Got) -> None:
        claimed = got.taken.claimed
        times: Sequence[float] = ()
        if got.reservation is not None and got.pace is not None:
            times = self._pacing.departures(got.reservation, got.pace, read_at=got.read_at, ready_at=time.monotonic())

        def slot(first: int, index: int) -> float:
            return times[first + index] if times else 0.0

        self._claimed += len(claimed)
        step, good_until = max(_AT_A_TIME, self._can.max_batch), got.begun + CLAIM_SECONDS
        for first in range(0, len(claimed), step):
            some = claimed[first : first + step]
            packed = pack(some, got.frozen, self._can, partial(slot, first), good_until, self._files.links.reachable)
            packed = refuse_closed(packed, got.opened, self._can.window_hours)
            for one, settlement in packed.failed:
                if self._limited is not None:
                    self._limited.ended(one, settlement)
                self._settler.add(Ended(one, settlement, None))
            self._backlog.put(packed.parcels, in_order=bool(times))
            await asyncio.sleep(0)

    async def _room(self) -> None:
        """Wait until the backlog is low enough for another claim, so that what is urgent never waits behind much."""
        while not self._over() and (not self._backlog.is_low or self._claimed - self._settler.written > _UNSETTLED_LIMIT):
            await self._backlog.wait_low(0.1)

    def _next_batch(self) -> int:
        elapsed = time.monotonic() - self._began
        return self._backlog.next_batch(self._settler.added / elapsed if elapsed > AHEAD_SECONDS else 0.0)

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send_parcels(self) -> None:
        while (parcel := await self._backlog.take()) is not None:
            await self._send(parcel)

    async def _send(self, parcel: Parcel) -> None:
        wait = self._pacing.due(parcel.not_before) - time.monotonic()
        if wait > 0 and not self._health.halted:
            await asyncio.sleep(wait)
        if self._stopped() or time.monotonic() > parcel.not_after:
            self._release(parcel)
        elif parcel.uploads:
            await self._send_with_files(parcel)
        else:
            await self._deliver(parcel, parcel.batch)

    async def _send_with_files(self, parcel: Parcel) -> None:
        """Its files are read first. Where that takes longer than the claim is good for, or the storage is away, the messages wait."""
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(parcel.not_after - time.monotonic()):
                    batch = await held.enter_async_context(self._files.added(self._channel.workspace_id, self._can, parcel))
            except BytesLost as error:
                self._fail(parcel, error.detail)
            except TimeoutError:
                self._release(parcel)  # the reading goes on meanwhile, and the next claim finds it done
            except StorageDown as error:
                log.warning("storage_down", channel_id=str(self._channel.id), error=error.detail)
                self._release(parcel, _STORAGE_WAIT)
            else:
                if self._health.halted or time.monotonic() > parcel.not_after:
                    self._release(parcel)
                else:
                    await self._deliver(parcel, batch)

    def _fail(self, parcel: Parcel, detail: str) -> None:
        settlement = Settlement(status=Status.FAILED, outcome="not_sent", code=ErrorCode.REJECTED_CONTENT, detail=detail)
        for one in parcel.claimed:
            if self._limited is not None:
                self._limited.ended(one, settlement)
            self._settler.add(Ended(one, settlement, None))

    async def _deliver(self, parcel: Parcel, batch: Sequence[Outgoing]) -> None:
        begun = time.monotonic()
        outcomes = await ask(self._http, self._channel, batch)
        latency = int((time.monotonic() - begun) * 1000)
        now = datetime.now(UTC)
        for one, outgoing, outcome in zip(parcel.claimed, batch, outcomes, strict=True):
            settlement = settle(outcome, failures=one.failures, delivery=one.delivery, policy=self._channel.retry, now=now)
            if self._limited is not None:
                self._limited.ended(one, settlement)
            if settlement.hold_recipient and settlement.due_at is not None:
                self._settler.add_effect(HoldRecipient(address=one.address, until=settlement.due_at))
            self._settler.add(Ended(one, settlement, latency, segments_of(self._channel, outgoing, settlement)))
            effect = self._health.observe(outcome, settlement)
            if effect is not None:
                self._settler.add_effect(effect)
        if self._settler.added == self._claimed:
            self._came_on.set()

    def _release(self, parcel: Parcel, wait: timedelta = NOW) -> None:
        """Give back what was claimed but not begun: it costs the message nothing."""
        self._again = True
        due_at = datetime.now(UTC) + max(wait, timedelta(seconds=self._health.pause_seconds))
        settlement = release(due_at)
        for one in parcel.claimed:
            if self._limited is not None:
                self._limited.ended(one, settlement)
            self._settler.add(Ended(one, settlement, None))
