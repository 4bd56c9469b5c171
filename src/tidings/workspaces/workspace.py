"""The workspace itself: made, read, its settings changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

from tidings.core.ids import new_id, show_id
from tidings.errors import NotFound
from tidings.workspaces.access import Access, system_access
from tidings.workspaces.audit import record
from tidings.workspaces.models import Member, Workspace
from tidings.workspaces.rules import Role
from tidings.workspaces.users import read_name
from tidings.workspaces.workspace_rules import WorkspaceChanges, check_changes

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def create_workspace(
    session: AsyncSession,
    *,
    name: str,
    owner_id: UUID | None = None,
    timezone: str = "UTC",
    default_region: str = "US",
    default_locale: str = "en",
) -> Workspace:
    """Make a workspace, in a system session; `owner_id` is the user who may do everything in it."""
    workspace = Workspace(
        id=new_id(),
        name=read_name(name),
        timezone=timezone,
        default_region=default_region,
        default_locale=default_locale,
        settings={},
    )
    session.add(workspace)
    await session.flush()
    if owner_id is not None:
        session.add(Member(workspace_id=workspace.id, user_id=owner_id, role=Role.OWNER))
        await session.flush()
    after = {"name": workspace.name, "owner": show_id("usr", owner_id) if owner_id else None}
    await record(session, _founder(workspace.id), "workspace.created", "workspace", workspace.id, after=after)
    return workspace


async def get_workspace(session: AsyncSession, access: Access) -> Workspace:
    """The caller's workspace."""
    return await session.get_one(Workspace, access.workspace_id)


async def change_workspace(session: AsyncSession, access: Access, changes: WorkspaceChanges) -> Workspace:
    """Change what is given and leave the rest. Raises Invalid for a timezone, region or language that does not exist."""
    workspace = await session.get(Workspace, access.workspace_id, with_for_update=True)
    if workspace is None:
        raise NotFound("This workspace does not exist any more.")
    check_changes(changes)
    values = {name: value for name, value in asdict(changes).items() if value is not None}
    if "settings" in values:
        values["settings"] = {**workspace.settings, **values["settings"]}
    before = {name: getattr(workspace, name) for name, value in values.items() if getattr(workspace, name) != value}
    for name in before:
        setattr(workspace, name, values[name])
    if before:
        await session.flush()
        after = {name: values[name] for name in before}
        await record(session, access, "workspace.changed", "workspace", workspace.id, before=before, after=after)
    return workspace


def _founder(workspace_id: UUID) -> Access:
    return system_access(workspace_id, "Tidings")
