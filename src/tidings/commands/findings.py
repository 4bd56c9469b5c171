"""What `tidings doctor` found: one thing looked at, how it is, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"  # works, and somebody should look
    BAD = "bad"  # does not work
    SKIPPED = "skipped"  # could not be looked at because of another


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at."""

    name: str
    state: State
    detail: str
    mend: str = ""
    """What to do about it; empty where nothing is to be done."""


def ok(name: str, detail: str) -> Finding:
    """As it should be."""
    return Finding(name=name, state=State.OK, detail=detail)


def warn(name: str, detail: str, mend: str) -> Finding:
    """It works, but somebody should look."""
    return Finding(name=name, state=State.WARN, detail=detail, mend=mend)


def bad(name: str, detail: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(name=name, state=State.BAD, detail=detail, mend=mend)


def skipped(name: str, because: str) -> Finding:
    """Not looked at."""
    return Finding(name=name, state=State.SKIPPED, detail=because)
