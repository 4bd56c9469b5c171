"""The ledger's tables, as far as pages and the API read them. The engine writes them with SQL of its own (delivery/*.sql)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tidings.db.models import Base


class Message(Base):
    """One outbound or inbound message to or from one contact point."""

    __tablename__ = "messages"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(default="out")
    campaign_id: Mapped[UUID | None]
    source_id: Mapped[UUID] = mapped_column(FetchedValue())
    contact_id: Mapped[UUID | None]
    channel_id: Mapped[UUID]
    medium: Mapped[str]
    address: Mapped[str]
    reference: Mapped[str | None]
    text: Mapped[str | None]
    variables: Mapped[dict[str, Any] | None]
    delivery: Mapped[str]
    priority: Mapped[int]
    status: Mapped[str]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    attempt: Mapped[int]
    failures: Mapped[int]
    claimed_at: Mapped[datetime | None]
    provider_message_id: Mapped[str | None]
    possible_duplicate: Mapped[bool]
    is_confirmation: Mapped[bool]
    resend_of: Mapped[UUID | None]
    segments: Mapped[int | None]
    cost_micros: Mapped[int | None]
    cost_currency: Mapped[str | None]
    error_code: Mapped[str | None]
    error_detail: Mapped[str | None]
    suppression: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    created_by: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_as: Mapped[str | None] = mapped_column(FetchedValue())
    route_id: Mapped[UUID | None]
    route_step: Mapped[int | None]
    try_of: Mapped[UUID | None]
    superseded: Mapped[bool] = mapped_column(default=False)
    addresses: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    skipped: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB(none_as_null=True))


class Attempt(Base):
    """One request to a provider for one message."""

    __tablename__ = "attempts"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID]
    outcome: Mapped[str]
    code: Mapped[str | None]
    provider_code: Mapped[str | None]
    detail: Mapped[str | None]
    provider_message_id: Mapped[str | None]
    latency_ms: Mapped[int | None]
    at: Mapped[datetime]


class Receipt(Base):
    """Something a provider said of a message, matched or not."""

    __tablename__ = "receipts"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID]
    message_id: Mapped[UUID | None]
    provider_message_id: Mapped[str]
    status: Mapped[str]
    provider_status: Mapped[str]
    code: Mapped[str | None]
    detail: Mapped[str | None]
    reported_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
