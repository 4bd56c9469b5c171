"""The JSON edge of spreadsheet imports: upload, look, correct, confirm."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, File, Form, Path, Query, Request, Response, UploadFile

from tidings.contacts.imports import service
from tidings.contacts.imports.schemas import (
    GroupId,
    ImportChange,
    ImportOutput,
    ImportPage,
    ImportPreview,
    RowChange,
    RowOutput,
    RowPage,
    VerdictWord,
)
from tidings.core.cursor import read_cursor, write_cursor
from tidings.errors import TooLarge
from tidings.settings import Settings
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Cursor, Limit, Name, PathId, PlainText, problems

router = APIRouter(prefix="/imports", tags=["Imports"])
ImportPath = Annotated[UUID, PathId("imp")]
RowPath = Annotated[int, Path(ge=1, le=2**31 - 1)]
CanRead = Annotated[Scope, require(Permission.CONTACTS_READ)]
CanWrite = Annotated[Scope, require(Permission.CONTACTS_WRITE)]
_RowNumber = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
_FIRST_ROWS = 20
_FIRST_ERRORS = 50


@router.post("", status_code=201, response_model=ImportPreview, responses=problems(413, 503))
async def start_import(
    *,
    request: Request,
    once: Annotated[Once, idempotent()],
    scope: CanWrite,
    file: Annotated[UploadFile, File(description=".xlsx, .xls, .xlsb, .ods or .csv; what it is, is told by its content.")],
    group_id: Annotated[GroupId | None, Form(description="The group that the contacts go to.")] = None,
    group_name: Annotated[Name | None, Form(description="Or a group by name, made on confirmation when there is none.")] = None,
    mapping: Annotated[
        PlainText | None,
        Form(
            max_length=10_000,
            description="JSON: which column is what, by letter or header. Without it the name is taken from column A and the number from "
            "column B, unless the headers say otherwise.",
            examples=['{"name": "A", "phone": "Mobile", "attributes": {"city": "D"}}'],
        ),
    ] = None,
    header: Annotated[bool | None, Form(description="Whether the first row names the columns; without it, that is found out.")] = None,
) -> Response:
    """The first step: the file is read and every row judged. No contact is made before `POST /imports/{id}/confirm`."""
    limits = _limits(request)

    async def start() -> ImportPreview:
        reading = service.Reading(
            mapping=service.read_mapping(mapping) if mapping else None, header=header, group_id=group_id, group_name=group_name
        )
        upload = service.Upload(filename=file.filename or "upload", content=await _content(file, limits))
        return await _preview(scope, await service.start_import(scope.session, scope.access, upload, reading, limits))

    return await once.answer(scope, start, status_code=201)


@router.get("", responses=problems())
async def list_imports(scope: CanRead, limit: Limit = 50, cursor: Cursor = None) -> ImportPage:
    """The imports of the workspace, the newest first."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.list_imports(scope.session, scope.access, before=before, limit=limit + 1)
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return ImportPage(items=[ImportOutput.of(one) for one in found[:limit]], next_cursor=following)


@router.get("/{import_id}", responses=problems(404))
async def get_import(import_id: ImportPath, scope: CanRead) -> ImportPreview:
    """One import with its first rows and errors. While it is `importing`, the counts tell how far it is."""
    return await _preview(scope, await service.get_import(scope.session, scope.access, import_id))


@router.get("/{import_id}/rows", responses=problems(404))
async def list_rows(
    import_id: ImportPath,
    scope: CanRead,
    verdict: Annotated[VerdictWord | None, Query(description="Only rows with this verdict.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RowPage:
    """The rows of the sheet in their order, each with its verdict."""
    after = read_cursor(cursor, tuple[_RowNumber])[0] if cursor else 0
    wanted = service.Verdict(verdict) if verdict else None
    found = await service.list_rows(scope.session, scope.access, import_id, verdict=wanted, after=after, limit=limit + 1)
    following = write_cursor(found[limit - 1].row) if len(found) > limit else None
    return RowPage(items=[RowOutput.of(one) for one in found[:limit]], next_cursor=following)


@router.patch("/{import_id}", responses=problems(404, 409, 503))
async def change_import(import_id: ImportPath, body: ImportChange, request: Request, scope: CanWrite) -> ImportPreview:
    """Read the file afresh by another mapping, or choose another group. Only before it is confirmed."""
    reading = service.Reading(
        mapping=body.mapping.wanted() if body.mapping else None, header=body.header, group_id=body.group_id, group_name=body.group_name
    )
    again = bool({"mapping", "header"} & body.model_fields_set)
    changed = await service.change_import(scope.session, scope.access, import_id, reading, _limits(request), again=again)
    return await _preview(scope, changed)


@router.patch("/{import_id}/rows/{row}", responses=problems(404, 409))
async def correct_row(import_id: ImportPath, row: RowPath, body: RowChange, scope: CanWrite) -> RowOutput:
    """Correct a name or a number by hand; the row is judged anew. Only before the import is confirmed."""
    return RowOutput.of(await service.correct_row(scope.session, scope.access, import_id, row, name=body.name, phone=body.phone))


@router.post("/{import_id}/confirm", response_model=ImportOutput, responses=problems(404, 409))
async def confirm_import(import_id: ImportPath, once: Annotated[Once, idempotent()], scope: CanWrite) -> Response:
    """The second step: the valid rows become contacts. Rows with errors are left out. Confirming twice is confirming once.

    Up to 1,000 contacts are made at once and the answer is `done`. More are made in the background: `GET /imports/{id}` tells how far it is.
    """

    async def confirm() -> ImportOutput:
        return ImportOutput.of(await service.confirm_import(scope.session, scope.access, import_id))

    return await once.answer(scope, confirm)


@router.delete("/{import_id}", responses=problems(404, 409))
async def cancel_import(import_id: ImportPath, scope: CanWrite) -> ImportOutput:
    """Cancel an import. Contacts that it has made already stay."""
    return ImportOutput.of(await service.cancel_import(scope.session, scope.access, import_id))


async def _preview(scope: Scope, found: service.Import) -> ImportPreview:
    first = await service.list_rows(scope.session, scope.access, found.id, limit=_FIRST_ROWS)
    errors = await service.list_rows(scope.session, scope.access, found.id, verdict=service.Verdict.INVALID, limit=_FIRST_ERRORS)
    return ImportPreview.with_rows(found, first, errors)


async def _content(file: UploadFile, limits: service.Limits) -> bytes:
    if file.size is not None and file.size > limits.upload_bytes:
        raise TooLarge(
            f"The file has {file.size / 2**20:.1f} MB; {limits.upload_bytes / 2**20:.1f} MB are the most. Nothing was imported. "
            "Split it and upload the parts one after the other."
        )
    return await file.read()


def _limits(request: Request) -> service.Limits:
    settings: Settings = request.app.state.settings
    return service.Limits(upload_bytes=settings.upload_limit_bytes, rows=settings.import_row_limit)
