"""A file's bytes for pages: the picture in a preview, a download on a message's page."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tidings.files.service import get_file
from tidings.files.serving import give
from tidings.workspaces.page_edge import Visitor, require_visitor
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import PathId

router = APIRouter(include_in_schema=False)


@router.get("/files/{file_id}")
async def file_content(
    file_id: Annotated[UUID, PathId("med")], request: Request, visitor: Annotated[Visitor, require_visitor(Permission.MEDIA_READ)]
) -> Response:
    """The file. A browser shows it inside a page of ours, and as nothing else: on its own it is a download."""
    state = request.app.state
    async with state.database.workspace(visitor.access.workspace_id) as session:
        found = await get_file(session, visitor.access.workspace_id, file_id)
    return await give(found, state.storage, cache="private, max-age=3600")
