"""Access tokens: a signed statement (JWT, RFC 7519) of who signed in where, good for 15 minutes.

What the person may do is not in it but read at each request, so that a changed role, a removal or a log-out holds at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from tidings.core.clock import utc_now
from tidings.core.ids import read_id, show_id
from tidings.errors import Unauthenticated
from tidings.workspaces.access import Access
from tidings.workspaces.rules import PERMISSIONS, Role

if TYPE_CHECKING:
    from tidings.db.database import Database

LIFETIME = timedelta(minutes=15)
PURPOSE = "access tokens"
"""What the signing keys are derived for."""
_ALGORITHM = "HS256"
_ISSUER = "tidings"
_CLAIMS = ("iss", "sub", "workspace", "family", "iat", "exp")
_REFUSED = "This access token is not valid or has expired. Get a new one with `POST /api/v1/auth/refresh`, or sign in again."


def write_access_token(key: bytes, *, user_id: UUID, workspace_id: UUID, family: UUID) -> str:
    """A token for one person in one workspace; `family` ties it to the sign-in it came from."""
    now = utc_now()
    claims = {
        "iss": _ISSUER,
        "sub": show_id("usr", user_id),
        "workspace": show_id("wrk", workspace_id),
        "family": str(family),
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


_FIND = """
SELECT m.role, u.email FROM members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL
  AND EXISTS (SELECT FROM refresh_tokens r WHERE r.family = $3 AND r.user_id = $2 AND r.revoked_at IS NULL)
"""


async def access_of_token(database: Database, keys: Sequence[bytes], token: str, ip: str | None) -> Access:
    """Who signed in. Raises Unauthenticated when the token is not ours, is too old, or its person may no longer come in."""
    user_id, workspace_id, family = read_access_token(keys, token)
    row = await database.pool.fetchrow(_FIND, workspace_id, user_id, family)
    if row is None:
        raise Unauthenticated("This sign-in has ended: you logged out, or are no longer a member of the workspace.")
    return Access(
        workspace_id=workspace_id,
        actor_kind="user",
        actor_id=user_id,
        actor_label=row["email"],
        permissions=PERMISSIONS[Role(row["role"])],
        ip=ip,
    )


def read_access_token(keys: Sequence[bytes], token: str) -> tuple[UUID, UUID, UUID]:
    """The person, workspace and family of a token that one of these keys signed. Raises Unauthenticated."""
    for key in keys:
        try:
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM], issuer=_ISSUER, options={"require": list(_CLAIMS)})
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError:
            break
        return _ids(claims)
    raise Unauthenticated(_REFUSED)


def _ids(claims: dict[str, Any]) -> tuple[UUID, UUID, UUID]:
    user_id, workspace_id = read_id("usr", claims["sub"]), read_id("wrk", claims["workspace"])
    if user_id is None or workspace_id is None:
        raise Unauthenticated(_REFUSED)
    return user_id, workspace_id, UUID(claims["family"])
