"""The only way out to a provider: one bounded client for the process, and an honest word on what became of a request.

Small requests to the providers' own hosts, the sends above all, go by `direct`; files, long polls, addresses that people typed in and
whatever `direct` does not take go by pyreqwest. pyreqwest's exception classes do not tell whether a request left: a connection reset after the last byte is a `ConnectError`
there, and a silent server a `ConnectTimeoutError` (seen with 0.15.1; the tests hold it on real sockets). What tells is the
chain of causes of the HTTP library below it: only `client error (Connect)` means that no connection ever stood.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Self

from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PoolTimeoutError, PyreqwestError
from pyreqwest.http import Url
from pyreqwest.multipart import FormBuilder, PartBuilder

from tidings.providers.direct import IDLE_SECONDS, Direct
from tidings.providers.exchange import Answer, BadAnswer, File, NoAnswer, NotSent, Request, basic, body_of
from tidings.providers.guard import Address, Guard, Refused

if TYPE_CHECKING:
    from types import TracebackType

    from pyreqwest.client import Client
    from pyreqwest.request import StreamRequest
    from pyreqwest.response import Response

    from tidings.providers.base import ChannelConfig

__all__ = ["GUARDED_CONNECTIONS", "Answer", "BadAnswer", "File", "Http", "NoAnswer", "NotSent", "Request", "base_url"]

_NEVER_CONNECTED = "client error (Connect)"
GUARDED_CONNECTIONS = 64
"""Requests under way at once to one host that a channel's owner typed in."""


