"""The JSON edge of groups."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from tidings.contacts.groups import service
from tidings.contacts.groups.schemas import GroupChange, GroupInput, GroupOutput, GroupPage, MembersInput, MembersOutput
from tidings.contacts.reading import get_contact, list_contacts
from tidings.contacts.schemas import ContactOutput, ContactPage
from tidings.contacts.search import Filters
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.once import Once, idempotent
from tidings.workspaces.rules import Permission
from tidings.workspaces.wire import Limit, PathId, PlainText, problems

router = APIRouter(prefix="/groups", tags=["Groups"])
GroupPath = Annotated[UUID, PathId("grp")]
ContactPath = Annotated[UUID, PathId("con")]
CanRead = Annotated[Scope, require(Permission.CONTACTS_READ)]
CanWrite = Annotated[Scope, require(Permission.CONTACTS_WRITE)]
LongCursor = Annotated[
    str | None, Query(max_length=12_000, description="`next_cursor` of the page before; leave it out for the first page.")
]


@router.get("", responses=problems())
async def list_groups(
    scope: CanRead,
    search: Annotated[PlainText, Query(max_length=100, description="A fragment of the name.")] = "",
    limit: Limit = 50,
    cursor: LongCursor = None,
) -> GroupPage:
    """The groups of the workspace in the order of their names."""
    found, following = await service.list_groups(scope.session, scope.access, search=search, cursor=cursor, limit=limit)
    return GroupPage(items=[GroupOutput.of(one) for one in found], next_cursor=following)


@router.post("", status_code=201, response_model=GroupOutput, responses=problems(409))
async def create_group(body: GroupInput, once: Annotated[Once, idempotent()], scope: CanWrite) -> Response:
    """Make an empty group. 409 when the name is taken; upper and lower case are the same."""

    async def create() -> GroupOutput:
        return GroupOutput.of(await service.create_group(scope.session, scope.access, body.name, body.description))

    return await once.answer(scope, create, status_code=201)


@router.get("/{group_id}", responses=problems(404))
async def get_group(group_id: GroupPath, scope: CanRead) -> GroupOutput:
    """One group."""
    return GroupOutput.of(await service.get_group(scope.session, scope.access, group_id))


@router.patch("/{group_id}", responses=problems(404, 409))
async def change_group(group_id: GroupPath, body: GroupChange, scope: CanWrite) -> GroupOutput:
    """Rename or describe a group."""
    return GroupOutput.of(await service.change_group(scope.session, scope.access, group_id, name=body.name, description=body.description))


@router.delete("/{group_id}", status_code=204, responses=problems(404))
async def delete_group(group_id: GroupPath, scope: CanWrite) -> None:
    """Delete a group. Its contacts stay."""
    await service.delete_group(scope.session, scope.access, group_id)


@router.get("/{group_id}/contacts", responses=problems(404))
async def list_group_contacts(
    group_id: GroupPath,
    scope: CanRead,
    search: Annotated[PlainText, Query(max_length=100, description="A fragment of a name or a number.")] = "",
    limit: Limit = 50,
    cursor: LongCursor = None,
) -> ContactPage:
    """The contacts of a group."""
    filters = Filters(search=search, group_id=group_id)
    found, following = await list_contacts(scope.session, scope.access, filters, cursor=cursor, limit=limit)
    return ContactPage(items=[ContactOutput.of(one) for one in found], next_cursor=following)


@router.put("/{group_id}/contacts", responses=problems(404))
async def add_contacts(group_id: GroupPath, body: MembersInput, scope: CanWrite) -> MembersOutput:
    """Put contacts in a group. A contact is in it once, however often it is put there."""
    changed = await service.add_contacts(scope.session, scope.access, group_id, body.contacts)
    return await _members(scope, group_id, changed)


@router.post("/{group_id}/contacts/removal", responses=problems(404))
async def remove_contacts(group_id: GroupPath, body: MembersInput, scope: CanWrite) -> MembersOutput:
    """Take contacts out of a group."""
    changed = await service.remove_contacts(scope.session, scope.access, group_id, body.contacts)
    return await _members(scope, group_id, changed)


@router.delete("/{group_id}/contacts/{contact_id}", status_code=204, responses=problems(404))
async def remove_contact(group_id: GroupPath, contact_id: ContactPath, scope: CanWrite) -> None:
    """Take one contact out of a group. That it was not in it is no error."""
    await get_contact(scope.session, scope.access, contact_id)
    await service.remove_contacts(scope.session, scope.access, group_id, [contact_id])


async def _members(scope: Scope, group_id: UUID, changed: int) -> MembersOutput:
    group = await service.get_group(scope.session, scope.access, group_id)
    return MembersOutput(changed=changed, contact_count=group.contact_count)
