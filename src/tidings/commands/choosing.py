"""How a command line names things: by public id, or by name; a workspace need not be named where there is only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidings.core.ids import read_id, show_id
from tidings.errors import Invalid, NotFound

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.models import Channel
    from tidings.contacts.groups.models import Group
    from tidings.workspaces.access import Access
    from tidings.workspaces.models import Workspace

_NONE_YET = (
    "There is no workspace yet. Start `tidings up` and make the owner at the address it prints, or: `tidings workspace create NAME`. "
    "(The demo has an installation of its own: set TIDINGS_HOME to the folder that it names.)"
)
WorkspaceName = Annotated[str | None, typer.Option("--workspace", "-w", help="Its name or id. Not needed where there is only one.")]


async def choose_workspace(session: AsyncSession, wanted: str | None) -> Workspace:
    """The workspace meant. Raises NotFound or Invalid with the names there are."""
    from sqlalchemy import select

    from tidings.workspaces.models import Workspace

    if wanted and (found := read_id("wrk", wanted)):
        workspace = await session.get(Workspace, found)
        matching = [workspace] if workspace else []
    else:
        query = select(Workspace).where(Workspace.name == wanted) if wanted else select(Workspace)
        matching = list((await session.scalars(query.order_by(Workspace.name).limit(20))).all())
    match matching:
        case [only]:
            return only
        case []:
            raise NotFound(
                f"There is no workspace “{wanted}”. Nothing was done; `tidings workspace list` names those there are."
                if wanted
                else _NONE_YET
            )
        case several:
            names = ", ".join(f"{each.name} ({show_id('wrk', each.id)})" for each in several)
            raise Invalid(f"Nothing was done. Say which workspace is meant with --workspace: {names}.")


async def choose_channel(session: AsyncSession, access: Access, wanted: str) -> Channel:
    """The channel meant. Raises NotFound with the names there are."""
    from tidings.channels.service import list_channels

    channels = await list_channels(session, access)
    chosen = read_id("chn", wanted)
    for each in channels:
        if each.id == chosen or each.name.lower() == wanted.lower():
            return each
    there = ", ".join(each.name for each in channels) or "none yet"
    raise NotFound(f"There is no channel “{wanted}” in this workspace. There are: {there}. Nothing was done.")


async def choose_group(session: AsyncSession, access: Access, wanted: str) -> Group:
    """The group meant. Raises NotFound."""
    from tidings.contacts.groups.service import get_group, list_groups

    if chosen := read_id("grp", wanted):
        return await get_group(session, access, chosen)
    found, _ = await list_groups(session, access, search=wanted, limit=200)
    for each in found:
        if each.name.lower() == wanted.lower():
            return each
    raise NotFound(f"There is no group “{wanted}” in this workspace. Nothing was done; `tidings import FILE --group NAME` makes one.")
