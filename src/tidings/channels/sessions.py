"""Standing sessions as they are kept: where each stands, for people, and its secret, sealed, for the next run.

`StoredSession` is what a provider's `run_session` is given; the rest reads what it has written.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import segno
from sqlalchemy import select

from tidings.channels import service
from tidings.channels.models import ChannelSession
from tidings.core.clock import utc_now
from tidings.providers import PROVIDERS

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.vault import Vault
    from tidings.db.database import Database
    from tidings.providers.base import Callback, SessionState
    from tidings.workspaces.access import Access

Tell = Callable[[Sequence["Callback"]], Awaitable[None]]
"""Takes in receipts and messages; returns when they are committed."""
Stand = Literal["none", "connecting", "pairing", "connected", "logged_out"]

CODE_SECONDS = 70
"""How long a QR code or a pairing code may be shown: WhatsApp's first lives for 60 seconds, a pairing code is asked for once."""
PAIRING_CODE_SECONDS = 170
LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who runs the session. The fence grows with every taking over."""

    worker_id: UUID
    fence: int


class SessionNotHeld(Exception):
    """Another worker runs this session by now, or its channel was deleted. Nothing was written."""


class StoredSession:
    """The `SessionHost` of one channel, in the database. Each of its methods returns when it is committed.

    With a `holder` everything is refused once another has taken the session over: what a late worker knows of it is stale.
    """

    def __init__(  # noqa: PLR0917
        self, pool: asyncpg.Pool, vault: Vault, workspace_id: UUID, channel_id: UUID, tell: Tell, holder: Holder | None = None
    ) -> None:
        self._pool, self._vault = pool, vault
        self._workspace_id, self._channel_id = workspace_id, channel_id
        self._tell = tell
        self._holder = holder

    async def tell(self, callbacks: Sequence[Callback]) -> None:
        """Hand over receipts and messages."""
        await self._tell(callbacks)

    async def show(self, state: SessionState) -> None:
        """Say where the session stands. Nothing is written for a channel that was deleted meanwhile. Raises SessionNotHeld."""
        pairing = state.state == "pairing"
        await self._write(
            _SHOW, state.state, state.detail[:LONGEST_DETAIL],
            state.qr if pairing else "", state.pairing_code if pairing else "", state.address,
        )  # fmt: skip

    async def keep(self, secret: bytes | None) -> None:
        """Keep the session's secret, sealed; None destroys it. Raises SessionNotHeld."""
        # In a thread: a store of some megabytes takes long enough to hold up everything else.
        sealed = await asyncio.to_thread(self._vault.seal_bytes, secret) if secret is not None else None
        await self._write(_KEEP, sealed)

    async def _write(self, statement: str, *values: object) -> None:
        holder = (self._holder.worker_id, self._holder.fence) if self._holder else (None, None)
        done = await self._pool.execute(statement, self._workspace_id, self._channel_id, *holder, *values)
        if self._holder and done.endswith(" 0"):
            raise SessionNotHeld

    async def kept(self) -> bytes | None:
        """The secret of an earlier run; None where there is none. Raises VaultError when no key fits."""
        sealed = await self._pool.fetchval("SELECT secret FROM channel_sessions WHERE channel_id = $1", self._channel_id)
        return await asyncio.to_thread(self._vault.open_bytes, sealed) if sealed is not None else None


# A deleted channel's session is gone for good: the row is made only for a channel that lives, which is held until it is made.
_LIVES = """
    SELECT c.workspace_id, c.id FROM channels c JOIN channel_standing s ON s.channel_id = c.id
    WHERE c.workspace_id = $1 AND c.id = $2 AND c.deleted_at IS NULL AND ($3::uuid IS NULL OR (s.worker_id = $3 AND s.fence = $4::bigint))
    FOR KEY SHARE OF c FOR SHARE OF s
"""
_SHOW = f"""
    WITH channel AS ({_LIVES})
    INSERT INTO channel_sessions AS s (workspace_id, channel_id, state, detail, qr, pairing_code, address)
    SELECT workspace_id, id, $5, $6, $7, $8, $9 FROM channel
    ON CONFLICT (workspace_id, channel_id) DO UPDATE
    SET state = excluded.state, detail = excluded.detail, qr = excluded.qr, pairing_code = excluded.pairing_code,
        address = CASE WHEN excluded.address = '' THEN s.address ELSE excluded.address END, updated_at = now()
"""
_KEEP = f"""
    WITH channel AS ({_LIVES})
    INSERT INTO channel_sessions (workspace_id, channel_id, state, secret)
    SELECT workspace_id, id, 'connecting', $5 FROM channel
    ON CONFLICT (workspace_id, channel_id) DO UPDATE SET secret = excluded.secret
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSession:
    """Where a session stands, as a person may see it."""

    state: Stand
    detail: str = ""
    qr: str = field(default="", repr=False)
    pairing_code: str = field(default="", repr=False)
    address: str = ""
    updated_at: datetime | None = None
    with_codes: bool = False
    """Whether this person sees the codes once there are any."""
    possible: bool = True
    """False where the channel's provider keeps no session."""


async def get_session(session: AsyncSession, access: Access, channel_id: UUID, *, with_codes: bool) -> ShownSession:
    """Where a channel's session stands; its codes only `with_codes` or to the owner of a personal channel, and while they hold.

    Raises NotFound.
    """
    channel = await service.get_channel(session, access, channel_id)
    provider = PROVIDERS.get(channel.provider)
    if provider is None or not provider.description.capabilities.sessions:
        return ShownSession(
            state="none", detail="This channel's provider keeps no standing session: there is nothing to link.", possible=False
        )
    query = select(ChannelSession).where(ChannelSession.workspace_id == access.workspace_id, ChannelSession.channel_id == channel_id)
    found = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    is_own = channel.owner_id is not None and channel.owner_id == access.user_id
    return shown(found, utc_now(), with_codes=with_codes or is_own)


def shown(found: ChannelSession | None, now: datetime, *, with_codes: bool) -> ShownSession:
    """What may be shown of a stored session at this moment."""
    if found is None:
        return ShownSession(state="none")
    age = now - found.updated_at
    return ShownSession(
        state=found.state,  # type: ignore[arg-type]  # the table takes no other
        detail=found.detail,
        qr=found.qr if with_codes and age < timedelta(seconds=CODE_SECONDS) else "",
        pairing_code=found.pairing_code if with_codes and age < timedelta(seconds=PAIRING_CODE_SECONDS) else "",
        address=found.address,
        updated_at=found.updated_at,
        with_codes=with_codes,
    )


async def look(database: Database, access: Access, channel_id: UUID, *, with_codes: bool) -> ShownSession:
    """The same in a transaction of its own, for pages that stay open."""
    async with database.workspace(access.workspace_id) as session:
        return await get_session(session, access, channel_id, with_codes=with_codes)


def qr_svg(code: str) -> str:
    """The code as a picture: SVG, black on white with the margin that phones need."""
    out = io.BytesIO()
    _qr(code).save(out, kind="svg", border=4, light="#fff", xmldecl=False, omitsize=True)
    return out.getvalue().decode()


def qr_picture(code: str, kind: Literal["svg", "png"] = "svg") -> str:
    """The same as a data: address, which a page's `img` shows."""
    return str(
        _qr(code).svg_data_uri(border=4, light="#fff", omitsize=True) if kind == "svg" else _qr(code).png_data_uri(scale=5, border=4)
    )


def _qr(code: str) -> segno.QRCode:
    return segno.make_qr(code, error="l", boost_error=False)
