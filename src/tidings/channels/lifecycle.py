"""What a channel is to be, how it really fares, and what a probe of it means: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tidings.errors import Conflict, FieldError, Invalid
from tidings.providers.base import CHANNEL_FATAL, Description, ErrorCode

Desired = Literal["running", "stopped"]
ActualState = Literal["starting", "running", "degraded", "stopped", "failed"]
Health = Literal["unknown", "healthy", "unhealthy"]
Receive = Literal["hook", "polling"]

PROBES_UNTIL_UNHEALTHY = 3
"""Probes in a row that fail by the provider's fault before its queue is held: one lost answer is no outage."""
_FIRST_RETRY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the tables say of one channel."""

    enabled: bool
    switched_at: datetime
    stopped_at: datetime | None = None
    stopped_detail: str | None = None
    is_run: bool = False
    """A worker has to run it: it polls, or keeps a standing session."""
    run_state: Literal["starting", "running", "degraded"] | None = None
    """What its worker last said; None when no living worker has it."""
    run_since: datetime | None = None
    run_detail: str | None = None
    health: Health = "unknown"
    health_since: datetime | None = None
    health_detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """How a channel really fares, since when, and why."""

    state: ActualState
    since: datetime
    detail: str = ""


def desired_of(*, enabled: bool) -> Desired:
    """What its owner wants."""
    return "running" if enabled else "stopped"


def actual_of(facts: Facts) -> Actual:
    """The one word for how a channel fares."""
    if not facts.enabled:
        return Actual(state="stopped", since=facts.switched_at, detail="Switched off. Its messages wait.")
    if facts.stopped_at is not None:
        return Actual(state="failed", since=facts.stopped_at, detail=facts.stopped_detail or "")
    if facts.run_state == "degraded" or (facts.is_run and facts.run_state == "starting"):
        return Actual(state=facts.run_state, since=facts.run_since or facts.switched_at, detail=facts.run_detail or "")
    if facts.is_run and facts.run_state is None:
        return Actual(state="starting", since=facts.switched_at, detail="Waits for a worker to take it up.")
    if facts.health == "unhealthy":
        return Actual(state="degraded", since=facts.health_since or facts.switched_at, detail=facts.health_detail or "")
    since = [facts.switched_at, facts.health_since if facts.health == "healthy" else None, facts.run_since if facts.is_run else None]
    return Actual(state="running", since=max(one for one in since if one is not None))


def is_run(description: Description | None, receive: str) -> bool:
    """Whether a worker has to run such a channel."""
    if description is None:
        return False
    can = description.capabilities
    return can.sessions or (can.polling and receive == "polling")


def choose_receive(description: Description, wanted: Receive | None, *, has_address: bool) -> Receive:
    """How a channel takes what comes in. Raises Invalid or Conflict when it cannot be as wanted."""
    can = description.capabilities
    if wanted is None:
        return "polling" if can.polling and not has_address else "hook"
    if wanted == "polling" and not can.polling:
        raise Invalid(f"{description.label} cannot be asked for what came in: it calls the channel's hook.", errors=(FieldError("receive", "is not “polling” for this provider"),))  # fmt: skip
    if wanted == "hook" and can.polling and not has_address:
        raise Conflict(
            f"This installation has no public address that {description.label} could call, so nothing was saved. Have its operator "
            "set TIDINGS_PUBLIC_URL, or receive by polling: then this server asks.",
            code="no_public_url",
        )
    return wanted


# --- probes -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one round trip to the provider said."""

    ok: bool
    detail: str
    latency_ms: int
    code: ErrorCode | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from a probe."""

    health: Health
    failures_in_row: int
    next_seconds: float
    stop: bool = False
    """The channel's own fault: stop it until its owner mends it."""
    hold: bool = False
    """The provider's fault: its queue waits for a probe that succeeds."""


def judge(probe: Probe, *, health: Health, failures_in_row: int, every_seconds: float, chance: float) -> Verdict:
    """Decide what a probe proves. `chance` (0 to 1) spreads the next ones, so that many channels are not probed at once."""
    spread = 0.8 + 0.4 * chance
    usual = every_seconds * spread
    if probe.ok:
        return Verdict(health="healthy", failures_in_row=0, next_seconds=usual)
    if probe.code in CHANNEL_FATAL:
        return Verdict(health="unhealthy", failures_in_row=failures_in_row + 1, next_seconds=usual, stop=True)
    if probe.code is ErrorCode.UNSUPPORTED:
        return Verdict(health="unknown", failures_in_row=0, next_seconds=usual)
    if probe.code is ErrorCode.RATE_LIMITED:
        # It answered, so it is there; only asking was too much.
        return Verdict(health=health, failures_in_row=failures_in_row, next_seconds=max(usual, probe.retry_after or 0.0))
    failures = failures_in_row + 1
    soon = min(every_seconds, _FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10)) * spread
    if failures < PROBES_UNTIL_UNHEALTHY and health != "unhealthy":
        return Verdict(health=health, failures_in_row=failures, next_seconds=soon)
    return Verdict(health="unhealthy", failures_in_row=failures, next_seconds=soon, hold=True)


# --- totals -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many channels a workspace has, by what they are."""

    total: int = 0
    unhealthy: int = 0
    provider: Mapping[str, int] = field(default_factory=dict)
    medium: Mapping[str, int] = field(default_factory=dict)
    desired: Mapping[str, int] = field(default_factory=dict)
    actual: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many channels that are alike."""

    provider: str
    medium: str
    facts: Facts
    n: int


def totals(counted: Iterable[Counted]) -> Totals:
    """Add up."""
    provider: dict[str, int] = {}
    medium: dict[str, int] = {}
    desired: dict[str, int] = dict.fromkeys(("running", "stopped"), 0)
    actual: dict[str, int] = dict.fromkeys(("starting", "running", "degraded", "stopped", "failed"), 0)
    total = unhealthy = 0
    for one in counted:
        total += one.n
        provider[one.provider] = provider.get(one.provider, 0) + one.n
        medium[one.medium] = medium.get(one.medium, 0) + one.n
        desired[desired_of(enabled=one.facts.enabled)] += one.n
        actual[actual_of(one.facts).state] += one.n
        # What is off or stopped is not probed: what was known of it is old.
        unhealthy += one.n if one.facts.health == "unhealthy" and one.facts.enabled and one.facts.stopped_at is None else 0
    return Totals(total=total, unhealthy=unhealthy, provider=provider, medium=medium, desired=desired, actual=actual)
