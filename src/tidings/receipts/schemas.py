"""Receipts as JSON shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from tidings.receipts.service import ReceiptRow
from tidings.workspaces.wire import Id


class ReceiptOutput(BaseModel):
    """What a provider told of a message."""

    id: Annotated[UUID, Id("rcp")]
    channel: Annotated[UUID, Id("chn")]
    message: Annotated[UUID, Id("msg")] | None = Field(description="Null where it fits no message that Tidings knows.")
    provider_message_id: str
    status: str = Field(examples=["delivered"], description="In our words: sent, delivered, read or failed.")
    provider_status: str = Field(examples=["delivered"], description="In the provider's own.")
    code: str | None = Field(description="Why it failed, for programs.", examples=["unreachable"])
    detail: str | None
    reported_at: datetime | None = Field(description="When it happened, where the provider says so.")
    received_at: datetime

    @classmethod
    def of(cls, row: ReceiptRow) -> ReceiptOutput:
        return cls(
            id=row.id,
            channel=row.channel_id,
            message=row.message_id,
            provider_message_id=row.provider_message_id,
            status=row.status,
            provider_status=row.provider_status,
            code=row.code,
            detail=row.detail,
            reported_at=row.reported_at,
            received_at=row.received_at,
        )
