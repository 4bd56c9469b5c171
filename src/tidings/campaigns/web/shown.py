"""Campaigns as pages show them: plain values, made once, drawn in several places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import CampaignStatus, Ledger, Progress
from tidings.core.ids import show_id

if TYPE_CHECKING:
    from tidings.channels.models import Channel

LEDGER_WORDS = ("delivered", "sent", "failed", "unknown", "suppressed", "cancelled", "expired", "waiting")
"""The words of the ledger in the order in which they are shown."""
CHANGING = frozenset({CampaignStatus.SCHEDULED, CampaignStatus.LAUNCHING, CampaignStatus.SENDING, CampaignStatus.PAUSED})


@dataclass(frozen=True, slots=True)
class ShownCampaign:
    """One campaign with its ledger."""

    campaign: Campaign
    ledger: Ledger
    progress: Progress | None = None
    held_by: Channel | None = None
    """Its channel, where that is stopped or switched off: what has not left waits for it."""

    @property
    def id(self) -> str:
        return show_id("cmp", self.campaign.id)

    @property
    def address(self) -> str:
        return f"/campaigns/{self.id}"

    @property
    def held_at(self) -> str:
        """Where the channel that holds it up is mended."""
        return f"/channels/{show_id('chn', self.held_by.id)}" if self.held_by else ""

    @property
    def is_live(self) -> bool:
        """Whether it may still change by itself."""
        cancelling = self.campaign.status == CampaignStatus.CANCELLED and self.campaign.finished_at is None
        return self.campaign.status in CHANGING or cancelling

    @property
    def stage(self) -> str:
        """Changes when the list of recipients does as a whole: written down, at rest."""
        ends = (self.campaign.fanned_out_at is not None, self.campaign.finished_at is not None)
        return "-".join([self.campaign.status, *("yes" if end else "no" for end in ends)])

    @property
    def shares(self) -> list[tuple[str, str, int]]:
        """The ledger as parts of one bar."""
        return [("message", word, getattr(self.ledger, word)) for word in LEDGER_WORDS]

    @property
    def per_second(self) -> float | None:
        """Its rate while it goes out; None while nothing leaves."""
        goes_out = self.campaign.status == CampaignStatus.SENDING and not self.held_by
        return self.progress.per_second or None if goes_out and self.progress else None

    @property
    def gone(self) -> int:
        """Recipients with whom nothing more has to happen before the campaign is done."""
        return self.ledger.accepted - self.ledger.waiting

    def seconds_left(self, now: datetime) -> float | None:
        """How long until the last one should have left; None when that cannot be said."""
        if self.held_by or self.progress is None or self.progress.finish_at is None:
            return None
        return max(1.0, (self.progress.finish_at - now).total_seconds())
