"""A list of contacts kept by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with its count of contacts, which a trigger keeps right."""

    id: UUID
    name: str
    description: str
    contact_count: int
    created_by: str
    created_at: datetime
    updated_at: datetime
