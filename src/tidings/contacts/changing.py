"""Contacts changed and deleted, their addresses added and taken away, opted out and in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec

from tidings.contacts.creating import ADDRESSES, conflict, find_holders
from tidings.contacts.models import Address, Contact, ContactPoint
from tidings.contacts.optouts import Source, opt_in, opt_out
from tidings.contacts.reading import SQL, read_contact
from tidings.contacts.rules import check_attributes, check_locale, check_timezone, clean_address, clean_name
from tidings.contacts.workspace_region import default_region
from tidings.core.addresses import is_phone
from tidings.core.ids import new_id
from tidings.core.phone import guess_timezone
from tidings.db.database import raw_connection
from tidings.errors import Conflict, FieldError, Invalid, NotFound
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be different; what is not set stays. None clears a language or a timezone."""

    name: str | None = None
    phone: str | None = None
    locale: str | msgspec.UnsetType | None = msgspec.UNSET
    timezone: str | msgspec.UnsetType | None = msgspec.UNSET
    attributes: dict[str, Any] | None = None
    """Merged into what is there; a key set to None is taken away."""


async def change_contact(session: AsyncSession, access: Access, contact_id: UUID, changes: Changes) -> Contact:
    """Change a contact. Raises Conflict when another one has its new number."""
    connection = await raw_connection(session)
    before = await _locked(connection, access.workspace_id, contact_id)
    timezone = before.timezone
    if changes.phone is not None:
        timezone = await _change_phone(connection, access.workspace_id, before, changes.phone)
    attributes = before.attributes
    if changes.attributes is not None:
        attributes = {key: value for key, value in (attributes | changes.attributes).items() if value is not None}
        check_attributes(attributes)
    await connection.execute(
        SQL.change,
        access.workspace_id,
        contact_id,
        before.name if changes.name is None else clean_name(changes.name),
        before.locale if changes.locale is msgspec.UNSET else check_locale(changes.locale) if changes.locale else None,
        timezone if changes.timezone is msgspec.UNSET else check_timezone(changes.timezone) if changes.timezone else None,
        msgspec.json.encode(attributes).decode(),
    )
    return await _noted(session, access, "contact.changed", before)


async def delete_contact(session: AsyncSession, access: Access, contact_id: UUID) -> None:
    """Delete a contact. That it opted out is kept, by address; its messages stay in their ledgers."""
    connection = await raw_connection(session)
    before = await _locked(connection, access.workspace_id, contact_id)
    await connection.execute(SQL.remove, access.workspace_id, contact_id)
    await record(session, access, "contact.deleted", "contact", contact_id, before=described(before))


async def add_address(session: AsyncSession, access: Access, contact_id: UUID, wanted: Address) -> Contact:
    """Give a contact another address. Raises Conflict when it, or another contact, has it already."""
    connection = await raw_connection(session)
    before = await _locked(connection, access.workspace_id, contact_id)
    if len(before.points) >= ADDRESSES:
        raise Conflict(f"The contact has {ADDRESSES} addresses, which is the most.")
    region = await default_region(connection, access.workspace_id)
    address = clean_address(wanted.medium, wanted.address, region, "address")
    await _demand_free(connection, access.workspace_id, wanted.medium, address, "address")
    await _guarded(connection, SQL.add_point, access.workspace_id, new_id(), contact_id, wanted.medium, address)
    return await _noted(session, access, "contact.address_added", before)


async def remove_address(session: AsyncSession, access: Access, contact_id: UUID, point_id: UUID) -> Contact:
    """Take an address from a contact; the last one stays, or nobody could find it again."""
    connection = await raw_connection(session)
    before = await _locked(connection, access.workspace_id, contact_id)
    if point_id not in {point.id for point in before.points}:
        raise NotFound("The contact has no such address.")
    if len(before.points) == 1:
        raise Conflict("This is the contact's only address. Add another one first, or delete the contact.")
    await connection.execute(SQL.remove_point, access.workspace_id, point_id)
    return await _noted(session, access, "contact.address_removed", before)


