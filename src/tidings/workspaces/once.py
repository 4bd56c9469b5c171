"""Lets an endpoint be repeated safely: the `Idempotency-Key` header.

    @router.post("", status_code=201, response_model=MessageOutput)
    async def send_message(body: MessageInput, once: Annotated[Once, idempotent()], scope: Scope = require(...)) -> Response:
        async def send() -> MessageOutput:
            return MessageOutput.of(await service.send_message(scope.session, scope.access, ...))
        return await once.answer(scope, send, status_code=201)

Everything the endpoint does with the database belongs into the inner function.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile as AnyUploadFile

from tidings.db.idempotency import replay_or_run
from tidings.workspaces.edge import Scope

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text of yours that names this request, such as a UUID. Sent again within 24 hours, the request is not carried "
        "out again: you get the first answer, with the header `Idempotency-Replayed: true`.",
        examples=["order-1001-confirmation"],
    ),
]
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Once:
    """One request's key, if it has one, and what tells it from other requests."""

    key: str | None
    request_hash: bytes

    async def answer(self, scope: Scope, run: Callable[[], Awaitable[BaseModel]], *, status_code: int = 200) -> Response:
        """Answer with what `run` gives, carried out once for this key. Without a key it is always carried out."""
        if self.key is None:
            return _json(status_code, (await run()).model_dump_json().encode())

        async def work() -> tuple[int, Any]:
            return status_code, (await run()).model_dump(mode="json")

        outcome = await replay_or_run(scope.session, scope.access.workspace_id, self.key, self.request_hash, work)
        response = _json(outcome.status_code, outcome.body)
        if outcome.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response


def idempotent() -> Any:
    """A FastAPI dependency that gives a `Once`."""

    async def once(request: Request, key: KeyHeader = None) -> Once:
        return Once(key, await _hash(request) if key else b"")

    return Depends(once)


def _json(status_code: int, body: bytes) -> Response:
    return Response(body, status_code=status_code, media_type="application/json")


async def _hash(request: Request) -> bytes:
    """The same for requests that ask for the same: method, path, query, and the body however its JSON is spaced."""
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    if request.headers.get("content-type", "").startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        for name, value in (await request.form()).multi_items():
            digest.update(msgspec.json.encode(name))
            await _add(digest, value)
    else:
        digest.update(_canonical(await request.body()))
    return digest.digest()


async def _add(digest: Any, value: UploadFile | AnyUploadFile | str) -> None:
    if isinstance(value, str):
        digest.update(msgspec.json.encode(value))
        return
    digest.update(msgspec.json.encode([value.filename, value.size]))
    while chunk := await value.read(_CHUNK):
        digest.update(chunk)
    await value.seek(0)


def _canonical(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(body), order="deterministic")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body
