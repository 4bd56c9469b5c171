"""Uploaded files as JSON shows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from tidings.files.models import StoredFile
from tidings.workspaces.wire import Id, Page

FileId = Annotated[UUID, Id("med")]
KindWord = Literal["image", "video", "audio", "document"]


class FileOutput(BaseModel):
    """One uploaded file."""

    id: FileId = Field(description="Give it as `media.id` of a message or campaign.")
    kind: KindWord
    content_type: str = Field(examples=["image/jpeg"], description="Told by its bytes, not by its name.")
    size: int = Field(description="Bytes.")
    sha256: str
    file_name: str = Field(examples=["sale.jpg"])
    url: str = Field(examples=["/api/v1/media/med_01jqwkwptye48rv7jabdp6tfg8/content"], description="The file itself, for members.")
    created_by: str
    created_at: datetime
    last_used_at: datetime = Field(description="When a message or campaign was last given it, or it was last sent.")
    expires_at: datetime = Field(description="When it is deleted if nothing uses it until then.")

    @classmethod
    def of(cls, one: StoredFile, days: int) -> FileOutput:
        return cls.model_validate(
            {
                "id": one.id, "kind": one.kind, "content_type": one.content_type, "size": one.size, "sha256": one.sha256.hex(),
                "file_name": one.name, "url": f"/api/v1/media/{one.public_id}/content", "created_by": one.created_by,
                "created_at": one.created_at, "last_used_at": one.last_used_at, "expires_at": one.last_used_at + timedelta(days=days),
            }
        )  # fmt: skip


class FilePage(Page[FileOutput]):
    """Files, the newest first."""
