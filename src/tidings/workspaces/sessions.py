"""Logins of the dashboard: a cookie with a long random value, of which the database keeps only the hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from tidings.errors import NotFound
from tidings.workspaces.rules import Role
from tidings.workspaces.secret_tokens import hash_secret, new_secret

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from starlette.requests import Request
    from starlette.responses import Response

    from tidings.db.database import Database
    from tidings.settings import Settings

IDLE = timedelta(days=7)
"""A login ends when it was not used for so long …"""
LONGEST = timedelta(days=90)
"""… and at the latest after this."""
_NOTE_USE_EVERY = timedelta(minutes=5)


class Place(msgspec.Struct, frozen=True):
    """A workspace that the person is a member of."""

    id: UUID
    name: str
    role: Role
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A browser whose person is known."""

    token_hash: bytes
    user_id: UUID
    user_name: str
    user_email: str
    csrf_token: str
    places: tuple[Place, ...]
    place: Place | None
    """Where they are now; None when they are a member of nothing."""


_START = text(
    "INSERT INTO login_sessions (token_hash, user_id, current_workspace, csrf_token, ip, user_agent, expires_at) "
    "VALUES (:token_hash, :user_id, :workspace_id, :csrf_token, :ip, :user_agent, now() + :idle)"
)
_NOTE_LOGIN = text("UPDATE users SET last_login_at = now() WHERE id = :user_id")
_END = text("DELETE FROM login_sessions WHERE token_hash = :token_hash")
_END_OTHERS = text("DELETE FROM login_sessions WHERE user_id = :user_id AND token_hash IS DISTINCT FROM CAST(:kept AS bytea)")
_MOVE = text("UPDATE login_sessions SET current_workspace = :workspace_id WHERE token_hash = :token_hash")
_FIND = """
SELECT s.token_hash, s.csrf_token, s.current_workspace, s.last_seen_at < now() - $2::interval AS is_stale,
       u.id AS user_id, u.name AS user_name, u.email AS user_email,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'name', w.name, 'role', m.role, 'timezone', w.timezone)
                                  ORDER BY lower(w.name), w.id), '[]')
        FROM members m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = u.id) AS places
FROM login_sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = $1 AND s.expires_at > now() AND u.disabled_at IS NULL
"""
_NOTE_USE = """
UPDATE login_sessions SET last_seen_at = now(), expires_at = least(now() + $2::interval, created_at + $3::interval) WHERE token_hash = $1
"""
_PLACES = msgspec.json.Decoder(tuple[Place, ...])


async def start_login(
    session: AsyncSession, user_id: UUID, *, workspace_id: UUID | None = None, ip: str | None = None, user_agent: str | None = None
) -> str:
    """Remember a browser, in a system session; returns the cookie's value."""
    secret = new_secret()
    values: dict[str, Any] = {
        "token_hash": hash_secret(secret),
        "user_id": user_id,
        "workspace_id": workspace_id,
        "csrf_token": new_secret(),
        "ip": ip,
        "user_agent": (user_agent or "")[:500],
        "idle": IDLE,
    }
    await session.execute(_START, values)
    await session.execute(_NOTE_LOGIN, {"user_id": user_id})
    return secret


async def find_login(database: Database, cookie: str | None) -> Login | None:
    """Whose browser this is; None when it is nobody's any more. Using it keeps it alive."""
    if not cookie:
        return None
    row = await database.pool.fetchrow(_FIND, hash_secret(cookie), _NOTE_USE_EVERY)
    if row is None:
        return None
    if row["is_stale"]:
        await database.pool.execute(_NOTE_USE, row["token_hash"], IDLE, LONGEST)
    places = _PLACES.decode(row["places"])
    return Login(
        token_hash=row["token_hash"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        user_email=row["user_email"],
        csrf_token=row["csrf_token"],
        places=places,
        place=next((place for place in places if place.id == row["current_workspace"]), places[0] if places else None),
    )


async def end_login(session: AsyncSession, login: Login) -> None:
    """Log this browser out."""
    await session.execute(_END, {"token_hash": login.token_hash})


async def end_logins(session: AsyncSession, user_id: UUID, *, but: Login | None = None) -> None:
    """Log a person's browsers out everywhere, but for the one they are sitting at."""
    await session.execute(_END_OTHERS, {"user_id": user_id, "kept": but.token_hash if but else None})


async def go_to_workspace(session: AsyncSession, login: Login, workspace_id: UUID | None) -> None:
    """Have the dashboard show another workspace. Raises NotFound when the person is no member of it."""
    if workspace_id not in {place.id for place in login.places}:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    await session.execute(_MOVE, {"token_hash": login.token_hash, "workspace_id": workspace_id})


def read_cookie(request: Request) -> str | None:
    """The cookie's value, if the browser sent one."""
    return request.cookies.get(_name(request.app.state.settings))


def set_cookie(response: Response, settings: Settings, secret: str) -> None:
    """Give the browser its cookie. The server ends a login that is not used; the cookie itself lives as long as any login may."""
    response.set_cookie(
        _name(settings),
        secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response, settings: Settings) -> None:
    """Take the cookie away."""
    response.delete_cookie(_name(settings), path="/", secure=settings.secure_cookies, httponly=True, samesite="lax")


def _name(settings: Settings) -> str:
    # __Host- has browsers insist on https, on no Domain and on Path=/: no subdomain can plant one (RFC 6265bis 4.1.3.2).
    return "__Host-tidings" if settings.secure_cookies else "tidings_session"
