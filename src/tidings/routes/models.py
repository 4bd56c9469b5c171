"""Tables of routes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import FetchedValue, func
from sqlalchemy.orm import Mapped, mapped_column

from tidings.db.models import Base


class Route(Base):
    """Ordered channels with rules."""

    __tablename__ = "routes"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    message_class: Mapped[str] = mapped_column(default="")
    medium: Mapped[str] = mapped_column(default="")
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=FetchedValue(), onupdate=func.now())

    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy reads it so


class RouteStep(Base):
    """One channel of a route."""

    __tablename__ = "route_steps"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    route_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID]
    wished: Mapped[str]
    wait_seconds: Mapped[int | None]
