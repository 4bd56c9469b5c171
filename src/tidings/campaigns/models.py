"""A campaign: one content to one audience, now or at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tidings.db.models import Base


class Campaign(Base):
    """One campaign. Its text and audience may change until it is launched."""

    __tablename__ = "campaigns"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    text: Mapped[str]
    channel_id: Mapped[UUID]
    """With a route, the first channel of it."""
    route_id: Mapped[UUID | None]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    audience: Mapped[dict[str, Any]]
    status: Mapped[str]
    scheduled_at: Mapped[datetime | None]
    validity_seconds: Mapped[int | None]
    delivery: Mapped[str]
    resend_of: Mapped[UUID | None]
    accepted: Mapped[int]
    fanned_out_to: Mapped[UUID | None]
    fanned_out_at: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    launched_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  (two editors at once: the second is told, not obeyed)
