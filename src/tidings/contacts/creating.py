"""New contacts: one, or many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from tidings.contacts.models import Address, Contact, NewContact
from tidings.contacts.reading import SQL, read_contact
from tidings.contacts.rules import check_attributes, check_locale, check_timezone, clean_address, clean_name
from tidings.contacts.workspace_region import default_region
from tidings.core.addresses import is_phone
from tidings.core.ids import new_id, show_id
from tidings.core.phone import guess_timezone
from tidings.db.database import raw_connection
from tidings.errors import Conflict, FieldError, Invalid, TidingsError
from tidings.workspaces.audit import record

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

BULK: Final = 1_000
ADDRESSES: Final = 20
"""Addresses of one contact at most."""
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of one of many: the new contact's id, or why there is none."""

    contact_id: UUID | None = None
    error: TidingsError | None = None


async def create_contact(session: AsyncSession, access: Access, wanted: NewContact) -> Contact:
    """Make a contact. Raises Invalid for what cannot be used, Conflict when another contact has one of the addresses."""
    (made,) = await create_contacts(session, access, [wanted])
    if made.error is not None:
        raise made.error
    assert made.contact_id is not None
    return await read_contact(await raw_connection(session), access.workspace_id, made.contact_id)


async def create_contacts(session: AsyncSession, access: Access, wanted: Sequence[NewContact]) -> list[Made]:
    """Make up to 1000 contacts, each with a verdict of its own: one that cannot be made keeps no other from being made."""
    if len(wanted) > BULK:
        raise Invalid(f"{len(wanted):,} contacts are too many for one call; {BULK:,} are the most. A spreadsheet import takes more.")
    connection = await raw_connection(session)
    region = await default_region(connection, access.workspace_id)
    checked = [_checked(one, region) for one in wanted]
    good = [one for one in checked if isinstance(one, NewContact)]
    holders = await find_holders(connection, access.workspace_id, [_key(address) for one in good for address in one.addresses])
    made: list[Made] = []
    fresh: dict[UUID, NewContact] = {}
    for one in checked:
        if isinstance(one, TidingsError):
            made.append(Made(error=one))
        elif (taken := _taken(one, holders)) is not None:
            made.append(Made(error=taken))
        else:
            contact_id = new_id()
            fresh[contact_id] = one
            holders.update((_key(address), (contact_id, one.name)) for address in one.addresses)
            made.append(Made(contact_id=contact_id))
    if fresh:
        await _write(connection, access.workspace_id, fresh)
        await _note(session, access, fresh)
    return made


async def find_holders(connection: asyncpg.Connection, workspace_id: UUID, keys: Sequence[_Key]) -> dict[_Key, tuple[UUID, str]]:
    """Which contacts, by id and name, have these (medium, address) pairs."""
    media, addresses = [key[0] for key in keys], [key[1] for key in keys]
    rows = await connection.fetch(SQL.holders, workspace_id, media, addresses) if keys else []
    return {(row["medium"], row["address"]): (row["contact_id"], row["name"]) for row in rows}


def conflict(address: str, holder: tuple[UUID, str], field: str = "phone") -> Conflict:
    """Another contact has this address: which."""
    contact_id, name = holder
    who = f"{name} ({show_id('con', contact_id)})" if name else show_id("con", contact_id)
    return Conflict(
        f"The contact {who} has {address} already. Nothing was changed.",
        errors=(FieldError(field, f"belongs to {show_id('con', contact_id)}"),), code="contact_exists",
    )  # fmt: skip


def _checked(wanted: NewContact, region: str) -> NewContact | TidingsError:
    """The contact in its final form, or what is wrong with it."""
    try:
        return _final(wanted, region)
    except Invalid as error:
        return error


def _final(wanted: NewContact, region: str) -> NewContact:
    if not wanted.addresses:
        raise Invalid("A contact needs a phone number or another address.", errors=(FieldError("phone", "is missing"),))
    if len(wanted.addresses) > ADDRESSES:
        raise Invalid(f"A contact has {ADDRESSES} addresses at most.", errors=(FieldError("phone", "there are too many"),))
    check_attributes(wanted.attributes)
    addresses = {
        (one.medium, final): Address(medium=one.medium, address=final)
        for one in wanted.addresses
        if (final := clean_address(one.medium, one.address, region))
    }
    phone = next((one.address for one in addresses.values() if is_phone(one.medium, one.address)), None)
    return NewContact(
        name=clean_name(wanted.name),
        addresses=tuple(addresses.values()),
        locale=check_locale(wanted.locale) if wanted.locale else None,
        timezone=check_timezone(wanted.timezone) if wanted.timezone else guess_timezone(phone) if phone else None,
        attributes=wanted.attributes,
    )


def _taken(wanted: NewContact, holders: dict[_Key, tuple[UUID, str]]) -> Conflict | None:
    for address in wanted.addresses:
        holder = holders.get(_key(address))
        if holder is not None:
            return conflict(address.address, holder)
    return None


async def _write(connection: asyncpg.Connection, workspace_id: UUID, fresh: dict[UUID, NewContact]) -> None:
    contacts = list(fresh.values())
    points = [(new_id(), contact_id, one.medium, one.address) for contact_id, contact in fresh.items() for one in contact.addresses]
    values: tuple[list[Any], ...] = (
        list(fresh), [one.name for one in contacts], [one.locale for one in contacts], [one.timezone for one in contacts],
        [msgspec.json.encode(one.attributes).decode() for one in contacts], *(list(column) for column in zip(*points, strict=True)),
    )  # fmt: skip
    try:
        async with connection.transaction():
            await connection.execute(SQL.add_contacts, workspace_id, *values)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            "Somebody made a contact with one of these addresses at the same moment. Nothing was changed; try again.", code="contact_exists"
        ) from error


async def _note(session: AsyncSession, access: Access, fresh: dict[UUID, NewContact]) -> None:
    if len(fresh) == 1:
        ((contact_id, contact),) = fresh.items()
        after = {"name": contact.name, "points": [f"{one.medium}:{one.address}" for one in contact.addresses]}
        await record(session, access, "contact.created", "contact", contact_id, after=after)
    else:
        shown = [show_id("con", contact_id) for contact_id in fresh]
        await record(session, access, "contact.bulk_created", "contact", None, after={"count": len(fresh), "contacts": shown})


def _key(address: Address) -> _Key:
    return (address.medium, address.address)
