"""Which channel of a route a message goes by, and when it goes on to the next one. Pure decisions over the tries for one recipient.

A try is a message of its own. The first is made when the message is accepted; each later one when the one before it failed for
good, its channel went down, or the receipt that its step wishes for did not come in time. Of the tries, one speaks for the recipient.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

Wish = Literal["sent", "delivered", "read"]
Health = Literal["up", "resting", "stopped", "off"]
"""`resting`: paused by its pace or breaker. `stopped`: until its owner mends it. `off`: disabled or deleted."""
SkipReason = Literal["no_address", "unsupported", "template_required", "channel_off", "channel_stopped", "channel_resting"]
"""`template_required`: its service takes free text only for some hours after the person's own message, and those are over."""
SKIP_WORDS: dict[SkipReason, str] = {
    "no_address": "the recipient has no address for it", "unsupported": "it cannot carry the content", "channel_off": "it is disabled",
    "template_required": "it takes only an approved template, since the recipient has not written to it lately",
    "channel_stopped": "it is stopped", "channel_resting": "it rests",
}  # fmt: skip
"""Why a step is passed over, in words that follow the channel's name."""

_REACHED = {"sent": 1, "delivered": 2, "read": 3}
_PENDING = frozenset({"scheduled", "queued"})
_WEIGHT = {
    "read": 7, "delivered": 6, "sending": 5, "queued": 5, "scheduled": 5, "sent": 4, "unknown": 3, "failed": 2, "suppressed": 1, "expired": 1,
}  # fmt: skip
"""Which of several tries speaks for the recipient: the heaviest, of equals the latest. What may still arrive outweighs what did not."""
_IN_THE_AIR = timedelta(seconds=5)
_NO_CHANNEL = timedelta(seconds=10)
_HELD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One channel of a route, as it stands at this moment."""

    position: int
    channel_id: UUID
    medium: str
    provider: str
    health: Health
    wished: Wish = "sent"
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A step that was passed over."""

    channel_id: UUID
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Choice:
    """The step to go by, if there is any, and those passed over for it."""

    step: Step | None
    skipped: tuple[Skipped, ...] = ()
    address: str = ""
    """The recipient's, on the step's medium."""


_WHEN_NOT_UP: dict[Health, SkipReason] = {"resting": "channel_resting", "stopped": "channel_stopped", "off": "channel_off"}


def choose(
    steps: Sequence[Step],
    *,
    addresses: Mapping[str, str],
    preferred: str | None = None,
    tried: Collection[UUID] = (),
    carries: Callable[[Step], bool] = lambda _: True,
    is_open: Callable[[Step, str], bool] = lambda _step, _address: True,
) -> Choice:
    """The first step that can take the message: the preferred medium's before the others, one that works before one that rests.

    A channel that is resting or stopped is taken only where no other is left: the message then waits there.
    """
    skipped: list[Skipped] = []
    standby: Step | None = None
    for step in sorted(steps, key=lambda one: (one.medium != preferred, one.position)):
        if step.channel_id in tried:
            continue
        if step.health == "off":
            skipped.append(Skipped(step.channel_id, "channel_off"))
        elif not addresses.get(step.medium):
            skipped.append(Skipped(step.channel_id, "no_address"))
        elif not carries(step):
            skipped.append(Skipped(step.channel_id, "unsupported"))
        elif not is_open(step, addresses[step.medium]):
            skipped.append(Skipped(step.channel_id, "template_required"))
        elif step.health == "up":
            return Choice(step, tuple(skipped), addresses[step.medium])
        else:
            standby = standby or step
            skipped.append(Skipped(step.channel_id, _WHEN_NOT_UP[step.health]))
    if standby is not None:
        passed_over = tuple(one for one in skipped if one.channel_id != standby.channel_id)
        return Choice(standby, passed_over, addresses[standby.medium])
    return Choice(None, tuple(skipped))


