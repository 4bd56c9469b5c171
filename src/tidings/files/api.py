"""The JSON edge of uploaded files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from tidings.core.cursor import read_cursor, write_cursor
from tidings.files import service
from tidings.files.receiving import receive_file
from tidings.files.schemas import FileOutput, FilePage, KindWord
from tidings.files.serving import give
from tidings.workspaces.access import Access
from tidings.workspaces.edge import Scope, require, require_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, PathId, problems

router = APIRouter(prefix="/media", tags=["Media"])
FilePath = Annotated[UUID, PathId("med")]
CanRead = Annotated[Scope, require(Permission.MEDIA_READ)]
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary", "description": "What it is, is told by its bytes."}},
            }
        }
    },
}


@router.post(
    "",
    status_code=201,
    response_model=FileOutput,
    responses={**problems(409, 413, 503), 200: {"model": FileOutput, "description": "The same bytes are there already: that file."}},
    openapi_extra={"requestBody": _BODY},
)
async def upload_file(
    request: Request, response: Response, access: Annotated[Access, require_access(Permission.MEDIA_WRITE)]
) -> FileOutput:
    """Upload a file to go with messages. Repeating it is safe: the same bytes are kept once, and answered with 200."""
    kept, is_new = await receive_file(request, access)
    response.status_code = 201 if is_new else 200
    return FileOutput.of(kept, request.app.state.settings.file_days)


@router.get("", responses=problems())
async def list_files(
    request: Request,
    scope: CanRead,
    kind: Annotated[KindWord | None, Query(description="Only files of this kind.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> FilePage:
    """The uploaded files of the workspace, the newest first."""
    before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    found = await service.list_files(scope.session, scope.access.workspace_id, kind=kind, before=before, limit=limit + 1)
    following = write_cursor(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
    days = request.app.state.settings.file_days
    return FilePage(items=[FileOutput.of(one, days) for one in found[:limit]], next_cursor=following)


@router.get("/{file_id}", responses=problems(404))
async def get_file(file_id: FilePath, request: Request, scope: CanRead) -> FileOutput:
    """One uploaded file."""
    found = await service.get_file(scope.session, scope.access.workspace_id, file_id)
    return FileOutput.of(found, request.app.state.settings.file_days)


@router.get(
    "/{file_id}/content",
    response_class=Response,
    responses={**problems(404, 503), 200: {"description": "The file, as a download.", "content": {"application/octet-stream": {}}}},
)
async def download_file(file_id: FilePath, request: Request, access: Annotated[Access, require_access(Permission.MEDIA_READ)]) -> Response:
    """The file itself."""
    state = request.app.state
    async with state.database.workspace(access.workspace_id) as session:
        found = await service.get_file(session, access.workspace_id, file_id)
    return await give(found, state.storage, cache="private, no-store")


@router.delete("/{file_id}", status_code=204, responses=problems(404, 409))
async def delete_file(file_id: FilePath, scope: Annotated[Scope, require(Permission.MEDIA_WRITE)]) -> None:
    """Delete a file. 409 while something is still to be sent with it. Its bytes are gone from the storage within some hours."""
    await service.delete_file(scope.session, scope.access, file_id)
