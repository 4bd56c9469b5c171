"""The first start: while nobody has an account, whoever runs the server makes the owner's."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

from tidings.errors import Conflict, Forbidden
from tidings.workspaces.models import User, Workspace
from tidings.workspaces.users import check_person, create_user
from tidings.workspaces.workspace import create_workspace
from tidings.workspaces.workspace_rules import WorkspaceChanges, check_changes

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession
    from starlette.requests import Request

    from tidings.db.database import Database
    from tidings.settings import Settings

log = structlog.get_logger(__name__)

PURPOSE = "setup code"
"""What the code is derived for: all processes of an installation know the same one, and nothing has to be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What the first form asks for."""

    name: str
    email: str
    password: str
    workspace: str
    timezone: str = "UTC"
    default_region: str = "US"


async def is_fresh(database: Database) -> bool:
    """Say whether nobody has an account yet."""
    fresh: bool = await database.pool.fetchval("SELECT NOT EXISTS (SELECT FROM users)")
    return fresh


async def found(session: AsyncSession, founding: Founding) -> tuple[User, Workspace]:
    """Make the owner and the first workspace, in a system session. Raises Conflict once anybody has an account."""
    check_person(email=founding.email, name=founding.name, password=founding.password)
    check_changes(WorkspaceChanges(name=founding.workspace, timezone=founding.timezone, default_region=founding.default_region))
    # Nobody else makes a user until this commits, so that of two who found at once only one becomes the owner.
    await session.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
    if await session.scalar(text("SELECT EXISTS (SELECT FROM users)")):
        raise Conflict("This installation has its owner already. Log in, or ask them to invite you.", code="already_set_up")
    user = await create_user(session, email=founding.email, name=founding.name, password=founding.password, is_operator=True)
    workspace = await create_workspace(
        session, name=founding.workspace, owner_id=user.id, timezone=founding.timezone, default_region=founding.default_region
    )
    return user, workspace


async def announce(database: Database, settings: Settings, code: str) -> None:
    """Tell whoever reads the log how to make the owner's account, where others could reach the form as well."""
    if is_exposed(settings) and await is_fresh(database):
        base = settings.public_url or f"http://{settings.host}:{settings.port}"
        log.warning(
            "first_start", what="nobody has an account yet: open this address to make the owner's", address=f"{base}/setup?code={code}"
        )


def setup_code(key: bytes) -> str:
    """What proves that somebody can read the server's log."""
    return key.hex()[:24]


def is_exposed(settings: Settings) -> bool:
    """Say whether others than this machine may reach the server."""
    return bool(settings.public_url) or not is_loopback(settings.host)


def needs_code(request: Request) -> bool:
    """Say whether the first form asks for the code: always, but for a browser on this very machine.

    A name that merely leads here (DNS rebinding) or a proxy in front counts as others.
    """
    headers = request.headers
    forwarded = any(name in headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"))
    return is_exposed(request.app.state.settings) or forwarded or not is_loopback(request.url.hostname or "")


def demand_code(sent: str, expected: str) -> None:
    """Raises Forbidden when the code is not the one in the log."""
    if not hmac.compare_digest(sent.strip().encode(), expected.encode()):
        raise Forbidden("That is not the setup code. It stands in the server's log, in the line `first_start`.", code="wrong_setup_code")


def is_loopback(host: str) -> bool:
    """Say whether a host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
