"""Idempotency keys: a request that comes twice under one key is carried out once and answered twice.

The key's row is written in the transaction of the work itself, so that either both are there after a crash or neither. A twin that
comes meanwhile waits at the unique index until that transaction ends: then it finds the answer, or, if the work failed, does it.
A request that is refused (an error is raised) keeps no key: correct it and send it again under the same one.
Keys are kept for 24 hours. Endpoints use this through `workspaces.once`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from tidings.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

Answer = tuple[int, Any]
"""A status code and what is written as JSON."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer. `body` is JSON, `replayed` says that the work was done by an earlier request."""

    status_code: int
    body: bytes
    replayed: bool


_RESERVE = text(
    "INSERT INTO idempotency_keys (workspace_id, key, request_hash) VALUES (:workspace_id, :key, :request_hash) "
    "ON CONFLICT (workspace_id, key) DO NOTHING RETURNING 1"
)
_KEEP = text(
    "UPDATE idempotency_keys SET status_code = :status_code, response = CAST(:response AS jsonb) "
    "WHERE workspace_id = :workspace_id AND key = :key"
)
_READ = text("SELECT request_hash, status_code, response::text FROM idempotency_keys WHERE workspace_id = :workspace_id AND key = :key")


async def replay_or_run(
    session: AsyncSession, workspace_id: UUID, key: str, request_hash: bytes, run: Callable[[], Awaitable[Answer]]
) -> Outcome:
    """Carry the work out, or answer as the first time. Raises Conflict when the key was used for another request.

    Nothing may have been read or written in this session before that a twin's work would change.
    """
    identity = {"workspace_id": workspace_id, "key": key}
    try:
        is_first = await session.scalar(_RESERVE, {**identity, "request_hash": request_hash})
    except TimeoutError as error:
        raise Conflict(
            "The same request, sent before this one, is still being carried out. Ask again for its answer under the same key.",
            code="idempotency_in_progress",
            retry_after=5,
        ) from error
    if not is_first:
        return await _replay(session, identity, request_hash)
    status_code, body = await run()
    encoded = msgspec.json.encode(body)
    await session.execute(_KEEP, {**identity, "status_code": status_code, "response": encoded.decode()})
    return Outcome(status_code, encoded, replayed=False)


async def _replay(session: AsyncSession, identity: dict[str, Any], request_hash: bytes) -> Outcome:
    row = (await session.execute(_READ, identity)).one_or_none()
    if row is None or row.status_code is None:
        raise Conflict("The answer of this idempotency key has just expired. Nothing was done; use a new key.", code="idempotency_expired")
    if bytes(row.request_hash) != request_hash:
        raise Conflict(
            "This idempotency key was used for a different request within the last 24 hours. Nothing was done; "
            "send the original request again, or use a new key for the new one.",
            code="idempotency_conflict",
        )
    return Outcome(row.status_code, row.response.encode(), replayed=True)
