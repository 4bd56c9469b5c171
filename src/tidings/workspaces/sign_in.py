"""Signing in with e-mail address and password, by the dashboard or by a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from tidings.errors import Unauthenticated
from tidings.workspaces.passwords import needs_rehash, rehash_password, verify_password
from tidings.workspaces.rate_limit import limit

if TYPE_CHECKING:
    from tidings.db.database import Database

log = structlog.get_logger(__name__)

_WRONG = "The e-mail address or the password is wrong."
_FIND = "SELECT id, email, name, password_hash, disabled_at IS NOT NULL AS is_disabled FROM users WHERE email = $1"
_PLACES = """
SELECT w.id, w.name FROM members m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = $1 ORDER BY m.created_at, w.id
"""
_KEEP_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whose password was right."""

    user_id: UUID
    email: str
    name: str
    places: tuple[tuple[UUID, str], ...]
    """The workspaces they are a member of, with their names, the first joined first."""


async def sign_in(database: Database, *, email: str, password: str, ip: str | None, attempts_per_minute: int) -> Person:
    """Check a password. Raises Unauthenticated, or RateLimited after too many tries from one place or for one account.

    An address without an account takes as long and says the same as a wrong password.
    """
    email = email.strip().lower()
    await limit(database, f"login:ip:{ip}", attempts_per_minute * 3)  # several people may sit behind one address
    await limit(database, f"login:email:{email}", attempts_per_minute)
    row = await database.pool.fetchrow(_FIND, email)
    is_right = await verify_password(row["password_hash"] if row else None, password)
    if row is None or not is_right or row["is_disabled"]:
        log.info("sign_in_refused", ip=ip)
        raise Unauthenticated(_WRONG, code="wrong_password")
    if needs_rehash(row["password_hash"]):
        await database.pool.execute(_KEEP_HASH, row["id"], row["password_hash"], await rehash_password(password))
    places = tuple((place["id"], place["name"]) for place in await database.pool.fetch(_PLACES, row["id"]))
    return Person(user_id=row["id"], email=row["email"], name=row["name"], places=places)
