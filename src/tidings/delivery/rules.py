"""What follows from the end of an attempt: pure decisions, written down by settle.sql.

scheduled -> queued -> sending -> sent -> delivered -> read
sending -> queued      a retry, a pause, a stopped channel
sending -> unknown     the outcome cannot be known and may not be guessed; a receipt or the late answer resolves it
* -> failed | suppressed | cancelled | expired   the end
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, assert_never

import msgspec

from tidings.channels.rules import RetryPolicy
from tidings.providers.base import CHANNEL_FATAL, Accepted, Cost, ErrorCode, Outcome, SendFailed, SendUncertain

DEFAULT_PAUSE_SECONDS = 5.0
"""How long a channel rests after a 429 that names no time."""
LONGEST_PAUSE_SECONDS = 3600.0
"""A provider that asks for more is asked again after this long."""


class Status(StrEnum):
    """Where a message stands."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    RECEIVED = "received"


WAITING = frozenset({Status.SCHEDULED, Status.QUEUED, Status.SENDING})
"""Not at its end yet, nor at the provider."""
ENDED_BADLY = frozenset({Status.FAILED, Status.UNKNOWN, Status.SUPPRESSED, Status.CANCELLED, Status.EXPIRED})
"""Did not reach anybody, as far as is known."""


def status_column(statuses: Collection[str]) -> Literal["ended_as", "status"]:
    """The column of `messages` in which to look for these: an index finds those that ended badly by `ended_as`."""
    return "ended_as" if ENDED_BADLY.issuperset(statuses) else "status"


BULK = 2
"""The priority of campaigns; lower ones go first (messages.service.PRIORITIES)."""

Delivery = Literal["at_least_once", "at_most_once"]


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What is written of one ended attempt."""

    status: Status
    outcome: Literal["accepted", "failed", "uncertain", "not_sent"]
    due_at: datetime | None = None
    failed: bool = False
    """Counts against the message's attempts."""
    possible_duplicate: bool = False
    """It will be sent again although the first copy may be on its way."""
    code: ErrorCode | None = None
    provider_code: str | None = None
    detail: str | None = None
    provider_message_id: str | None = None
    segments: int | None = None
    cost: Cost | None = None
    pause_seconds: float | None = None
    """Leave the whole channel alone for so long."""
    hold_recipient: bool = False
    """Leave this recipient alone until `due_at`; the channel goes on."""
    stop_channel: bool = False


def settle(outcome: Outcome, *, failures: int, delivery: Delivery, policy: RetryPolicy, now: datetime) -> Settlement:
    """Decide what becomes of a message. `failures` are those before this attempt."""
    match outcome:
        case Accepted():
            return Settlement(
                status=Status(outcome.status), outcome="accepted", provider_message_id=outcome.provider_message_id,
                segments=outcome.segments, cost=outcome.cost,
            )  # fmt: skip
        case SendFailed():
            return _settle_failed(outcome, failures + 1, policy, now)
        case SendUncertain():
            return _settle_uncertain(outcome, failures + 1, delivery, policy, now)
        case _:
            assert_never(outcome)


def _settle_failed(refusal: SendFailed, failures: int, policy: RetryPolicy, now: datetime) -> Settlement:
    if refusal.code in CHANNEL_FATAL:
        return _again(refusal, now, stop_channel=True)
    if refusal.retry_after is not None or refusal.code is ErrorCode.RATE_LIMITED:
        wanted = DEFAULT_PAUSE_SECONDS if refusal.retry_after is None else refusal.retry_after
        pause = min(max(wanted, 0.0), LONGEST_PAUSE_SECONDS)
        due_at = now + timedelta(seconds=pause)
        if refusal.pauses == "recipient":
            return _again(refusal, due_at, hold_recipient=True)
        return _again(refusal, due_at, pause_seconds=pause)
    if refusal.retryable and failures < policy.max_attempts:
        return _again(refusal, now + policy.wait(failures), failed=True)
    return Settlement(
        status=Status.FAILED, outcome="failed", failed=True, code=refusal.code, provider_code=refusal.provider_code, detail=refusal.detail
    )


def _again(
    refusal: SendFailed,
    due_at: datetime,
    *,
    failed: bool = False,
    pause_seconds: float | None = None,
    hold_recipient: bool = False,
    stop_channel: bool = False,
) -> Settlement:
    return Settlement(
        status=Status.QUEUED, outcome="failed", due_at=due_at, failed=failed, code=refusal.code, provider_code=refusal.provider_code,
        detail=refusal.detail, pause_seconds=pause_seconds, hold_recipient=hold_recipient, stop_channel=stop_channel,
    )  # fmt: skip


def _settle_uncertain(doubt: SendUncertain, failures: int, delivery: Delivery, policy: RetryPolicy, now: datetime) -> Settlement:
    if delivery == "at_least_once" and failures < policy.max_attempts:
        return Settlement(
            status=Status.QUEUED, outcome="uncertain", due_at=now + policy.wait(failures), failed=True, possible_duplicate=True,
            code=doubt.code, detail=doubt.detail,
        )  # fmt: skip
    return Settlement(status=Status.UNKNOWN, outcome="uncertain", failed=True, code=doubt.code, detail=doubt.detail)


def release(due_at: datetime) -> Settlement:
    """For a claimed message whose request was never begun: back to the queue, at no cost."""
    return Settlement(status=Status.QUEUED, outcome="not_sent", due_at=due_at)


BREAKER_THRESHOLD = 10
"""Failures in a row that are the provider's, after which its queue is held."""
_BREAKER_FIRST_SECONDS = 15.0
_BREAKER_LONGEST_SECONDS = 600.0
_PROVIDERS_FAULT = frozenset({ErrorCode.PROVIDER_UNAVAILABLE, ErrorCode.TIMEOUT, ErrorCode.INTERNAL})


def is_providers_fault(outcome: Outcome) -> bool:
    """Say whether an outcome speaks against the provider as a whole rather than against one recipient."""
    return not isinstance(outcome, Accepted) and outcome.code in _PROVIDERS_FAULT


def breaker_pause(failures_in_row: int) -> float | None:
    """Seconds to hold the queue after so many failures in a row; None below the threshold. Doubles with every failed probe."""
    if failures_in_row < BREAKER_THRESHOLD:
        return None
    exponent = min(failures_in_row - BREAKER_THRESHOLD, 10)
    return float(min(_BREAKER_FIRST_SECONDS * 2**exponent, _BREAKER_LONGEST_SECONDS))
