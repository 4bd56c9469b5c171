"""Uploaded files that messages and campaigns name: looked up before these are accepted, and kept from being deleted meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.core.ids import read_id
from tidings.delivery.content import Content, MediaPart, uploads
from tidings.errors import FieldError, Invalid
from tidings.files.service import use_files

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.files.models import StoredFile


async def look_up_files(session: AsyncSession, workspace_id: UUID, contents: Sequence[Content | None]) -> list[Content | Invalid | None]:
    """Each content, in its place, with what is known of the files it names; or Invalid where there is no such file."""
    named = {read_id("med", part.id) for content in contents if content is not None for part in uploads(content)} - {None}
    known = await use_files(session, workspace_id, [one for one in named if one is not None])
    # Many messages of one call share one content: it is looked at once.
    seen: dict[int, Content | Invalid] = {}
    for content in contents:
        if content is not None and id(content) not in seen:
            seen[id(content)] = _looked_up(content, known)
    return [None if content is None else seen[id(content)] for content in contents]


async def demand_files(session: AsyncSession, workspace_id: UUID, content: Content | None) -> Content | None:
    """The same of one content. Raises Invalid."""
    (found,) = await look_up_files(session, workspace_id, [content])
    if isinstance(found, Invalid):
        raise found
    return found


def _looked_up(content: Content, known: Mapping[UUID, StoredFile]) -> Content | Invalid:
    template = content.template
    try:
        media = _part(content.media, known, "media.id")
        if template is not None:
            template = msgspec.structs.replace(template, header_media=_part(template.header_media, known, "template.header_media.id"))
    except Invalid as error:
        return error
    return msgspec.structs.replace(content, media=media, template=template)


def _part(part: MediaPart | None, known: Mapping[UUID, StoredFile], field: str) -> MediaPart | None:
    if part is None or not part.id:
        return part
    file_id = read_id("med", part.id)
    file = known.get(file_id) if file_id is not None else None
    if file is None:
        raise Invalid(
            f"There is no file {part.id} in this workspace, or it has been deleted. Upload it, and give the id that you get. Nothing was sent.",
            errors=(FieldError(field, "no such file"),),
        )
    return MediaPart(
        kind=part.kind or file.kind, content_type=file.content_type, file_name=part.file_name or file.name, id=part.id, size=file.size,
        sha256=file.sha256.hex(),
    )  # fmt: skip
