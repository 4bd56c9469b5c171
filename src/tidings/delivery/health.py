"""Watches a channel's outcomes during a turn and says what follows for the channel as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidings.delivery.rules import Settlement, breaker_pause, is_providers_fault
from tidings.providers.base import Accepted, ErrorCode, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseChannel:
    """Leave it alone for so long, in every worker."""

    seconds: float
    reason: str
    failures_in_row: int
    breaker_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopChannel:
    """Stop it until its owner mends it, and tell them."""

    code: ErrorCode
    detail: str


@dataclass(frozen=True, slots=True)
class ChannelWorks:
    """Something went through: the breaker closes, open alerts are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRecipient:
    """Leave one recipient alone until then: they were written to too fast, nobody else was."""

    address: str
    until: datetime


Effect = PauseChannel | StopChannel | ChannelWorks | HoldRecipient


class Health:
    """One turn's view. Begins from what the database remembers of earlier turns."""

    def __init__(self) -> None:
        self.failures_in_row = 0
        self.probing = False
        """The breaker is open: one message at a time, to see whether the channel works again."""
        self.halted = False
        """Begin nothing more in this turn."""
        self.pause_seconds = 0.0
        self._told_works = False
        self._begun = False

    def begin(self, *, failures_in_row: int, breaker_open: bool) -> None:
        """Take over the count of earlier turns, once: from the first send on, this turn knows better than the database."""
        if not self._begun:
            self._begun, self.failures_in_row, self.probing = True, failures_in_row, breaker_open

    def observe(self, outcome: Outcome, settlement: Settlement) -> Effect | None:
        """Take note of one outcome; return what is to be written of the channel, if anything."""
        if isinstance(outcome, Accepted):
            return self._works()
        if settlement.stop_channel:
            return self._once(StopChannel(code=outcome.code, detail=outcome.detail))
        if settlement.pause_seconds is not None:
            self.pause_seconds = max(self.pause_seconds, settlement.pause_seconds)
            return self._once(self._pause(settlement.pause_seconds, outcome.detail, breaker_open=self.probing))
        if is_providers_fault(outcome):
            self.failures_in_row += 1
            seconds = breaker_pause(self.failures_in_row)
            if seconds is not None:
                self.pause_seconds = max(self.pause_seconds, seconds)
                return self._once(self._pause(seconds, outcome.detail, breaker_open=True))
        return None

    def _works(self) -> ChannelWorks | None:
        if self._told_works and not self.failures_in_row and not self.probing:
            return None
        self._told_works, self.failures_in_row, self.probing = True, 0, False
        return ChannelWorks()

    def _pause(self, seconds: float, reason: str, *, breaker_open: bool) -> PauseChannel:
        return PauseChannel(seconds=seconds, reason=reason, failures_in_row=self.failures_in_row, breaker_open=breaker_open)

    def _once(self, effect: Effect) -> Effect | None:
        """The first refusal of a turn speaks for the others that were in the air beside it."""
        if self.halted:
            return None
        self.halted = True
        return effect
