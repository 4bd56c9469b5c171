"""The door for providers: `/hooks/{token}`. A call is proved, read, written down, and only then answered.

Plain ASGI, because thousands of receipts a second come this way.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from asyncpg.exceptions import InterfaceError, PostgresError
from starlette.routing import Route

from tidings.channels.activity import Happened, note_activity
from tidings.channels.runtime import RunningChannel, open_channel_of_hook
from tidings.errors import TidingsError, Unavailable
from tidings.providers.base import HookAnswer, HookRefused, HookRequest
from tidings.receipts.service import understand
from tidings.receipts.writer import WRITE_SECONDS

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send

    from tidings.channels.vault import Vault
    from tidings.db.database import Database
    from tidings.receipts.writer import ReceiptWriter
    from tidings.settings import Settings

log = structlog.get_logger(__name__)

MOST_BYTES = 256 * 1024
"""Of a body. Receipts have a few hundred bytes; the longest texts of people some thousands."""
KEPT_SECONDS = 5.0
MOST_KEPT = 1_000
"""Channels held open between calls; many calls come by the same few."""
NOTED_EVERY_SECONDS = 60.0
_FRESH_SECONDS = 0.5
_LONGEST_TOKEN = 100


class Hooks:
    """The ASGI endpoint. It finds database, vault, settings and writer in `app.state`."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._refusals: OrderedDict[UUID, float] = OrderedDict()
        """When a refusal of each channel's hook was last noted."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token: str = scope["path_params"]["hook_token"]
        state = scope["app"].state
        body = await _read(receive)
        if body is None:
            await _answer(send, 413, b"Too large.")
            return
        try:
            status, answer = await self._handle(state, token, scope, body)
        except TidingsError as error:
            retry = b"%d" % (int(error.retry_after) + 1) if error.retry_after else None
            await _answer(send, error.status_code, error.detail.encode(), retry_after=retry)
        else:
            await _answer(send, status, answer.body, answer.content_type.encode("latin-1"))

    async def _handle(self, state: _State, token: str, scope: Scope, body: bytes) -> tuple[int, HookAnswer]:
        known = await self._open(state, token)
        if known.channel is None:
            return 404, HookAnswer(body=b"There is no such hook.")
        request = _request(scope, token, state.settings.public_url, body)
        try:
            answer = _read_hook(known.channel, request)
        except HookRefused as refused:
            fresh = await self._open(state, token, longest=_FRESH_SECONDS)
            if fresh is known or fresh.channel is None:
                await self._note_refusal(state, known.channel, refused)
                return _refuse(known.channel, refused)
            # Its owner may have changed the credentials just now.
            try:
                answer = _read_hook(fresh.channel, request)
            except HookRefused as again:
                await self._note_refusal(state, fresh.channel, again)
                return _refuse(fresh.channel, again)
            known = fresh
        if answer.callbacks:
            assert known.channel is not None
            await state.receipt_writer.take(understand(known.channel, answer.callbacks))
        return 200, answer

    async def _note_refusal(self, state: _State, channel: RunningChannel, refused: HookRefused) -> None:
        """Once a minute for each channel: whoever knows the address can call it as often as they like."""
        now = time.monotonic()
        if channel.sealed or self._refusals.get(channel.id, -NOTED_EVERY_SECONDS) + NOTED_EVERY_SECONDS > now:
            return
        self._refusals[channel.id] = now
        self._refusals.move_to_end(channel.id)
        if len(self._refusals) > MOST_KEPT:
            self._refusals.popitem(last=False)
        with suppress(PostgresError, InterfaceError, OSError, TimeoutError):
            async with asyncio.timeout(WRITE_SECONDS), state.database.pool.acquire() as connection:
                await note_activity(connection, [Happened(channel.id, "hook_refused", refused.detail)])

    async def _open(self, state: _State, token: str, *, longest: float = KEPT_SECONDS) -> _Known:
        """The channel of a hook, from memory where that is not too old. Calls that come together open it once."""
        now = time.monotonic()
        known = self._known.get(token)
        if known is None or known.at + longest < now:
            known = _Known(asyncio.ensure_future(_load(state, token)), now)
            self._known[token] = known
            if len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
        try:
            known.channel = await asyncio.shield(known.opening)
        except (PostgresError, InterfaceError, OSError, TimeoutError) as error:
            if self._known.get(token) is known:
                del self._known[token]
            raise Unavailable("The database does not answer. Nothing was taken from this call; please repeat it.", retry_after=5) from error
        return known


def mount_hooks(app: Starlette) -> None:
    """Put the hooks into the app, before all other routes: none is called as often."""
    app.router.routes.insert(0, Route("/hooks/{hook_token}", Hooks(), name="hooks", include_in_schema=False))


@dataclass(slots=True, eq=False)
class _Known:
    """A hook's channel as it was at a monotonic time; None where there is none."""

    opening: asyncio.Future[RunningChannel | None]
    at: float
    channel: RunningChannel | None = None


class _State:
    """What the hooks need of `app.state`."""

    database: Database
    vault: Vault
    settings: Settings
    receipt_writer: ReceiptWriter


async def _load(state: _State, token: str) -> RunningChannel | None:
    if len(token) > _LONGEST_TOKEN or "\0" in token:
        return None
    async with asyncio.timeout(WRITE_SECONDS), state.database.pool.acquire() as connection:
        return await open_channel_of_hook(connection, state.vault, state.settings, token)


def _read_hook(channel: RunningChannel, request: HookRequest) -> HookAnswer:
    return channel.provider.read_hook(channel.config, request)


def _refuse(channel: RunningChannel, refused: HookRefused) -> tuple[int, HookAnswer]:
    if channel.sealed:
        # Without its secrets no signature can be checked; the provider is to try again when the key is back.
        return 503, HookAnswer(body=b"The channel's credentials cannot be opened at the moment. Please repeat the call.")
    log.warning("hook_refused", channel_id=str(channel.id), status=refused.status_code, detail=refused.detail)
    return refused.status_code, HookAnswer(body=refused.detail.encode())


def _request(scope: Scope, token: str, public_url: str, body: bytes) -> HookRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode("latin-1")
    base = public_url or _guessed_base(scope, headers)
    return HookRequest(method=scope["method"], url=f"{base}/hooks/{token}" + (f"?{query}" if query else ""), headers=headers, body=body)


def _guessed_base(scope: Scope, headers: dict[str, str]) -> str:
    """Where no public address is set: as a proxy says it was called. Only a right signature gains anything by it."""
    scheme = (headers.get("x-forwarded-proto") or scope.get("scheme") or "http").partition(",")[0].strip()
    host = (headers.get("x-forwarded-host") or headers.get("host") or "localhost").partition(",")[0].strip()
    return f"{scheme}://{host}{scope.get('root_path', '')}"


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large or its sender hung up."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= MOST_BYTES else None
    parts = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
        if len(parts) > MOST_BYTES:
            return None
    return bytes(parts)


async def _answer(send: Send, status: int, body: bytes, content_type: bytes = b"text/plain", *, retry_after: bytes | None = None) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
