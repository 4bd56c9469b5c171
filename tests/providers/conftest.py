"""A short-tempered way out, so that tests of silence take tenths of seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tidings.providers.http import Http


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with impatient() as opened:
        yield opened


def impatient() -> Http:
    return Http(
        connect_seconds=0.5,
        total_seconds=0.5,
        wait_seconds=0.3,
        max_answer_bytes=20_000,
        may_reach=lambda url: url.startswith("http://127.0.0.1:"),
    )
