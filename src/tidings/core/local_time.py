"""Moments as people write them on a clock of their own, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class BadMoment(ValueError):
    """What was written is not a moment; its text says why, for people."""


def read_local(text: str, timezone: str) -> datetime:
    """A `2026-11-21T09:30` of a form as a moment in UTC. Of an hour that comes twice in autumn the first is meant."""
    try:
        written = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadMoment("Give a date and a time.") from None
    if not 2000 <= written.year < 2100:
        raise BadMoment("Choose a time between the years 2000 and 2100.")
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    moment = written.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) != written:
        raise BadMoment(f"On that day the clocks of {timezone} go forward and skip this time. Choose one before or after.")
    return moment


def write_local(moment: datetime | None, timezone: str) -> str:
    """A moment as a form's `datetime-local` field holds it, to the minute."""
    return "" if moment is None else moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%dT%H:%M")
