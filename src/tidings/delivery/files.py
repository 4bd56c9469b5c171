"""Hands uploaded files to providers: the bytes where the provider takes them, a signed address of ours where it fetches them itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.core.ids import read_id
from tidings.delivery.content import Content, MediaPart, needs_link
from tidings.delivery.kept_bytes import KeptBytes
from tidings.delivery.settling import DATABASE_TROUBLE
from tidings.files.service import SQL
from tidings.files.storage import BytesLost, Key

if TYPE_CHECKING:
    import asyncpg

    from tidings.delivery.packing import Parcel
    from tidings.files.links import Links
    from tidings.providers.base import Capabilities, Media, Outgoing


@dataclass(frozen=True, slots=True)
class Files:
    """What every turn of one worker shares."""

    pool: asyncpg.Pool
    links: Links
    kept: KeptBytes

    @asynccontextmanager
    async def added(self, workspace_id: UUID, can: Capabilities, parcel: Parcel) -> AsyncIterator[list[Outgoing]]:
        """The parcel's messages with their files, for as long as the request takes. Raises BytesLost, StorageDown."""
        async with AsyncExitStack() as held:
            yield [
                await self._with_files(held, workspace_id, can, one, content)
                if (content := parcel.uploads.get(one.id)) is not None
                else one
                for one in parcel.batch
            ]

    async def _with_files(self, held: AsyncExitStack, workspace_id: UUID, can: Capabilities, one: Outgoing, content: Content) -> Outgoing:
        media, template = one.media, one.template
        if media is not None and content.media is not None and content.media.id:
            media = await self._filled(held, workspace_id, can, media, content.media)
        header = content.template.header_media if content.template is not None else None
        if template is not None and template.header_media is not None and header is not None and header.id:
            template = replace(template, header_media=await self._filled(held, workspace_id, can, template.header_media, header))
        return msgspec.structs.replace(one, media=media, template=template)

    async def _filled(self, held: AsyncExitStack, workspace_id: UUID, can: Capabilities, media: Media, part: MediaPart) -> Media:
        file_id = read_id("med", part.id)
        if file_id is None:
            raise BytesLost(f"{part.id} is no file's id.")
        await self._note_use(workspace_id, file_id)
        if needs_link(part, can):
            return replace(media, url=self.links.make(workspace_id, file_id, datetime.now(UTC)))
        content = await held.enter_async_context(self.kept.held(Key(workspace_id, bytes.fromhex(part.sha256)), part.size))
        return replace(media, content=content)

    async def _note_use(self, workspace_id: UUID, file_id: UUID) -> None:
        """So that a file is not thrown away while it is being sent. Missing it once does no harm."""
        with suppress(*DATABASE_TROUBLE):
            await self.pool.execute(SQL.note_use, workspace_id, file_id)
