"""A contact with the addresses at which it can be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tidings.core.addresses import is_phone


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPoint:
    """One address of a contact on one medium."""

    id: UUID
    medium: str
    address: str
    opted_out_at: datetime | None
    opt_out_source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person a workspace may reach."""

    id: UUID
    name: str
    locale: str | None
    timezone: str | None
    attributes: dict[str, Any] = field(default_factory=dict)
    points: tuple[ContactPoint, ...] = ()
    created_at: datetime
    updated_at: datetime

    @property
    def phone(self) -> str | None:
        """The first phone number."""
        return next((point.address for point in self.points if is_phone(point.medium, point.address)), None)

    @property
    def opted_out(self) -> bool:
        """Whether at least one address must not be written to."""
        return any(point.opted_out_at for point in self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address as somebody gives it, before it is checked."""

    medium: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """A contact as somebody gives it, before it is checked."""

    name: str = ""
    addresses: tuple[Address, ...] = ()
    locale: str | None = None
    timezone: str | None = None
    """Guessed from the number when it is not given."""
    attributes: dict[str, Any] = field(default_factory=dict)
