"""Central channels: those of the workspace that members' personal messages went by before members had channels of their own.

Members' addresses on them are kept until somebody removes them, so that it is known who has yet to set one up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.channels import personal, service
from tidings.channels.central_list import MOST_LINES
from tidings.channels.models import Channel
from tidings.core.addresses import LABELS, BadAddress, clean_address
from tidings.core.ids import show_id
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.errors import Conflict, NotFound
from tidings.workspaces.audit import record
from tidings.workspaces.models import Workspace
from tidings.workspaces.rules import Permission

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.central_list import Line
    from tidings.workspaces.access import Access

SQL = NamedSql("tidings.channels", "central.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralAddress:
    """Where one member is reached by a central channel."""

    user_id: UUID
    email: str
    name: str
    address: str
    kept_at: datetime
    moved: bool
    """They have a channel of their own for its medium that is on and joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCentral:
    """A member's own address on one central channel."""

    channel_id: UUID
    channel_name: str
    medium: str
    address: str
    kept_at: datetime
    moved: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of a list that could not be kept."""

    email: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a list."""

    added: int
    changed: int
    unchanged: int
    refused: Sequence[Refused]


async def set_central(session: AsyncSession, access: Access, channel_id: UUID, *, central: bool) -> Channel:
    """Mark a channel as central, or no longer. Raises Conflict where members could set up nothing of their own in its place."""
    channel = await service.get_channel(session, access, channel_id, lock=True)
    if central and channel.owner_id is not None:
        raise Conflict("A personal channel is its owner's alone: it cannot be a central one.")
    if central and channel.medium not in own_mediums():
        can = " or ".join(LABELS[one] for one in own_mediums())
        raise Conflict(
            f"Members cannot set up {LABELS[channel.medium]} channels of their own here, so there is nothing to lead them to. "
            f"A central channel is one for {can}; nothing was changed.",
            code="nothing_of_ones_own",
        )
    if channel.is_central != central:
        channel.is_central = central
        await session.flush()
        await record(session, access, "channel.made_central" if central else "channel.central_ended", "channel", channel.id)
    return channel


def own_mediums() -> tuple[str, ...]:
    """The media for which members may set up channels of their own."""
    return tuple(dict.fromkeys(medium for one in personal.personal_providers() for medium in one.capabilities.mediums))


async def keep_addresses(session: AsyncSession, access: Access, channel_id: UUID, lines: Sequence[Line]) -> Kept:
    """Keep members' addresses on a central channel: new ones are added, other ones replace what was kept. Lines that cannot be kept are told.

    Raises NotFound, or Conflict for a channel that is not central.
    """
    access.demand(Permission.MEMBERS_READ)
    channel = await service.get_channel(session, access, channel_id, lock=True)
    if not channel.is_central:
        raise Conflict(f"“{channel.name}” is not marked as central. Mark it first, then keep addresses on it.", code="not_central")
    region = (await session.get_one(Workspace, access.workspace_id)).default_region
    connection = await raw_connection(session)
    emails = [line.email.strip().lower() for line in lines]
    members = {row["email"]: row["id"] for row in await connection.fetch(SQL.members, access.workspace_id, emails)}
    before = {row["user_id"]: row["address"] for row in await connection.fetch(SQL.kept, access.workspace_id, channel_id)}
    wanted, refused = _judge(lines, members, before, medium=channel.medium, region=region)
    new = {user_id: address for user_id, address in wanted.items() if before.get(user_id) != address}
    # Gone first: two members may have exchanged their addresses.
    await connection.execute(SQL.forget, access.workspace_id, channel_id, list(new))
    await connection.execute(SQL.keep, access.workspace_id, channel_id, list(new), list(new.values()))
    changed = len(new.keys() & before.keys())
    done = Kept(added=len(new) - changed, changed=changed, unchanged=len(wanted) - len(new), refused=refused)
    await _record_kept(session, access, channel_id, sorted(email for email, user_id in members.items() if user_id in new))
    return done


async def _record_kept(session: AsyncSession, access: Access, channel_id: UUID, emails: list[str]) -> None:
    """Whose address was kept, in entries of a size that can be read. The addresses themselves are not told."""
    for start in range(0, len(emails), MOST_LINES):
        told = {"members": emails[start : start + MOST_LINES]}
        await record(session, access, "channel.central_addresses_kept", "channel", channel_id, after=told)


def _judge(
    lines: Sequence[Line], members: dict[str, UUID], before: dict[UUID, str], *, medium: str, region: str | None
) -> tuple[dict[UUID, str], list[Refused]]:
    """Whose address is to be which, and the lines that cannot be kept."""
    wanted: dict[UUID, str] = {}
    refused: list[Refused] = []
    for line in lines:
        user_id = members.get(line.email.strip().lower())
        try:
            address = clean_address(medium, line.address, region)
        except BadAddress as error:
            refused.append(Refused(line.email, line.address, f"The address {error.reason}."))
            continue
        if user_id is None:
            refused.append(Refused(line.email, line.address, "Nobody of this e-mail address is a member here. Invite them first."))
        elif wanted.setdefault(user_id, address) != address:
            refused.append(Refused(line.email, line.address, "This member stands in the list twice, with another address."))
    emails = {user_id: email for email, user_id in members.items()}
    while clashing := _clashing(wanted, before):
        for user_id in clashing:
            reason = "This address is another member's too, and it can be one member's alone."
            refused.append(Refused(emails[user_id], wanted.pop(user_id), reason))
    return wanted, refused


def _clashing(wanted: dict[UUID, str], before: dict[UUID, str]) -> list[UUID]:
    """Whose new address would be somebody else's as well. Who is refused keeps the old one, which may clash in turn."""
    held = Counter((before | wanted).values())
    return [user_id for user_id, address in wanted.items() if held[address] > 1 and before.get(user_id) != address]


async def list_addresses(
    session: AsyncSession, access: Access, channel_id: UUID, *, after: str | None = None, limit: int
) -> list[CentralAddress]:
    """Who is kept on a channel, by e-mail address; `after` is the last one shown. Raises NotFound."""
    access.demand(Permission.MEMBERS_READ)
    await service.get_channel(session, access, channel_id)
    connection = await raw_connection(session)
    rows = await connection.fetch(SQL.page, access.workspace_id, channel_id, after, limit)
    return [CentralAddress(**row) for row in rows]


async def remove_address(session: AsyncSession, access: Access, channel_id: UUID, user_id: UUID) -> None:
    """Forget one member's address on a channel. Raises NotFound."""
    await service.get_channel(session, access, channel_id)
    connection = await raw_connection(session)
    if (await connection.execute(SQL.forget, access.workspace_id, channel_id, [user_id])).endswith(" 0"):
        raise NotFound("No address of this member is kept on this channel.")
    await record(session, access, "channel.central_address_removed", "channel", channel_id, before={"member": show_id("usr", user_id)})


async def own_addresses(session: AsyncSession, access: Access) -> list[OwnCentral]:
    """The caller's own addresses on central channels. Raises Conflict for a key, which is nobody."""
    user_id = personal.demand_person(access)
    connection = await raw_connection(session)
    return [OwnCentral(**row) for row in await connection.fetch(SQL.of_member, access.workspace_id, user_id)]
