"""Members and invitations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from tidings.workspaces import service
from tidings.workspaces.edge import Scope, require, require_people
from tidings.workspaces.invitations import join_url
from tidings.workspaces.rules import Permission
from tidings.workspaces.schemas import (
    InvitationInput,
    InvitationList,
    InvitationOutput,
    MemberInput,
    MemberList,
    MemberOutput,
    NewInvitationOutput,
    RoleInput,
)
from tidings.workspaces.wire import PathId, problems

router = APIRouter(tags=["Members"])
UserPath = Annotated[UUID, PathId("usr")]


@router.get("/members", responses=problems())
async def list_members(scope: Annotated[Scope, require(Permission.MEMBERS_READ)]) -> MemberList:
    """List everybody in the workspace, by name."""
    return MemberList(items=[MemberOutput.of(one) for one in await service.list_members(scope.session, scope.access)])


@router.post("/members", status_code=201, responses=problems(409))
async def create_member(body: MemberInput, scope: Annotated[Scope, require_people(Permission.MEMBERS_WRITE)]) -> MemberOutput:
    """Make an account for a new person and take them in. Who has an account already gets an invitation instead."""
    made = await service.create_member(
        scope.session, scope.access, email=body.email, name=body.name, password=body.password, role=body.role
    )
    return MemberOutput.of(made)


@router.get("/members/{user_id}", responses=problems(404))
async def get_member(user_id: UserPath, scope: Annotated[Scope, require(Permission.MEMBERS_READ)]) -> MemberOutput:
    """Show one member."""
    return MemberOutput.of(await service.get_member(scope.session, scope.access, user_id))


@router.patch("/members/{user_id}", responses=problems(404, 409))
async def change_role(user_id: UserPath, body: RoleInput, scope: Annotated[Scope, require(Permission.MEMBERS_WRITE)]) -> MemberOutput:
    """Give a member another role. You cannot give or take one that may do more than you."""
    return MemberOutput.of(await service.change_role(scope.session, scope.access, user_id, body.role))


@router.delete("/members/{user_id}", status_code=204, responses=problems(404, 409))
async def remove_member(user_id: UserPath, scope: Annotated[Scope, require(Permission.MEMBERS_WRITE)]) -> None:
    """Send a member away. Their logins and tokens stop working here at once; the last owner stays."""
    await service.remove_member(scope.session, scope.access, user_id)


@router.get("/invitations", responses=problems())
async def list_invitations(scope: Annotated[Scope, require(Permission.MEMBERS_READ)]) -> InvitationList:
    """List the invitations that still work, the newest first."""
    return InvitationList(items=[InvitationOutput.of(one) for one in await service.list_invitations(scope.session, scope.access)])


@router.post("/invitations", status_code=201, responses=problems(409))
async def create_invitation(
    body: InvitationInput, request: Request, scope: Annotated[Scope, require(Permission.MEMBERS_WRITE)]
) -> NewInvitationOutput:
    """Make a link by which one person joins within seven days. An earlier link for the same address stops working."""
    made = await service.invite(scope.session, scope.access, email=body.email, role=body.role)
    return NewInvitationOutput(**InvitationOutput.of(made.invitation).model_dump(), url=join_url(request, made.secret))


@router.delete("/invitations/{invitation_id}", status_code=204, responses=problems(404))
async def withdraw_invitation(
    invitation_id: Annotated[UUID, PathId("inv")], scope: Annotated[Scope, require(Permission.MEMBERS_WRITE)]
) -> None:
    """Have an invitation's link work no longer."""
    await service.withdraw_invitation(scope.session, scope.access, invitation_id)
