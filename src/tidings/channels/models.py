"""Tables of the registry: channels, and the alerts they raise."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue, func
from sqlalchemy.orm import Mapped, mapped_column

from tidings.db.models import Base


class Channel(Base):
    """A workspace's own configured sender at a provider: a number, a bot, an account."""

    __tablename__ = "channels"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    provider: Mapped[str]
    medium: Mapped[str]
    sender: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]]
    credentials: Mapped[bytes]
    """Sealed; only the vault opens them."""
    credential_hints: Mapped[dict[str, Any]]
    """Which secrets are set, with the last letters of the long ones."""
    api_base_url: Mapped[str] = mapped_column(default="")
    limits: Mapped[dict[str, Any]]
    hook_token: Mapped[str]
    is_default: Mapped[bool] = mapped_column(default=False)
    is_central: Mapped[bool] = mapped_column(default=False)
    """Members' personal messages went by it before they had channels of their own."""
    enabled: Mapped[bool] = mapped_column(default=True)
    """What its owner wants it to be: running, or stopped."""
    switched_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    receive: Mapped[str] = mapped_column(default="hook")
    """How what comes in is taken: `hook` or `polling`."""
    stopped_code: Mapped[str | None]
    stopped_detail: Mapped[str | None]
    stopped_at: Mapped[datetime | None]
    balance_micros: Mapped[int | None]
    balance_currency: Mapped[str | None]
    balance_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    owner_id: Mapped[UUID | None]
    """The member whose personal channel it is; nobody else sees or uses it."""
    owner_address: Mapped[str | None]
    """The owner's own chat, once linked."""
    owner_linked_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=FetchedValue(), onupdate=func.now())

    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy reads it so


class ChannelSession(Base):
    """Where a channel's standing session stands, and what it goes on with after a restart."""

    __tablename__ = "channel_sessions"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    detail: Mapped[str]
    qr: Mapped[str]
    pairing_code: Mapped[str]
    address: Mapped[str]
    secret: Mapped[bytes | None] = mapped_column(deferred=True)
    """Sealed; only the vault opens it."""
    updated_at: Mapped[datetime]


class Alert(Base):
    """Something its owner must mend."""

    __tablename__ = "alerts"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID | None]
    kind: Mapped[str]
    message: Mapped[str]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
