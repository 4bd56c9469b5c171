"""Refresh tokens: each buys one new pair of tokens. One that is used twice was stolen, so its whole family ends.

All of it runs in a system session: a sign-in comes before a workspace is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from tidings.core.ids import new_id
from tidings.workspaces.secret_tokens import hash_secret, new_secret

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

LIFETIME = timedelta(days=30)
_PREFIX = "tdr_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """One person's way into one workspace. `secret` is the refresh token."""

    user_id: UUID
    workspace_id: UUID
    family: UUID
    secret: str = field(repr=False)


_ADD = text(
    "INSERT INTO refresh_tokens (token_hash, family, user_id, for_workspace, expires_at) "
    "VALUES (:token_hash, :family, :user_id, :workspace_id, now() + :lifetime)"
)
_FIND = text(
    "SELECT family, user_id, for_workspace, used_at IS NOT NULL AS is_used, revoked_at IS NOT NULL OR expires_at <= now() AS is_over, "
    "EXISTS (SELECT FROM members m JOIN users u ON u.id = m.user_id "
    "        WHERE m.workspace_id = for_workspace AND m.user_id = refresh_tokens.user_id AND u.disabled_at IS NULL) AS is_member "
    "FROM refresh_tokens WHERE token_hash = :token_hash FOR UPDATE"
)
_USE = text("UPDATE refresh_tokens SET used_at = now() WHERE token_hash = :token_hash")
_REVOKE = text("UPDATE refresh_tokens SET revoked_at = now() WHERE family = :family AND revoked_at IS NULL")
_REVOKE_ALL = text("UPDATE refresh_tokens SET revoked_at = now() WHERE user_id = :user_id AND revoked_at IS NULL")


async def start_family(session: AsyncSession, user_id: UUID, workspace_id: UUID) -> SignIn:
    """A new sign-in."""
    return await _next(session, user_id, workspace_id, new_id())


async def use_refresh_token(session: AsyncSession, secret: str) -> SignIn | None:
    """Trade a token for the next of its family. None when it is worth nothing; when it was used before, its family ends.

    Commit in either case: the end of a family must hold although the caller is refused.
    """
    token_hash = hash_secret(secret)
    row = (await session.execute(_FIND, {"token_hash": token_hash})).one_or_none()
    if row is None or row.is_over:
        return None
    if row.is_used or not row.is_member:
        await session.execute(_REVOKE, {"family": row.family})
        return None
    await session.execute(_USE, {"token_hash": token_hash})
    return await _next(session, row.user_id, row.for_workspace, row.family)


async def end_family(session: AsyncSession, family: UUID) -> None:
    """Log out: neither the refresh token nor any access token of this sign-in works from now on."""
    await session.execute(_REVOKE, {"family": family})


async def end_families(session: AsyncSession, user_id: UUID) -> None:
    """Log a person's programs out everywhere."""
    await session.execute(_REVOKE_ALL, {"user_id": user_id})


async def _next(session: AsyncSession, user_id: UUID, workspace_id: UUID, family: UUID) -> SignIn:
    secret = new_secret(_PREFIX)
    values = {"token_hash": hash_secret(secret), "family": family, "user_id": user_id, "workspace_id": workspace_id, "lifetime": LIFETIME}
    await session.execute(_ADD, values)
    return SignIn(user_id=user_id, workspace_id=workspace_id, family=family, secret=secret)