class Http:
    """Kept-alive connections to all providers, shared by the whole process. Close it when the process ends."""

    def __init__(
        self,
        *,
        connect_seconds: float = 5.0,
        total_seconds: float = 30.0,
        wait_seconds: float = 10.0,
        max_connections: int = 512,
        max_answer_bytes: int = 1_048_576,
        may_reach: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`may_reach` tells whether the operator allows a guarded request to this address although it is not public."""
        self._max_answer_bytes = max_answer_bytes
        self._closed = False
        self._direct = Direct(
            connect_seconds=connect_seconds, total_seconds=total_seconds, wait_seconds=wait_seconds, max_connections=max_connections
        )
        client = partial(_builder, connect_seconds, total_seconds, wait_seconds)
        self._client = client(max_connections).build()
        self._guard = Guard(partial(client, GUARDED_CONNECTIONS), may_reach, connect_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Requests still under way end as `NoAnswer`, later ones as `NotSent`."""
        if not self._closed:
            self._closed = True
            self._direct.close()
            await self._client.close()
            await self._guard.close()

    async def ask(self, request: Request) -> Answer:
        """Send a request and read its whole answer. Raises `NotSent` or `NoAnswer`, whose texts hold no credentials."""
        if self._closed:
            raise NotSent("this process is shutting down")
        target = self._direct.target(request)
        if target is not None:
            return await self._direct.ask(request, target, self._max_answer_bytes)
        if not request.guarded:
            return await self._send(self._client, request)
        found = await self._check(request.url)
        if found is None:
            return await self._send(self._client, request)
        host, (*others, last) = found
        for address in others:
            with contextlib.suppress(NotSent):
                return await self._send(self._guard.client(host, address), request)
        return await self._send(self._guard.client(host, last), request)

    async def vet(self, url: str) -> None:
        """Say whether a guarded request to this address would be let out, without sending one. Raises `NotSent`."""
        await self._check(url)

    async def _check(self, url: str) -> tuple[str, Sequence[Address]] | None:
        try:
            return await self._guard.check(url)
        except Refused as error:
            raise NotSent(error.detail, retryable=error.retryable) from None

    async def _send(self, client: Client, request: Request) -> Answer:
        wire = _build(client, request)
        try:
            async with wire as response:
                body = await self._read(response, request.max_answer_bytes or self._max_answer_bytes)
                return Answer(status=response.status, headers=_Headers(response), body=body)
        except NoAnswer:
            raise
        except PyreqwestError as error:
            raise _explain(error) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            raise NoAnswer(f"an unexpected {type(error).__name__} while the request was under way") from None

    async def _read(self, response: Response, limit: int) -> bytes:
        reader = response.body_reader
        length = response.get_header("content-length")
        if length is not None and length.isdecimal() and int(length) <= limit:
            return (await reader.bytes()).to_bytes()
        parts = bytearray()
        while (part := await reader.read(65_536)) is not None:
            parts += memoryview(part)
            if len(parts) > limit:
                raise BadAnswer(f"an answer with status {response.status} and more than {limit} bytes")
        return bytes(parts)


def _builder(connect_seconds: float, total_seconds: float, wait_seconds: float, max_connections: int) -> ClientBuilder:
    return (
        ClientBuilder()
        .follow_redirects(False)  # a redirected POST would carry credentials and texts to another host
        # Answers are small; without decompression no small answer can unfold into a huge one.
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent("Tidings")
        .default_headers({"accept": "application/json"})
        .connect_timeout(timedelta(seconds=connect_seconds))
        .timeout(timedelta(seconds=total_seconds))
        .max_connections(max_connections)
        .pool_timeout(timedelta(seconds=wait_seconds))
        .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
    )


def content_of(request: Request) -> tuple[dict[str, str], bytes | None]:
    """Headers and body of a request without files, as they leave."""
    headers = dict(request.headers) if request.headers is not None else {}
    if request.auth is not None:
        headers["authorization"] = basic(request.auth)
    body, content_type = body_of(request)
    if content_type is not None:
        headers["content-type"] = content_type
    return headers, body


def _build(client: Client, request: Request) -> StreamRequest:
    try:
        wire = client.request(request.method, _parsed(request.url))
        if request.query is not None:
            wire = wire.query(request.query)
        if request.files is not None:
            headers = dict(request.headers) if request.headers is not None else {}
            if request.auth is not None:
                headers["authorization"] = basic(request.auth)
            return wire.multipart(_multipart(request.form or {}, request.files)).headers(headers).build_streamed()
        headers, body = content_of(request)
        if body is not None:
            wire = wire.body_bytes(body)
        return wire.headers(headers).build_streamed()
    except Exception as error:  # noqa: BLE001 - an odd address or header; its text could quote a credential
        raise NotSent(f"the request could not be made ({type(error).__name__}): look at the channel's settings", retryable=False) from None


@lru_cache(maxsize=256)
def _parsed(url: str) -> Url:
    return Url(url)


class _Headers(Mapping[str, str]):
    """An answer's headers, copied only when somebody asks: of the answers to sends, hardly any is."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def __getitem__(self, name: str) -> str:
        return self._response.headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._response.headers)

    def __len__(self) -> int:
        return len(self._response.headers)


def _multipart(form: Mapping[str, str], files: Mapping[str, File]) -> FormBuilder:
    parts = FormBuilder()
    for name, value in form.items():
        parts = parts.text(name, value)
    for name, file in files.items():
        parts = parts.part(name, PartBuilder.from_bytes(file.content).mime(file.content_type).file_name(file.name))
    return parts


def base_url(channel: ChannelConfig, default: str) -> str:
    """Where this channel's API lives, without a slash at the end."""
    return (channel.api_base_url or default).rstrip("/")


def _explain(error: PyreqwestError) -> NotSent | NoAnswer:
    causes = _causes(error)
    if isinstance(error, PoolTimeoutError):
        return NotSent("all connections were busy for too long")
    if _NEVER_CONNECTED in causes:
        return NotSent(f"no connection could be made ({causes[-1]})")
    if isinstance(error, TimeoutError):
        return NoAnswer("no whole answer came in time", timed_out=True)
    # The first cause quotes the address, and addresses may hold tokens: only a deeper one is told.
    reason = causes[-1] if len(causes) > 1 else error.message
    return NoAnswer(f"the connection broke before a whole answer came ({reason})")


def _causes(error: PyreqwestError) -> list[str]:
    if not isinstance(error, DetailedPyreqwestError):
        return []
    with contextlib.suppress(KeyError, TypeError):  # the causes are for telling only; a strange list is as good as none
        return [cause["message"] for cause in error.details["causes"] or []]
    return []
