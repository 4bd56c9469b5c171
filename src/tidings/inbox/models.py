"""The table of conversations, as it is read and steered here. Messages keep it in step themselves (messages/conversations.py)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from tidings.db.models import Base


class Conversation(Base):
    """What one address and one channel wrote to each other."""

    __tablename__ = "conversations"

    workspace_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID]
    medium: Mapped[str]
    address: Mapped[str]
    contact_id: Mapped[UUID | None]
    former_contacts: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    state: Mapped[str]
    assigned_to: Mapped[UUID | None]
    unread: Mapped[int]
    last_message_at: Mapped[datetime]
    last_inbound_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
