"""Who is on what: the members' own channels and their addresses on central ones, for those who run the workspace.

Of a personal channel they learn that it is there, of which provider and how it stands; never its name, or what it carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

SQL = NamedSql("tidings.channels", "overview.sql")
Only = Literal["own", "central", "still_central"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All of them, counted."""

    channels: int
    active_members: int
    """Members with a channel of their own that is on, linked and not stopped."""
    failed_24h: int
    still_central: int
    """Members who are on a central channel and have none of their own in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnWhat:
    """One member on one channel."""

    user_id: UUID
    email: str
    name: str
    channel_id: UUID
    """Where a list goes on from; of a personal channel it opens nothing to anybody else."""
    kind: Literal["own", "central"]
    channel_name: str | None
    """Of central ones."""
    provider: str
    medium: str
    state: Literal["active", "disabled", "stopped"]
    joined: bool
    moved: bool | None
    """Whether somebody on a central channel has one of their own by now."""
    last_used_at: datetime | None


async def count_all(session: AsyncSession, access: Access) -> Totals:
    """The numbers above the table."""
    row = await (await raw_connection(session)).fetchrow(SQL.totals, access.workspace_id)
    assert row is not None
    return Totals(**row)


async def list_members(
    session: AsyncSession, access: Access, *, search: str = "", only: Only | None = None, after: tuple[str, UUID] | None = None, limit: int
) -> list[OnWhat]:
    """The table, by e-mail address; `after` is the address and channel of the last row shown."""
    access.demand(Permission.MEMBERS_READ)
    connection = await raw_connection(session)
    rows = await connection.fetch(SQL.page, access.workspace_id, search.strip(), only, *(after or (None, None)), limit)
    return [OnWhat(**row) for row in rows]
