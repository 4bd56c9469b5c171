"""The pages of spreadsheet imports: the list, an upload, its preview, its end."""

from __future__ import annotations

from fastapi import APIRouter

from tidings.contacts.imports.web import acts, list_page, preview, rows, upload_page

router = APIRouter(include_in_schema=False)
# Fixed addresses first: `/imports/new` is no import.
for part in (list_page, upload_page, preview, acts, rows):
    router.include_router(part.router)
