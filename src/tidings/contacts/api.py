"""The JSON edge of contacts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from tidings.contacts import service
from tidings.contacts.fragments import LONGEST
from tidings.contacts.groups import api as groups
from tidings.contacts.imports import api as imports
from tidings.contacts.schemas import (
    AddressInput,
    BulkContactsInput,
    BulkOutput,
    ContactChange,
    ContactDetail,
    ContactInput,
    ContactOutput,
    ContactPage,
    GroupId,
    Medium,
    OptOutInput,
)
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Limit, PathId, PlainText, problems

router = APIRouter()
contacts = APIRouter(prefix="/contacts", tags=["Contacts"])
ContactPath = Annotated[UUID, PathId("con")]
PointPath = Annotated[UUID, PathId("pnt")]
CanRead = Annotated[Scope, require(Permission.CONTACTS_READ)]
CanWrite = Annotated[Scope, require(Permission.CONTACTS_WRITE)]
SearchText = Annotated[
    PlainText,
    Query(
        max_length=LONGEST,
        description="A fragment of a name or a number, in any case and without accents if you like. Contacts that begin with it come "
        "first. One or two characters are looked for only at the beginning.",
        examples=["0712 34"],
    ),
]
SearchCursor = Annotated[
    str | None, Query(max_length=12_000, description="`next_cursor` of the page before; leave it out for the first page.")
]


@contacts.get("", responses=problems(404))
async def list_contacts(
    *,
    scope: CanRead,
    search: SearchText = "",
    group: GroupId | None = None,
    opted_out: Annotated[bool | None, Query(description="Only those who opted out of something, or only the others.")] = None,
    limit: Limit = 50,
    cursor: SearchCursor = None,
) -> ContactPage:
    """The contacts of the workspace: the newest first or, in a search, those that begin with the fragment first."""
    filters = service.Filters(search=search, group_id=group, opted_out=opted_out)
    found, following = await service.list_contacts(scope.session, scope.access, filters, cursor=cursor, limit=limit)
    return ContactPage(items=[ContactOutput.of(one) for one in found], next_cursor=following)


@contacts.post("", status_code=201, response_model=ContactOutput, responses=problems(409))
async def create_contact(body: ContactInput, once: Annotated[Once, idempotent()], scope: CanWrite) -> Response:
    """Make a contact. 409 tells which contact has the number already."""

    async def create() -> ContactOutput:
        return ContactOutput.of(await service.create_contact(scope.session, scope.access, body.wanted()))

    return await once.answer(scope, create, status_code=201)


@contacts.post("/bulk", response_model=BulkOutput, responses=problems(409))
async def create_contacts(body: BulkContactsInput, once: Annotated[Once, idempotent()], scope: CanWrite) -> Response:
    """Make up to 1000 contacts, each with a verdict of its own. For more, import a spreadsheet."""

    async def create() -> BulkOutput:
        return BulkOutput.of(await service.create_contacts(scope.session, scope.access, [one.wanted() for one in body.contacts]))

    return await once.answer(scope, create)


@contacts.get("/{contact_id}", responses=problems(404))
async def get_contact(contact_id: ContactPath, scope: CanRead) -> ContactDetail:
    """One contact with its groups."""
    return await _detail(scope, contact_id)


@contacts.patch("/{contact_id}", responses=problems(404, 409))
async def change_contact(contact_id: ContactPath, body: ContactChange, scope: CanWrite) -> ContactDetail:
    """Change a contact. What is left out stays as it is."""
    await service.change_contact(scope.session, scope.access, contact_id, body.wanted())
    return await _detail(scope, contact_id)


@contacts.delete("/{contact_id}", status_code=204, responses=problems(404))
async def delete_contact(contact_id: ContactPath, scope: CanWrite) -> None:
    """Delete a contact. An opt-out is kept by address: who comes back stays opted out. Messages stay in their ledgers."""
    await service.delete_contact(scope.session, scope.access, contact_id)


@contacts.put("/{contact_id}/opt-out", responses=problems(404))
async def opt_out_contact(contact_id: ContactPath, scope: CanWrite, body: OptOutInput | None = None) -> ContactDetail:
    """Send nothing more to a contact, by one medium or by all. Twice is the same as once."""
    wanted = body or OptOutInput()
    await service.opt_out_contact(scope.session, scope.access, contact_id, medium=wanted.medium, detail=wanted.reason)
    return await _detail(scope, contact_id)


@contacts.delete("/{contact_id}/opt-out", responses=problems(404))
async def opt_in_contact(
    contact_id: ContactPath, scope: CanWrite, medium: Annotated[Medium | None, Query(description="Only this medium.")] = None
) -> ContactDetail:
    """Allow messages to a contact again. Make sure that this is what they want."""
    await service.opt_in_contact(scope.session, scope.access, contact_id, medium=medium)
    return await _detail(scope, contact_id)


@contacts.post("/{contact_id}/points", status_code=201, responses=problems(404, 409))
async def add_address(contact_id: ContactPath, body: AddressInput, scope: CanWrite) -> ContactDetail:
    """Give a contact another address."""
    await service.add_address(scope.session, scope.access, contact_id, body.given())
    return await _detail(scope, contact_id)


@contacts.delete("/{contact_id}/points/{point_id}", responses=problems(404, 409))
async def remove_address(contact_id: ContactPath, point_id: PointPath, scope: CanWrite) -> ContactDetail:
    """Take an address from a contact. The last one cannot be taken: delete the contact instead."""
    await service.remove_address(scope.session, scope.access, contact_id, point_id)
    return await _detail(scope, contact_id)


async def _detail(scope: Scope, contact_id: UUID) -> ContactDetail:
    contact = await service.get_contact(scope.session, scope.access, contact_id)
    return ContactDetail.with_groups(contact, await service.groups_of_contact(scope.session, scope.access, contact_id))


router.include_router(contacts)
router.include_router(groups.router)
router.include_router(imports.router)
