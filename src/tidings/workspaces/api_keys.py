"""API keys: made, listed, revoked, recognised."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from tidings.core.ids import new_id
from tidings.errors import FieldError, Forbidden, Invalid, NotFound, Unauthenticated
from tidings.workspaces.access import Access
from tidings.workspaces.audit import record
from tidings.workspaces.models import ApiKey
from tidings.workspaces.rules import Permission
from tidings.workspaces.secret_tokens import API_KEY_PREFIX, hash_secret, new_secret

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database

_NOTE_USE_EVERY = timedelta(minutes=1)
_REFUSED = "This API key is not valid: it does not exist, was revoked or has expired. Create a new one under Settings, API keys."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key just made. `secret` is what the caller sends; nobody can read it again."""

    key: ApiKey
    secret: str = field(repr=False)


async def create_api_key(
    session: AsyncSession, access: Access, *, name: str, scopes: Collection[Permission], expires_at: datetime | None = None
) -> NewApiKey:
    """Make a key. Raises Forbidden when it would carry a right that its maker does not have."""
    excess = sorted(set(scopes) - access.permissions)
    if excess:
        raise Forbidden(f"A key can carry only what you may do yourself. You may not: {', '.join(excess)}. No key was made.")
    _check(name, scopes, expires_at)
    secret = new_secret(API_KEY_PREFIX)
    key = ApiKey(
        workspace_id=access.workspace_id,
        id=new_id(),
        name=name.strip(),
        hint=f"{API_KEY_PREFIX}…{secret[-4:]}",
        key_hash=hash_secret(secret),
        scopes=sorted(scopes),
        created_by=access.actor_id if access.actor_kind == "user" else None,
        expires_at=expires_at,
    )
    session.add(key)
    await session.flush()
    await record(session, access, "api_key.created", "api_key", key.id, after=_described(key))
    return NewApiKey(key=key, secret=secret)


async def list_api_keys(session: AsyncSession, access: Access) -> Sequence[ApiKey]:
    """Every key of the workspace, the newest first; revoked ones too, since somebody may ask what became of one."""
    found = await session.scalars(select(ApiKey).where(ApiKey.workspace_id == access.workspace_id).order_by(ApiKey.id.desc()))
    return found.all()


async def revoke_api_key(session: AsyncSession, access: Access, key_id: UUID) -> None:
    """End a key at once. Doing it twice changes nothing."""
    query = select(ApiKey).where(ApiKey.workspace_id == access.workspace_id, ApiKey.id == key_id).with_for_update()
    key = await session.scalar(query)
    if key is None:
        raise NotFound("There is no such API key in this workspace.")
    if key.revoked_at is None:
        key.revoked_at = datetime.now(UTC)
        await session.flush()
        await record(session, access, "api_key.revoked", "api_key", key.id, before=_described(key))


_FIND = """
SELECT workspace_id, id, name, scopes,
       expires_at <= now() IS TRUE OR revoked_at IS NOT NULL AS is_over,
       last_used_at > now() - $2::interval IS TRUE AS is_noted
FROM api_keys WHERE key_hash = $1
"""
_NOTE_USE = "UPDATE api_keys SET last_used_at = now() WHERE workspace_id = $1 AND id = $2"


async def access_of_key(database: Database, secret: str, ip: str | None) -> Access:
    """Whose key this is. Raises Unauthenticated when it opens nothing."""
    row = await database.pool.fetchrow(_FIND, hash_secret(secret), _NOTE_USE_EVERY)
    if row is None or row["is_over"]:
        raise Unauthenticated(_REFUSED)
    if not row["is_noted"]:
        await database.pool.execute(_NOTE_USE, row["workspace_id"], row["id"])
    return Access(
        workspace_id=row["workspace_id"],
        actor_kind="api_key",
        actor_id=row["id"],
        actor_label=row["name"],
        permissions=frozenset(known for known in Permission if known in row["scopes"]),
        ip=ip,
    )


def _check(name: str, scopes: Collection[Permission], expires_at: datetime | None) -> None:
    errors = []
    if not 1 <= len(name.strip()) <= 200:
        errors.append(FieldError("name", "must have between 1 and 200 characters"))
    if not scopes:
        errors.append(FieldError("scopes", "must name at least one right"))
    if expires_at is not None and expires_at <= datetime.now(UTC):
        errors.append(FieldError("expires_at", "must be in the future"))
    if errors:
        raise Invalid("The key was not made.", errors=tuple(errors))


def _described(key: ApiKey) -> dict[str, object]:
    return {"name": key.name, "hint": key.hint, "scopes": list(key.scopes), "expires_at": key.expires_at}
