"""A probe of a channel: asked of the provider, then written down with what follows from it.

A probe is the provider's `check`, which costs nothing at any of them. The queue of a channel whose provider is at fault is held
by its shared pace, so the engine needs to know nothing of probes.
"""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from tidings.channels.activity import Happened, note_activity
from tidings.channels.lifecycle import Probe, Verdict, judge
from tidings.channels.runtime import raise_alert, stop_channel
from tidings.providers.base import ErrorCode, ProviderError

if TYPE_CHECKING:
    import asyncpg

    from tidings.channels.runtime import RunningChannel
    from tidings.providers.http import Http

_UNTIL_NEXT = timedelta(seconds=45)
"""A hold outlasts the next probe by this, so that the probe decides and not the clock."""


async def probe(http: Http, channel: RunningChannel) -> Probe:
    """One round trip. What fails is an answer too."""
    begun = time.monotonic()

    def took() -> int:
        return int((time.monotonic() - begun) * 1000)

    try:
        proof = await channel.provider.check(http, channel.config)
    except ProviderError as error:
        return Probe(ok=False, detail=error.detail, latency_ms=took(), code=error.code, retry_after=error.retry_after)
    return Probe(ok=True, detail=proof, latency_ms=took())


async def note_probe(connection: asyncpg.Connection, channel: RunningChannel, found: Probe, *, every_seconds: float) -> Verdict:
    """Write down what a probe found, in the caller's transaction: health, a hold or its end, a stop, one alert."""
    before = await connection.fetchrow(
        "SELECT health, failures_in_row, held_until FROM channel_standing WHERE channel_id = $1 FOR UPDATE", channel.id
    )
    if before is None:  # its workspace is gone
        return Verdict(health="unknown", failures_in_row=0, next_seconds=every_seconds)
    verdict = judge(
        found, health=before["health"], failures_in_row=before["failures_in_row"], every_seconds=every_seconds, chance=random.random()  # noqa: S311
    )  # fmt: skip
    wait = timedelta(seconds=verdict.next_seconds)
    hold = wait + _UNTIL_NEXT if verdict.hold else None
    await connection.execute(_WRITE, channel.id, verdict.health, found.detail[:500], found.latency_ms, verdict.failures_in_row, wait, hold)
    if hold is not None:
        await connection.execute(_HOLD, channel.id, hold, found.detail[:500])
    elif before["held_until"] is not None:
        await connection.execute(_RELEASE, channel.id, before["held_until"])
    await _tell(connection, channel, found, before["health"], verdict)
    return verdict


async def _tell(connection: asyncpg.Connection, channel: RunningChannel, found: Probe, before: str, verdict: Verdict) -> None:
    if verdict.stop:
        await stop_channel(connection, channel.id, found.code or ErrorCode.INVALID_CREDENTIALS, found.detail)
    elif not found.ok:
        if found.code is not ErrorCode.UNSUPPORTED:
            await note_activity(connection, [Happened(channel.id, "probe_failed", found.detail)])
    elif before != "healthy":
        await note_activity(connection, [Happened(channel.id, "probe_worked", found.detail)])
        await connection.execute(_OVER, channel.workspace_id, channel.id)
    if verdict.hold:
        told = f"Channel “{channel.name}” does not work: {found.detail[:400]} Its queue waits and goes on by itself; nothing is lost."
        await raise_alert(connection, channel.workspace_id, channel.id, "unhealthy", told)


_WRITE = """
    UPDATE channel_standing
    SET health = $2, health_since = CASE WHEN health = $2 THEN health_since ELSE now() END, health_detail = $3, checked_at = now(),
        latency_ms = $4, failures_in_row = $5, next_check_at = now() + $6::interval, held_until = now() + $7::interval
    WHERE channel_id = $1
"""
_HOLD = """
    INSERT INTO channel_pace (channel_id, paused_until, pause_reason, breaker) VALUES ($1, now() + $2::interval, $3, 'open')
    ON CONFLICT (channel_id) DO UPDATE
    SET paused_until = greatest(channel_pace.paused_until, EXCLUDED.paused_until), pause_reason = EXCLUDED.pause_reason, breaker = 'open'
"""
# A pause beyond our own is the provider's wish, and stays.
_RELEASE = """
    UPDATE channel_pace SET paused_until = 'epoch', pause_reason = NULL, breaker = 'closed', failures_in_row = 0
    WHERE channel_id = $1 AND paused_until <= $2
"""
_OVER = "UPDATE alerts SET resolved_at = now() WHERE workspace_id = $1 AND channel_id = $2 AND kind = 'unhealthy' AND resolved_at IS NULL"
