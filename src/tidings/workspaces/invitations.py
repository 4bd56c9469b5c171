"""Invitations: a link, good for seven days and for one person, by which they join a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, func, select

from tidings.core.clock import utc_now
from tidings.core.ids import new_id
from tidings.errors import Conflict, Forbidden, NotFound
from tidings.workspaces.access import Access, system_access
from tidings.workspaces.audit import record
from tidings.workspaces.members import demand_hand_out, join, list_members
from tidings.workspaces.models import Invitation, User, Workspace
from tidings.workspaces.rules import Role
from tidings.workspaces.secret_tokens import hash_secret, new_secret
from tidings.workspaces.users import read_email

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from starlette.requests import Request

LIFETIME = timedelta(days=7)
_GONE = "This invitation does not exist, was used already, was withdrawn or is older than a week. Ask for a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """An invitation just made. `secret` is the end of its link, `/join/{secret}`; nobody can read it again."""

    invitation: Invitation
    secret: str = field(repr=False)


async def invite(session: AsyncSession, access: Access, *, email: str, role: Role) -> NewInvitation:
    """Make a link for one person. An earlier one to the same address stops working."""
    demand_hand_out(access, role)
    email = read_email(email)
    if any(member.email == email for member in await list_members(session, access)):
        raise Conflict(f"{email} is a member already; nothing was changed.", code="already_member")
    await session.execute(delete(Invitation).where(Invitation.workspace_id == access.workspace_id, Invitation.email == email))
    secret = new_secret()
    invitation = Invitation(
        workspace_id=access.workspace_id,
        id=new_id(),
        token_hash=hash_secret(secret),
        email=email,
        role=role,
        invited_by=access.actor_label,
        expires_at=utc_now() + LIFETIME,
    )
    session.add(invitation)
    await session.flush()
    await record(session, access, "invitation.created", "invitation", invitation.id, after={"email": email, "role": role})
    return NewInvitation(invitation=invitation, secret=secret)


async def list_invitations(session: AsyncSession, access: Access) -> Sequence[Invitation]:
    """The links that still work, the newest first."""
    query = select(Invitation).where(Invitation.workspace_id == access.workspace_id, Invitation.expires_at > func.now())
    return (await session.scalars(query.order_by(Invitation.id.desc()))).all()


async def withdraw_invitation(session: AsyncSession, access: Access, invitation_id: UUID) -> None:
    """Have a link work no longer. Raises NotFound."""
    invitation = await session.get(Invitation, (access.workspace_id, invitation_id))
    if invitation is None:
        raise NotFound("There is no such invitation in this workspace: it was used or withdrawn.")
    await session.delete(invitation)
    await session.flush()
    await record(session, access, "invitation.withdrawn", "invitation", invitation.id, before={"email": invitation.email})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """What its link shows before it is accepted."""

    invitation: Invitation
    workspace_name: str
    has_account: bool


async def find_invitation(session: AsyncSession, secret: str) -> OpenInvitation:
    """The invitation of a link, in a system session. Raises NotFound."""
    query = (
        select(Invitation, Workspace.name, User.id.is_not(None))
        .join(Workspace, Workspace.id == Invitation.workspace_id)
        .outerjoin(User, User.email == Invitation.email)
        .where(Invitation.token_hash == hash_secret(secret), Invitation.expires_at > func.now())
        .with_for_update(of=Invitation)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(_GONE)
    return OpenInvitation(invitation=found[0], workspace_name=found[1], has_account=found[2])


async def accept_invitation(session: AsyncSession, found: OpenInvitation, user: User) -> UUID:
    """Take the invited person in and use the link up, in a system session; returns the workspace."""
    invitation = found.invitation
    if user.email != invitation.email:
        raise Forbidden(f"This invitation is for {invitation.email}. Log out, and open the link again as that person.")
    access = system_access(invitation.workspace_id, f"Invitation by {invitation.invited_by}")
    await join(session, access, user, Role(invitation.role))
    await session.delete(invitation)
    await session.flush()
    return invitation.workspace_id


def join_url(request: Request, secret: str) -> str:
    """The link to send: at the installation's public address, or else where the caller reached us."""
    base = request.app.state.settings.public_url or str(request.base_url).rstrip("/")
    return f"{base}/join/{secret}"
