"""The life of a campaign, and its ledger.

draft -> scheduled -> launching -> sending -> done
draft | scheduled | launching | sending | paused -> cancelled
launching | sending -> paused -> launching | sending
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from tidings.errors import Conflict


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LAUNCHING = "launching"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


EDITABLE = frozenset({CampaignStatus.DRAFT, CampaignStatus.SCHEDULED})
_FROM: dict[str, frozenset[CampaignStatus]] = {
    "edit": EDITABLE,
    "delete": frozenset({CampaignStatus.DRAFT}),
    "launch": EDITABLE,
    "schedule": EDITABLE,
    "pause": frozenset({CampaignStatus.LAUNCHING, CampaignStatus.SENDING}),
    "resume": frozenset({CampaignStatus.PAUSED}),
    "cancel": frozenset(
        {
            CampaignStatus.DRAFT,
            CampaignStatus.SCHEDULED,
            CampaignStatus.LAUNCHING,
            CampaignStatus.SENDING,
            CampaignStatus.PAUSED,
        }
    ),
    "resend": frozenset({CampaignStatus.DONE, CampaignStatus.CANCELLED}),
}
Act = Literal["edit", "delete", "launch", "schedule", "pause", "resume", "cancel", "resend"]


def demand(status: str, act: Act) -> None:
    """Raises Conflict when a campaign in this state does not allow the act."""
    allowed = _FROM[act]
    if status not in allowed:
        raise Conflict(f"This campaign is {status}. To {act} it, it must be {' or '.join(sorted(allowed))}.", code=f"cannot_{act}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What became of every accepted recipient. `balances` is the promise: nobody is missing."""

    accepted: int
    delivered: int
    sent: int
    failed: int
    unknown: int
    suppressed: int
    cancelled: int
    expired: int
    waiting: int

    @property
    def balances(self) -> bool:
        return self.accepted == self.ended + self.sent + self.waiting

    @property
    def ended(self) -> int:
        """Those with whom nothing more will happen by itself."""
        return self.delivered + self.failed + self.unknown + self.suppressed + self.cancelled + self.expired


def ledger(counts: Mapping[str, int], accepted: int) -> Ledger:
    """Read the ledger off the counts by status; a message that was read was delivered."""
    of = counts.get
    return Ledger(
        accepted=accepted,
        delivered=of("delivered", 0) + of("read", 0),
        sent=of("sent", 0),
        failed=of("failed", 0),
        unknown=of("unknown", 0),
        suppressed=of("suppressed", 0),
        cancelled=of("cancelled", 0),
        expired=of("expired", 0),
        waiting=of("scheduled", 0) + of("queued", 0) + of("sending", 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is and how it goes on."""

    fraction: float
    """Of those accepted, how many are no longer waiting: 0 to 1."""
    per_second: float
    """Messages that leave in a second, lately."""
    finish_at: datetime | None
    """When the last one should have left; None when that cannot be said."""


def progress(status: str, counts: Ledger, *, per_second: float, limit: float | None, now: datetime) -> Progress:
    """`limit` is the channel's own pace, for the first seconds, when nothing has been measured."""
    done = counts.accepted - counts.waiting
    fraction = done / counts.accepted if counts.accepted else float(status == CampaignStatus.DONE)
    moving = status == CampaignStatus.SENDING and counts.waiting > 0
    pace = per_second if per_second > 0 else limit
    finish_at = now + min(timedelta(seconds=counts.waiting / pace), _FARTHEST) if moving and pace else None
    return Progress(fraction=fraction, per_second=per_second if moving or status == CampaignStatus.LAUNCHING else 0.0, finish_at=finish_at)


_FARTHEST = timedelta(days=3650)
"""A campaign that crawls is told to end in ten years rather than past the end of the calendar."""