async def opt_out_contact(
    session: AsyncSession,
    access: Access,
    contact_id: UUID,
    *,
    medium: str | None = None,
    point_id: UUID | None = None,
    source: Source = "api",
    detail: str = "",
) -> Contact:
    """Send nothing more to a contact: at one address, by one medium, or by all it has."""
    connection = await raw_connection(session)
    before = await _locked(connection, access.workspace_id, contact_id)
    points = _points(before, medium, point_id)
    changed = [await opt_out(connection, access.workspace_id, one.medium, one.address, source, detail) for one in points]
    if not any(changed):
        return before
    return await _noted(session, access, "contact.opted_out", before)


async def opt_in_contact(
    session: AsyncSession, access: Access, contact_id: UUID, *, medium: str | None = None, point_id: UUID | None = None
) -> Contact:
    """Allow messages to a contact again: at one address, by one medium, or by all it has."""
    connection = await raw_connection(session)
    before = await _locked(connection, access.workspace_id, contact_id)
    changed = [await opt_in(connection, access.workspace_id, one.medium, one.address) for one in _points(before, medium, point_id)]
    if not any(changed):
        return before
    return await _noted(session, access, "contact.opted_in", before)


def described(contact: Contact) -> dict[str, Any]:
    """A contact as the audit log shows it."""
    return {
        "name": contact.name,
        "locale": contact.locale,
        "timezone": contact.timezone,
        "attributes": contact.attributes,
        "points": [f"{point.medium}:{point.address}" for point in contact.points],
        "opted_out": [f"{point.medium}:{point.address}" for point in contact.points if point.opted_out_at],
    }


async def _locked(connection: asyncpg.Connection, workspace_id: UUID, contact_id: UUID) -> Contact:
    await connection.fetchval(SQL.lock, workspace_id, contact_id)
    return await read_contact(connection, workspace_id, contact_id)


async def _noted(session: AsyncSession, access: Access, action: str, before: Contact) -> Contact:
    after = await read_contact(await raw_connection(session), access.workspace_id, before.id)
    await record(session, access, action, "contact", before.id, before=described(before), after=described(after))
    return after


async def _change_phone(connection: asyncpg.Connection, workspace_id: UUID, before: Contact, phone: str) -> str | None:
    """Every medium that used the old number uses the new one. Gives the timezone: guessed anew where it was guessed from the old."""
    region = await default_region(connection, workspace_id)
    new = clean_address("sms", phone, region)
    old = before.phone
    if new == old:
        return before.timezone
    points = [point for point in before.points if is_phone(point.medium, point.address) and point.address == old]
    for medium in {point.medium for point in points} or {"sms"}:
        await _demand_free(connection, workspace_id, medium, new, "phone")
    for point in points:
        await _guarded(connection, SQL.move_point, workspace_id, point.id, new)
    if not points:
        await _guarded(connection, SQL.add_point, workspace_id, new_id(), before.id, "sms", new)
    return guess_timezone(new) if before.timezone == (guess_timezone(old) if old else None) else before.timezone


async def _demand_free(connection: asyncpg.Connection, workspace_id: UUID, medium: str, address: str, field: str) -> None:
    holder = (await find_holders(connection, workspace_id, [(medium, address)])).get((medium, address))
    if holder is not None:
        raise conflict(address, holder, field)


async def _guarded(connection: asyncpg.Connection, statement: str, *values: object) -> None:
    try:
        async with connection.transaction():
            await connection.execute(statement, *values)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            "Somebody gave this address to another contact at the same moment. Nothing was changed.", code="contact_exists"
        ) from error


def _points(contact: Contact, medium: str | None, point_id: UUID | None) -> list[ContactPoint]:
    points = [point for point in contact.points if medium in {None, point.medium} and point_id in {None, point.id}]
    if not points:
        raise Invalid(
            f"The contact has no {medium} address." if medium else "The contact has no address.",
            errors=(FieldError("medium", "is not there"),),
        )
    return points
