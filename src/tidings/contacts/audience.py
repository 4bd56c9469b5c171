"""Whom a campaign reaches: everybody, groups, single contacts, or several of these together, each address once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec

from tidings.core.ids import show_id
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.errors import FieldError, Invalid

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

_SQL = NamedSql("tidings.contacts", "audience.sql")

AUDIENCE_SQL = _SQL.audience_page
"""Selects contact_point_id, contact_id, address, name, locale, timezone, attributes in the order of contact_point_id.

$1 workspace_id uuid, $2 medium text, $3 everybody? boolean, $4 group ids uuid[], $5 contact ids uuid[],
$6 last contact_point_id of the page before (START for the first) uuid, $7 rows at most int. Fit to stand in brackets in a
FROM; opted-out addresses are in it, so that the ledger can account for them.
"""

CONTACTS_SQL = _SQL.contact_page
"""Selects contact_id, name, locale, timezone, attributes in the order of contact_id, whatever addresses they have.

$1 workspace_id uuid, $2 everybody? boolean, $3 group ids uuid[], $4 contact ids uuid[], $5 last contact_id of the page before (START
for the first) uuid, $6 rows at most int.
"""

START = UUID(int=0)
"""Where the first page of an audience begins."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who is meant, as a campaign keeps it."""

    all: bool = False
    groups: tuple[UUID, ...] = ()
    contacts: tuple[UUID, ...] = ()


class AudienceCount(msgspec.Struct, frozen=True, kw_only=True):
    """What an audience comes to on one medium."""

    recipients: int
    """Addresses, the opted-out ones among them."""
    opted_out: int
    without_address: int
    """Contacts who have no address on this medium, and so cannot be reached by it."""


async def audience_page(  # noqa: PLR0917
    connection: asyncpg.Connection, workspace_id: UUID, audience: Audience, medium: str, after_point_id: UUID = START, limit: int = 1000
) -> list[asyncpg.Record]:
    """The next contact points of an audience; an empty list at its end."""
    rows: list[asyncpg.Record] = await connection.fetch(
        AUDIENCE_SQL, workspace_id, medium, audience.all, list(audience.groups), list(audience.contacts), after_point_id, limit
    )
    return rows


async def count_audience(connection: asyncpg.Connection, workspace_id: UUID, audience: Audience, medium: str) -> AudienceCount:
    """How many a campaign to this audience would meet, before it is sent."""
    row: Any
    if audience.all:
        row = await connection.fetchrow(_SQL.count_everybody, workspace_id, medium)
    else:
        row = await connection.fetchrow(_SQL.count_chosen, workspace_id, medium, list(audience.groups), list(audience.contacts))
    return AudienceCount(recipients=row["recipients"], opted_out=row["opted_out"], without_address=row["without_address"])


async def check_audience(session: AsyncSession, workspace_id: UUID, groups: Sequence[UUID], contacts: Sequence[UUID]) -> None:
    """Raises Invalid when a group or contact that was named is not in this workspace, saying which."""
    connection = await raw_connection(session)
    unknown: list[FieldError] = []
    for field, statement, prefix, wanted in (
        ("audience.groups", _SQL.unknown_groups, "grp", groups),
        ("audience.contacts", _SQL.unknown_contacts, "con", contacts),
    ):
        missing = await connection.fetch(statement, workspace_id, list(wanted)) if wanted else []
        unknown += [FieldError(field, f"{show_id(prefix, row['id'])} is not in this workspace") for row in missing]
    if unknown:
        raise Invalid("The audience names groups or contacts that do not exist (any more).", errors=tuple(unknown))
