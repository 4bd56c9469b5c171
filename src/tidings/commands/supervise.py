"""Keeps child processes running: starts them again when they die, stops them in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_WELL_AFTER = 60.0
"""Seconds. A child that lived so long was well; its next death is treated as its first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A subcommand of ours that is to run for as long as we do."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    finish_seconds: float
    """How long it may take to end after SIGTERM before it is killed."""


def restart_wait(deaths_in_row: int) -> float:
    """Seconds before the next start: 0.5, 1, 2, 4 … at most 30."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(deaths_in_row - 1, 10))


async def keep_running(child: Child, *, closing: asyncio.Event, stop: asyncio.Event) -> None:
    """Run the child until `stop`, then have it end. Once `closing` is set, one that ends by itself (a Ctrl-C reaches all) stays ended."""
    deaths = 0
    while not (stop.is_set() or closing.is_set()):
        started = time.monotonic()
        process = await _start(child)
        stopping = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(process.wait())
        await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await _end(child, process)
            return
        deaths = 1 if time.monotonic() - started > _WELL_AFTER else deaths + 1
        if not closing.is_set():
            log.error("process_died", process=child.name, exit_code=process.returncode, restart_in_seconds=restart_wait(deaths))
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), restart_wait(deaths))


async def _start(child: Child) -> asyncio.subprocess.Process:
    # -P: the folder we were called from must not be able to stand in for a library.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tidings.cli",
        *child.arguments,
        env={**os.environ, **child.environment},
        stdin=asyncio.subprocess.DEVNULL,
    )


async def _end(child: Child, process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), child.finish_seconds)
    except TimeoutError:
        log.warning("process_killed", process=child.name, after_seconds=child.finish_seconds)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
