"""What the worker's loops say of their failures."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tidings.worker import _Loop, _repeat


@pytest.mark.parametrize(
    ("error", "event", "has_trace"),
    [(ConnectionRefusedError("refused"), "loop_interrupted", False), (ValueError("a bug"), "loop_failed", True)],
)
async def test_a_database_that_is_away_is_one_line_and_a_bug_has_its_trace(error: Exception, event: str, has_trace: bool) -> None:
    stop = asyncio.Event()

    async def act() -> None:
        stop.set()
        raise error

    with capture_logs() as said:
        await _repeat(_Loop("beat", 1.0, act), stop)
    assert [one["event"] for one in said] == [event]
    assert ("exc_info" in said[0]) is has_trace
