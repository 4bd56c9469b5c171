"""Campaigns as pages show them: plain values, made once, drawn in several places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidings.campaigns.models import Campaign
from tidings.campaigns.rules import CampaignStatus, Ledger, Progress
from tidings.core.ids import show_id

LEDGER_WORDS = ("delivered", "sent", "failed", "unknown", "suppressed", "cancelled", "expired", "waiting")
"""The words of the ledger in the order in which they are shown."""
CHANGING = frozenset({CampaignStatus.SCHEDULED, CampaignStatus.LAUNCHING, CampaignStatus.SENDING, CampaignStatus.PAUSED})


@dataclass(frozen=True, slots=True)
class ShownCampaign:
    """One campaign with its ledger."""

    campaign: Campaign
    ledger: Ledger
    progress: Progress | None = None

    @property
    def id(self) -> str:
        return show_id("cmp", self.campaign.id)

    @property
    def address(self) -> str:
        return f"/campaigns/{self.id}"

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
    def gone(self) -> int:
        """Recipients with whom nothing more has to happen before the campaign is done."""
        return self.ledger.accepted - self.ledger.waiting

    def seconds_left(self, now: datetime) -> float | None:
        """How long until the last one should have left; None when that cannot be said."""
        if self.progress is None or self.progress.finish_at is None:
            return None
        return max(1.0, (self.progress.finish_at - now).total_seconds())
