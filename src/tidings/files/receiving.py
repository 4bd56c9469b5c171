"""Takes the one file out of a multipart request: streamed to disk as it comes, never whole in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from tidings.errors import FieldError, Invalid, TooLarge
from tidings.files.service import Taking, Upload, take_file

if TYPE_CHECKING:
    from starlette.requests import Request

    from tidings.files.models import StoredFile
    from tidings.workspaces.access import Access


async def receive_file(request: Request, access: Access) -> tuple[StoredFile, bool]:
    """The file that the request carries as `file`, kept; says whether it is new. Raises Invalid, TooLarge, Conflict, StorageDown."""
    state = request.app.state
    how = Taking(database=state.database, storage=state.storage, settings=state.settings)
    try:
        # The parser spools to a temporary file what is more than a megabyte; the guards count the bytes (workspaces/guards.py).
        async with request.form(max_files=1, max_fields=5) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise Invalid("Send one file as `file` of a multipart form.", errors=(FieldError("file", "is missing"),), code="no_file")
            return await take_file(how, access, Upload(file=file.file, name=file.filename))
    except HTTPException as error:
        if error.status_code == 413:
            raise TooLarge(str(error.detail)) from error
        raise Invalid(f"The upload cannot be read: {error.detail}", errors=(FieldError("file", str(error.detail)),)) from error
