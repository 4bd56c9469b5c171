"""Who belongs to a workspace, in which role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Select, select

from tidings.errors import Conflict, Forbidden, NotFound
from tidings.workspaces.audit import record
from tidings.workspaces.models import Member, User
from tidings.workspaces.rules import Role, may_hand_out
from tidings.workspaces.users import create_user

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.workspaces.access import Access

_LAST_OWNER = "A workspace needs an owner, and this is the only one. Make somebody else an owner first; nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """A member as lists show them."""

    user_id: UUID
    email: str
    name: str
    role: Role
    joined_at: datetime
    last_login_at: datetime | None


async def list_members(session: AsyncSession, access: Access) -> Sequence[MemberRow]:
    """Everybody in the workspace, by name."""
    query = (
        select(Member, User)
        .join(User, User.id == Member.user_id)
        .where(Member.workspace_id == access.workspace_id)
        .order_by(User.name, User.id)
    )
    return [_row(member, user) for member, user in await session.execute(query)]


async def get_member(session: AsyncSession, access: Access, user_id: UUID) -> MemberRow:
    """One member. Raises NotFound."""
    query = (
        select(Member, User)
        .join(User, User.id == Member.user_id)
        .where(Member.workspace_id == access.workspace_id, Member.user_id == user_id)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound("There is no such member in this workspace.")
    return _row(*found)


async def create_member(session: AsyncSession, access: Access, *, email: str, name: str, password: str, role: Role) -> MemberRow:
    """Make an account for a new person and take them in; needs a session that sees every workspace.

    Raises Conflict for somebody who has an account: nobody is drawn into a workspace unasked, so they get an invitation.
    """
    demand_hand_out(access, role)
    try:
        user = await create_user(session, email=email, name=name, password=password)
    except Conflict as error:
        raise Conflict(
            "This person has an account already, with a password of their own. Send them an invitation instead; nothing was changed.",
            code=error.code,
        ) from error
    return await join(session, access, user, role)


async def join(session: AsyncSession, access: Access, user: User, role: Role) -> MemberRow:
    """Take a person in. Doing it twice changes nothing: who is a member keeps the role they have."""
    member = await session.get(Member, (access.workspace_id, user.id))
    if member is None:
        member = Member(workspace_id=access.workspace_id, user_id=user.id, role=role)
        session.add(member)
        await session.flush()
        await record(session, access, "member.added", "user", user.id, after={"email": user.email, "role": role})
    return _row(member, user)


async def change_role(session: AsyncSession, access: Access, user_id: UUID, role: Role) -> MemberRow:
    """Give a member another role. Raises Forbidden for a role above one's own, and Conflict for the last owner."""
    member = await _lock(session, access, user_id)
    before = Role(member.role)
    if before is not role:
        demand_hand_out(access, before)
        demand_hand_out(access, role)
        if before is Role.OWNER:
            await _demand_other_owner(session, access, user_id)
        member.role = role
        await session.flush()
        await record(session, access, "member.role_changed", "user", user_id, before={"role": before}, after={"role": role})
    return await get_member(session, access, user_id)


async def remove_member(session: AsyncSession, access: Access, user_id: UUID) -> None:
    """Send a member away; their logins and tokens open this workspace no longer. Raises Conflict for the last owner."""
    member = await _lock(session, access, user_id)
    demand_hand_out(access, Role(member.role))
    if member.role == Role.OWNER:
        await _demand_other_owner(session, access, user_id)
    before = {"email": (await get_member(session, access, user_id)).email, "role": member.role}
    await session.delete(member)
    await session.flush()
    await record(session, access, "member.removed", "user", user_id, before=before)


def demand_hand_out(access: Access, role: Role) -> None:
    """Raises Forbidden for a role that may do more than the caller: nobody lifts themselves or others above them."""
    if not may_hand_out(access.permissions, role):
        raise Forbidden(f"The role {role.value} may do more than {access.actor_label}, who can therefore not give or take it.")


async def _lock(session: AsyncSession, access: Access, user_id: UUID) -> Member:
    query = select(Member).where(Member.workspace_id == access.workspace_id, Member.user_id == user_id).with_for_update()
    # Owners are locked together and in one order below: two owners who remove each other must not both succeed, nor deadlock.
    await session.execute(_owners(access).with_for_update())
    member = await session.scalar(query)
    if member is None:
        raise NotFound("There is no such member in this workspace.")
    return member


async def _demand_other_owner(session: AsyncSession, access: Access, user_id: UUID) -> None:
    if not set(await session.scalars(_owners(access))) - {user_id}:
        raise Conflict(_LAST_OWNER, code="last_owner")


def _owners(access: Access) -> Select[UUID]:
    return select(Member.user_id).where(Member.workspace_id == access.workspace_id, Member.role == Role.OWNER).order_by(Member.user_id)


def _row(member: Member, user: User) -> MemberRow:
    return MemberRow(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=Role(member.role),
        joined_at=member.created_at,
        last_login_at=user.last_login_at,
    )
