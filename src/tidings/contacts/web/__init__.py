"""The pages of contacts, groups and imports."""

from __future__ import annotations

from fastapi import APIRouter

from tidings.contacts.groups import web as groups
from tidings.contacts.imports import web as imports
from tidings.contacts.web import addresses, bulk, edit, list_page, page

router = APIRouter(include_in_schema=False)
# Fixed addresses first: `/contacts/new` is no contact.
for part in (list_page, bulk, edit, page, addresses, groups, imports):
    router.include_router(part.router)
