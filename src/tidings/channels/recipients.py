"""Which of the due messages may go now, by the pace of their recipients and by the channel's day: pure decisions.

A message counts from its claim on, at the latest moment at which the provider can have it. While that lies ahead, its recipient
counts as written to just now; when the request has ended, its end takes the place of that moment. So whoever decides at `now` has
seen all that may have reached the provider after `now - seconds`, and no `seconds` anywhere hold more than the rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from tidings.providers.base import RecipientPace

DAY = timedelta(hours=24)
PLACE = timedelta(seconds=10)
"""Places of a day are kept by moments this far apart, rounded up: at most so much later a place is free again, never sooner."""
SHORTEST_WAIT = timedelta(milliseconds=50)


class Waiting(msgspec.Struct, frozen=True):
    """A due message, and what is known of its recipient."""

    id: UUID
    address: str
    sends: Sequence[datetime] = ()
    """When the channel wrote to them lately, at the latest; what is in the air lies ahead."""
    held_until: datetime | None = None
    """The provider asked to leave them alone so long."""
    ends_here: bool = False
    """It is not to be sent at all (opted out, expired), so nothing holds it."""
    counted: bool = False
    """They have a place in the day already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCap:
    """What is left of a channel's rolling 24 hours."""

    room: int
    frees: Sequence[tuple[datetime, int]] = ()
    """When places are free again and how many, the soonest first. Needed only where the room does not do."""

    def free_at(self, missing: int, now: datetime) -> datetime:
        """When so many more places are free."""
        for at, count in self.frees:
            missing -= count
            if missing <= 0:
                return at
        return self.frees[-1][0] if self.frees else now + DAY


@dataclass(slots=True)
class Sorted:
    """What is to become of the messages looked at. What is in neither was not reached and stays due."""

    now: list[UUID] = field(default_factory=list)
    later: dict[UUID, datetime] = field(default_factory=dict)


def rules_for(rules: Sequence[RecipientPace], *, is_group: bool) -> list[RecipientPace]:
    """Those of the rules that hold for a person, or for a group."""
    return [rule for rule in rules if is_group or not rule.groups]


def longest_window(rules: Sequence[RecipientPace]) -> timedelta:
    """How long a message counts."""
    return timedelta(seconds=max((rule.seconds for rule in rules), default=0.0))


def sort_out(
    messages: Sequence[Waiting],
    rules: Sequence[RecipientPace],
    *,
    most: int,
    now: datetime,
    is_group: Callable[[str], bool],
    recipients: DayCap | None = None,
) -> Sorted:
    """Choose up to `most` in the given order. Who must wait is told until when, the later the more of theirs wait before it."""
    result = Sorted()
    going: dict[str, int] = {}
    waiting: dict[str, int] = {}
    new: set[str] = set()
    missing: dict[str, int] = {}
    left = most
    for one in messages:
        if one.ends_here:
            result.now.append(one.id)
            continue
        if left == 0:
            break
        mine = rules_for(rules, is_group=is_group(one.address)) if rules else ()
        ahead = waiting.get(one.address, 0)
        until = _until(one, mine, going=going.get(one.address, 0), ahead=ahead, now=now)
        if until is None and recipients is not None and not one.counted and one.address not in new:
            if len(new) < recipients.room:
                new.add(one.address)
            else:
                until = recipients.free_at(missing.setdefault(one.address, len(missing) + 1), now)
        if until is None:
            going[one.address] = going.get(one.address, 0) + 1
            result.now.append(one.id)
            left -= 1
        else:
            waiting[one.address] = ahead + 1
            result.later[one.id] = max(until, now + SHORTEST_WAIT)
    return result


def _until(one: Waiting, rules: Sequence[RecipientPace], *, going: int, ahead: int, now: datetime) -> datetime | None:
    """When the recipient may be written to; None if now. `going` leave now, `ahead` wait before this one."""
    until = one.held_until if one.held_until is not None and one.held_until > now else None
    for rule in rules:
        window = timedelta(seconds=rule.seconds)
        inside = sorted([min(at, now) for at in one.sends if at > now - window] + [now] * going)
        over = len(inside) + ahead - rule.count
        if over >= 0:
            # One that waits goes when the one `count` places before it has left the window.
            base = (inside[-1] if inside else now) + window
            at = inside[over] + window if over < len(inside) else base + (over - len(inside) + 1) * window / rule.count
            until = at if until is None else max(until, at)
    return until


# --- the rolling day ----------------------------------------------------------------------------------------------------


def place_of(latest: datetime) -> datetime:
    """The moment under which a message that leaves at `latest` is counted: rounded up, so that no place is free too soon."""
    since = latest - _EPOCH
    return _EPOCH + -(-since // PLACE) * PLACE


def day_cap(cap: int, taken: Mapping[datetime, int]) -> DayCap:
    """What `taken` places, by the moment they count under, leave of the cap."""
    return DayCap(room=max(0, cap - sum(taken.values())), frees=[(at + DAY, count) for at, count in sorted(taken.items()) if count > 0])


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
