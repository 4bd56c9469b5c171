"""Faults that a simulator plays on request: which, for whom, how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.wire import Reply

KINDS = (
    "rate_limited",  # 429, with Retry-After where `retry_after` is set
    "server_error",  # 500
    "html",  # 200 and an HTML page, as a captive portal gives
    "empty",  # 200 and nothing
    "garbage",  # 200, JSON content type, not JSON
    "truncated",  # fewer bytes than promised
    "reset",  # the connection breaks with no answer
    "slow",  # the right answer after `seconds`
    "hang",  # no answer for `seconds`, then a reset
    "wrong_credentials",
    "no_balance",
    "status",  # the provider's own refusal: `code` where it has numbers, `words` where it has names, with the HTTP status `http`
)
AFTER_TAKING = frozenset({"slow"})
"""Kinds in which the message is taken whatever `taken` says."""


@dataclass
class Fault:
    """One fault. Without `count` it stays; with `numbers` it meets only those; with `fraction` only so many of them."""

    kind: str
    count: int | None = None
    fraction: float = 1.0
    seed: int = 0
    numbers: list[str] | None = None
    seconds: float = 1.0
    retry_after: str | None = None
    code: int | None = None
    words: str = ""
    http: int | None = None
    taken: bool = False
    """Whether the provider took the message before it failed to say so: the case nobody can tell from outside."""
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(KINDS)}")
        self._random = random.Random(self.seed)

    def meets(self, to: str) -> bool:
        """Whether this request is hit; one that is uses up one of `count`."""
        if self.count == 0 or (self.numbers is not None and to not in self.numbers) or self._random.random() >= self.fraction:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    def reply(self) -> Reply:
        """The answer for the kinds that look alike at every provider."""
        match self.kind:
            case "rate_limited":
                headers = {"Retry-After": self.retry_after} if self.retry_after is not None else {}
                return Reply(429, b'{"message": "Too Many Requests"}', headers=headers)
            case "server_error":
                return Reply(500, b"<html><body>Internal Server Error</body></html>", "text/html")
            case "html":
                return Reply(200, b"<!doctype html><title>Welcome to the hotel</title>", "text/html")
            case "empty":
                return Reply(200)
            case "garbage":
                return Reply(201, b'{"sid": "SM\xff\xfe, "stat')
            case "truncated":
                return Reply(raw=b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"sid": "SM')
            case "reset" | "hang":
                return Reply(reset=True)
            case _:
                raise ValueError(f"{self.kind} is for the provider to put into words")


class Faults:
    """All faults in force; the first that meets a request wins."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def add(self, **spec: Any) -> Fault:
        self.all.append(Fault(**spec))
        return self.all[-1]

    def clear(self) -> None:
        self.all.clear()

    def next(self, to: str) -> Fault | None:
        return next((fault for fault in self.all if fault.meets(to)), None)