def skipped_as_kept(skipped: Sequence[Skipped]) -> list[dict[str, str]] | None:
    """As the ledger keeps it beside the try."""
    return [{"channel": str(one.channel_id), "reason": one.reason} for one in skipped] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try for a recipient, as the ledger has it."""

    id: UUID
    channel_id: UUID
    status: str
    due_at: datetime
    superseded: bool = False
    error_code: str | None = None
    begun_at: datetime | None = None
    """When it was first claimed to be sent; None before that."""
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows for a recipient at this moment."""

    speaks: UUID
    """The try that is counted, unless a further one is made: then that."""
    cancel: tuple[UUID, ...] = ()
    """Tries to take back before they leave."""
    goes_on: bool = False
    """Make a further try, by the next step."""
    only_if_up: bool = False
    """Only where the next channel works; what is to be cancelled stays where it is otherwise."""
    look_at: datetime | None = None
    """When to look again though nothing happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What else matters for a recipient's tries."""

    now: datetime
    steps: Mapping[UUID, Step] = field(default_factory=dict)
    """By channel."""
    held: bool = False
    """Its campaign is paused: time does not count."""
    cancelled: bool = False
    """Its campaign was cancelled: no further try."""


def decide(tries: Sequence[Try], at: Situation) -> Decision:
    """What follows for these tries, the first one first. The same tries at the same moment always give the same, whatever came in which order."""
    if any(_fulfilled(one, at) for one in tries):
        return _stand_down(tries, at)
    latest = tries[-1]
    still = Decision(speaks=_speaker(tries))
    if at.cancelled or (latest.expires_at is not None and latest.expires_at <= at.now):
        return still
    match latest.status:
        case "failed":
            # Whoever asked not to be written to is not followed to another medium.
            return replace(still, goes_on=latest.error_code != "opted_out")
        case "sent" | "unknown" | "delivered":
            return _overdue(still, _deadline(latest, at), at)
        case "sending":
            deadline = _deadline(latest, at)
            return still if deadline is None else replace(still, look_at=max(deadline, at.now + _IN_THE_AIR))
        case "scheduled" | "queued":
            return _waiting(latest, still, at)
        case _:
            return still


def may_have_arrived(one: Try) -> bool:
    """Whether a further try might be a second copy."""
    return one.status in {"sent", "unknown", "delivered", "read"}


def is_double(statuses: Sequence[str]) -> bool:
    """Whether a recipient surely has the message twice."""
    return sum(one in {"delivered", "read"} for one in statuses) > 1


def _fulfilled(one: Try, at: Situation) -> bool:
    step = at.steps.get(one.channel_id)
    return _REACHED.get(one.status, 0) >= _REACHED[step.wished if step else "sent"]


def _stand_down(tries: Sequence[Try], at: Situation) -> Decision:
    """One of them has done it: what has not left is taken back."""
    cancel = tuple(one.id for one in tries if one.status in _PENDING)
    left = [one for one in tries if one.id not in cancel]
    # A try in the air may come back to the queue after a passing error, which nobody would notice.
    in_the_air = any(one.status == "sending" for one in left)
    return Decision(speaks=_speaker(left), cancel=cancel, look_at=at.now + _IN_THE_AIR if in_the_air else None)


def _waiting(latest: Try, still: Decision, at: Situation) -> Decision:
    """It has not left: it may be taken back and sent by another channel without a second copy."""
    step = at.steps.get(latest.channel_id)
    deadline = _deadline(latest, at)
    if at.held:
        return replace(still, look_at=None if deadline is None else max(deadline, at.now + _HELD))
    down = step is not None and step.health in {"stopped", "off"} and latest.due_at <= at.now
    if down or (deadline is not None and deadline <= at.now):
        return replace(still, goes_on=True, only_if_up=True, cancel=(latest.id,), look_at=None if down else at.now + _NO_CHANNEL)
    return replace(still, look_at=deadline)


def _overdue(still: Decision, deadline: datetime | None, at: Situation) -> Decision:
    if deadline is not None and deadline <= at.now:
        return replace(still, goes_on=True)
    return replace(still, look_at=deadline)


def _deadline(one: Try, at: Situation) -> datetime | None:
    """When the wished receipt is overdue: for `sent` counted from when it was to leave, for the others from when it left."""
    step = at.steps.get(one.channel_id)
    if step is None or step.wait_seconds is None:
        return None
    wait = timedelta(seconds=step.wait_seconds)
    if one.status in {"scheduled", "queued", "sending"}:
        return (one.begun_at or one.due_at) + wait if step.wished == "sent" else None
    return (one.sent_at or one.settled_at or at.now) + wait


def _speaker(tries: Sequence[Try]) -> UUID:
    return max(enumerate(tries), key=lambda pair: (_WEIGHT.get(pair[1].status, 0), pair[0]))[1].id
