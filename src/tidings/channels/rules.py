"""What a channel's stored settings mean: pure decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard

from tidings.errors import FieldError, Invalid
from tidings.providers.base import Description, Field, Limits, RecipientPace

if TYPE_CHECKING:
    from uuid import UUID

    from tidings.workspaces.access import Access

DEFAULT_RETRY_MINUTES = (5, 10, 15)
DEFAULT_MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and after how many minutes a message is tried again."""

    retry_minutes: Sequence[float] = DEFAULT_RETRY_MINUTES
    max_attempts: int = DEFAULT_MAX_ATTEMPTS

    def wait(self, failures: int) -> timedelta:
        """How long to wait after the given number of failures (1 or more)."""
        return timedelta(minutes=self.retry_minutes[min(failures, len(self.retry_minutes)) - 1])


def retry_policy(workspace_settings: Mapping[str, Any]) -> RetryPolicy:
    """The workspace's policy (`retry_minutes`, `max_attempts` of its settings); what is missing or senseless is the default."""
    minutes = workspace_settings.get("retry_minutes")
    attempts = workspace_settings.get("max_attempts")
    return RetryPolicy(
        retry_minutes=tuple(minutes) if _are_minutes(minutes) else DEFAULT_RETRY_MINUTES,
        max_attempts=attempts if isinstance(attempts, int) and 1 <= attempts <= 20 else DEFAULT_MAX_ATTEMPTS,
    )


def _are_minutes(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and bool(value) and all(isinstance(one, int | float) and 0 <= one <= 1440 for one in value)


def senders_at_once(description: Description, workspace_settings: Mapping[str, Any]) -> int | None:
    """How many channels of this provider may send at once in a workspace (`senders_at_once` of its settings, by provider; null: any)."""
    own = workspace_settings.get("senders_at_once")
    if isinstance(own, dict) and description.kind in own:
        most = own[description.kind]
        return most if isinstance(most, int) and most > 0 else None
    return description.senders_at_once


def merged_limits(default: Limits, override: Mapping[str, Any]) -> Limits:
    """The provider's limits with what the channel's owner has changed.

    `null` means none: no pace at all, no pace for each recipient, no cap on the day.
    """
    own = {name: override[name] for name in _PLAIN_LIMITS if name in override}
    if "per_recipient" in override:
        own["per_recipient"] = tuple(
            RecipientPace(count=one["count"], seconds=one["seconds"], groups=one.get("groups", False))
            for one in override["per_recipient"] or ()
        )
    return replace(default, **own)


_PLAIN_LIMITS = ("per_second", "burst", "concurrency", "per_day", "per_day_counts", "jitter_seconds")


def hook_url(public_url: str, hook_token: str) -> str:
    """Where the provider sends receipts and inbound of a channel; empty when this server is not reachable from outside."""
    return f"{public_url}/hooks/{hook_token}" if public_url else ""


# --- what a person fills in ---------------------------------------------------------------------------------------------

LONGEST_VALUE = 4096
_HINT_FROM = 16  # letters; the last four of a shorter secret would give too much of it away


def split_fields(description: Description, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The values of a set-up form, checked and parted into plain settings and secrets. Raises Invalid with every fault found."""
    values = {name: value.strip() for name, value in given.items()}
    errors = [FieldError(f"fields.{name}", "is not a field of this provider") for name in values.keys() - _names(description)]
    for one in description.fields:
        values[one.name] = values.get(one.name) or one.default
        fault = _fault(one, values[one.name])
        if fault:
            errors.append(FieldError(f"fields.{one.name}", fault))
    if not errors and description.faults is not None:
        errors += [FieldError(f"fields.{name}", fault) for name, fault in description.faults(values).items()]
    if errors:
        raise Invalid(f"The fields do not fit a {description.label} channel; nothing was saved.", errors=tuple(errors))
    filled = [one for one in description.fields if values[one.name]]
    return {one.name: values[one.name] for one in filled if not one.secret}, {one.name: values[one.name] for one in filled if one.secret}


def read_all(description: Description, fields: Mapping[str, str], sender: str) -> tuple[dict[str, str], dict[str, str], str]:
    """A new channel's plain settings, its secrets and its sender. Raises Invalid with every fault found."""
    faults: list[FieldError] = []
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    kept = sender
    try:
        kept = read_sender(description, sender)
    except Invalid as error:
        faults += error.errors
    try:
        plain, secret = split_fields(description, fields)
    except Invalid as error:
        faults += error.errors
    if faults:
        raise Invalid(f"What was filled in does not fit a {description.label} channel; nothing was saved.", errors=tuple(faults))
    return plain, secret, kept


def read_sender(description: Description, sender: str) -> str:
    """The sender as it is kept: a number without the gaps that people write in it. Raises Invalid where it cannot be one."""
    kept = "+" + re.sub(r"\D", "", sender) if _SPACED_NUMBER.fullmatch(sender) else sender
    if kept and description.sender_pattern and not re.fullmatch(description.sender_pattern, kept):
        like = f", for example: {description.sender_example}" if description.sender_example else ""
        raise Invalid(
            f"“{sender[:50]}” cannot be the sender of a {description.label} channel; nothing was saved.",
            errors=(FieldError("sender", f"does not look right{like}"),),
        )
    return kept


_SPACED_NUMBER = re.compile(r"\+[\d ().-]+")


def _names(description: Description) -> frozenset[str]:
    return frozenset(one.name for one in description.fields)


def _fault(one: Field, value: str) -> str | None:
    if not value:
        return "is required" if one.required else None
    if len(value) > LONGEST_VALUE or "\0" in value:
        return f"must be text of at most {LONGEST_VALUE} characters"
    if one.pattern and not re.fullmatch(one.pattern, value):
        return f"does not look right, for example: {one.example}" if one.example else "does not look right"
    return None


def hints(secrets: Mapping[str, str]) -> dict[str, str]:
    """Which secrets are set, so that a person can tell them apart: the last four letters of long ones, nothing of short ones."""
    return {name: f"…{value[-4:]}" if len(value) >= _HINT_FROM else "" for name, value in secrets.items()}


def choose_medium(description: Description, wanted: str | None) -> str:
    """The medium of a new channel. Raises Invalid when the provider has no such medium."""
    mediums = description.capabilities.mediums
    medium = wanted or mediums[0]
    if medium not in mediums:
        raise Invalid(
            f"{description.label} does not reach people by “{medium}”.", errors=(FieldError("medium", f"one of: {', '.join(mediums)}"),)
        )
    return medium


PERSONAL_PROVIDERS = ("telegram", "whatsapp_linked")
"""What a member may set up for themself alone: services where one person's own bot or number makes sense."""


def may_see(access: Access, owner_id: UUID | None) -> bool:
    """Whether this caller may know of a channel: a personal one is its owner's alone, and Tidings' own."""
    return owner_id is None or access.actor_kind == "system" or access.user_id == owner_id


def state_of(*, enabled: bool, stopped: bool) -> str:
    """The one word for where a channel stands; what its owner switched off is not also told as broken."""
    if not enabled:
        return "disabled"
    return "stopped" if stopped else "active"
