"""The story of a campaign's acts, read from the audit log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidings.campaigns.models import Campaign
    from tidings.workspaces.models import AuditEntry

_ACTS: dict[str, tuple[str, str]] = {
    "campaign.created": ("Created", "secondary"),
    "campaign.edited": ("Changed", "secondary"),
    "campaign.launched": ("Launched", "blue"),
    "campaign.paused": ("Paused", "yellow"),
    "campaign.resumed": ("Resumed", "blue"),
    "campaign.cancelled": ("Cancelled", "red"),
}
_FIELDS = {
    "name": "name", "text": "text", "channel_id": "channel", "audience": "audience", "scheduled_at": "time", "delivery": "delivery policy",
    "validity_seconds": "validity", "status": "status",
}  # fmt: skip


def tell_history(campaign: Campaign, acts: Iterable[AuditEntry]) -> list[dict[str, Any]]:
    """The acts in the order they happened, for the timeline; `acts` come newest first."""
    told = [_tell(one) for one in reversed(list(acts))]
    if campaign.fanned_out_at is not None:
        detail = f"{campaign.accepted:,} recipient{'' if campaign.accepted == 1 else 's'}"
        told.append({"at": campaign.fanned_out_at, "title": "Audience taken on", "detail": detail, "tone": "cyan"})
    if campaign.finished_at is not None and campaign.launched_at is not None:
        told.append({"at": campaign.finished_at, "title": "At rest", "detail": "Nothing of it waits any more.", "tone": "green"})
    return sorted(told, key=lambda item: item["at"])


def _tell(act: AuditEntry) -> dict[str, Any]:
    title, tone = _ACTS.get(act.action, (act.action.rpartition(".")[2].replace("_", " ").capitalize(), "secondary"))
    who = "by itself, at its time" if act.actor_kind == "system" and act.actor_label == "schedule" else f"by {act.actor_label}"
    changed = _changed(act.before, act.after) if act.action == "campaign.edited" else ""
    return {"at": act.at, "title": title, "detail": f"{who}: {changed}" if changed else who, "tone": tone}


def _changed(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """Which fields an edit changed."""
    return ", ".join(word for field, word in _FIELDS.items() if (before or {}).get(field) != (after or {}).get(field))
