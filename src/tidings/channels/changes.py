"""What its owner decides of a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from tidings.channels.lifecycle import Receive


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateChannel:
    """What its owner decides of a new channel."""

    name: str
    provider: str
    fields: Mapping[str, str] = field(repr=False)
    """The provider's fields, secret ones included."""
    medium: str | None = None
    sender: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    api_base_url: str = ""
    receive: Receive | None = None
    """None: by the hook where that can be called, else by polling."""
    is_default: bool | None = None
    """None: it becomes its medium's default where there is none."""
    owner_id: UUID | None = None
    """The member whose personal channel it is to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeChannel:
    """What is to change; None leaves as it is."""

    name: str | None = None
    sender: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    """Only the fields to change: an empty text clears one, None (and leaving it out) keeps it."""
    limits: Mapping[str, Any] | None = None
    """Replaces all limits of its own; an empty one goes back to the provider's."""
    api_base_url: str | None = None
    receive: Receive | None = None
