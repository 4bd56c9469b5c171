"""People: made, found by e-mail address, given a new password. Runs in a system session, for a user belongs to no workspace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tidings.core.ids import new_id
from tidings.errors import Conflict, FieldError, Invalid
from tidings.workspaces.access import Access, system_access
from tidings.workspaces.audit import record
from tidings.workspaces.models import Member, User
from tidings.workspaces.passwords import check_password, hash_password, verify_password
from tidings.workspaces.refresh_tokens import end_families
from tidings.workspaces.sessions import end_logins

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.workspaces.sessions import Login

# Deliberately loose (https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address is the browser's part): the proof of an
# address is that its owner signs in.
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]+")


async def create_user(session: AsyncSession, *, email: str, name: str, password: str, is_operator: bool = False) -> User:
    """Make a person. Raises Conflict when the address has an account already."""
    user = User(
        id=new_id(),
        email=read_email(email),
        name=read_name(name),
        password_hash=await hash_password(password),
        is_operator=is_operator,
    )
    try:
        async with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        if "users_email_key" not in str(error.orig):
            raise
        raise Conflict(f"{user.email} has an account already; nothing was changed.", code="email_taken") from error
    return user


async def find_user(session: AsyncSession, email: str) -> User | None:
    """The person of an e-mail address, however it is written."""
    return await session.scalar(select(User).where(User.email == email.strip().lower()))


async def change_password(session: AsyncSession, user: User, password: str, *, by: Access | str, keep: Login | None = None) -> None:
    """Give a person a new password, and log them out everywhere but at the browser `keep`; in a system session.

    `by` is who does it: somebody in a workspace, or a name for the operator's own doing, which each of their workspaces is told.
    """
    user.password_hash = await hash_password(password)
    await session.flush()
    await end_logins(session, user.id, but=keep)
    await end_families(session, user.id)
    told = [by] if isinstance(by, Access) else [system_access(each, by) for each in await _workspaces_of(session, user.id)]
    for access in told:
        await record(session, access, "user.password_changed", "user", user.id)


async def _workspaces_of(session: AsyncSession, user_id: UUID) -> Sequence[UUID]:
    return (await session.scalars(select(Member.workspace_id).where(Member.user_id == user_id))).all()


async def check_current_password(database: Database, user_id: UUID, password: str) -> None:
    """Raises Invalid when this is not the person's password."""
    kept = await database.pool.fetchval("SELECT password_hash FROM users WHERE id = $1", user_id)
    if not await verify_password(kept, password):
        raise Invalid("That is not your password.", errors=(FieldError("current", "is not your password"),))


def check_person(*, email: str, name: str, password: str) -> None:
    """Raises Invalid with everything that is wrong with a new person at once."""
    errors: list[FieldError] = []
    for check in (lambda: read_email(email), lambda: read_name(name), lambda: check_password(password)):
        try:
            check()
        except Invalid as error:
            errors.extend(error.errors)
    if errors:
        raise Invalid("Nothing was saved; please look at the fields.", errors=tuple(errors))


def read_email(text: str) -> str:
    """An address as we keep it. Raises Invalid."""
    email = text.strip().lower()
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        raise Invalid("That is not an e-mail address.", errors=(FieldError("email", "must be an e-mail address such as ada@example.com"),))
    return email


def read_name(text: str, field: str = "name") -> str:
    """A name as we keep it. Raises Invalid."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= 200 or "\x00" in name:
        raise Invalid("A name is missing.", errors=(FieldError(field, "must have between 1 and 200 characters"),))
    return name
