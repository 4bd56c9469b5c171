"""The workspace of the caller."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from tidings.workspaces import service
from tidings.workspaces.edge import Scope, require
from tidings.workspaces.rules import Permission
from tidings.workspaces.schemas import WorkspaceInput, WorkspaceOutput
from tidings.workspaces.wire import problems

router = APIRouter(prefix="/workspace", tags=["Workspace"])


@router.get("", responses=problems())
async def get_workspace(scope: Annotated[Scope, require(Permission.WORKSPACE_READ)]) -> WorkspaceOutput:
    """Show the workspace of this key or token."""
    return WorkspaceOutput.of(await service.get_workspace(scope.session, scope.access))


@router.patch("", responses=problems())
async def change_workspace(body: WorkspaceInput, scope: Annotated[Scope, require(Permission.WORKSPACE_WRITE)]) -> WorkspaceOutput:
    """Change the workspace. What is left out stays as it is."""
    return WorkspaceOutput.of(await service.change_workspace(scope.session, scope.access, body.changes()))
