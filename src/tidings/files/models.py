"""An uploaded file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from tidings.core.ids import show_id
from tidings.files.storage.base import Key

FileKind = Literal["image", "video", "audio", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file of a workspace, whole in the storage."""

    workspace_id: UUID
    id: UUID
    kind: FileKind
    content_type: str
    size: int
    sha256: bytes
    name: str
    created_by: str
    created_at: datetime
    last_used_at: datetime

    @property
    def public_id(self) -> str:
        return show_id("med", self.id)

    @property
    def key(self) -> Key:
        """Where its bytes lie."""
        return Key(self.workspace_id, self.sha256)
