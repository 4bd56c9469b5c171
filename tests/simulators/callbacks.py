"""Receipts and answers that a simulator posts to us: at once, late, twice, out of order, or before it answers the send."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

MOST_AT_ONCE = 32


@dataclass
class Plan:
    """What follows each message taken. `statuses` are the provider's words; none means that nothing follows."""

    statuses: list[str] = field(default_factory=list)
    delay: float = 0.0
    """Seconds before the first, and between them."""
    twice: bool = False
    shuffled: bool = False
    seed: int = 0
    before_answer: bool = False
    """Post them all before the send itself is answered."""
    error_code: str | None = None
    failing: list[str] | None = None
    """Numbers whose last status is `failing_status` instead."""
    failing_status: str = "undelivered"
    url: str | None = None
    """Where to post, for providers that are told once and not with each message."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def for_number(self, to: str) -> list[str]:
        statuses = list(self.statuses)
        if statuses and self.failing and to in self.failing:
            statuses[-1] = self.failing_status
        if self.twice:
            statuses = [status for status in statuses for _ in range(2)]
        if self.shuffled:
            self._random.shuffle(statuses)
        return statuses


@dataclass
class Posted:
    """One callback as it went, and what we answered: the status, or why there was none."""

    url: str
    form: Mapping[str, str]
    answer: int | None
    error: str | None = None
    said: str | None = None
    """Our answer's body, where the provider reads it."""


class Poster:
    """Posts forms, some at a time, and remembers each answer."""

    def __init__(self) -> None:
        self._client: Client = ClientBuilder().no_proxy().follow_redirects(False).timeout(timedelta(seconds=20)).build()
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._tasks: set[asyncio.Task[object]] = set()
        self.posted: list[Posted] = []

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Posted:
        async with self._turns:
            try:
                response = await self._client.post(url).headers(headers or {}).form(form).build().send()
                posted = Posted(url, form, response.status)
            except PyreqwestError as error:
                posted = Posted(url, form, None, error.message)
        self.posted.append(posted)
        return posted

    async def post_body(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """The same with a body that is signed as it is. What we answered is kept under `said`."""
        async with self._turns:
            try:
                response = await self._client.post(url).headers(headers).body_bytes(body).build().send()
                posted = Posted(url, {"body": body.decode()}, response.status, said=await response.text())
            except PyreqwestError as error:
                posted = Posted(url, {"body": body.decode()}, None, error.message)
        self.posted.append(posted)
        return posted

    def later(self, work: object) -> None:
        """Let a coroutine run beside the simulator; `idle` waits for all of them."""
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()
