"""The only way out to a provider: one bounded client for the process, and an honest word on what became of a request.

pyreqwest's exception classes do not tell whether a request left: a connection reset after the last byte is a `ConnectError`
there, and a silent server a `ConnectTimeoutError` (seen with 0.15.1; the tests hold it on real sockets). What tells is the
chain of causes of the HTTP library below it: only `client error (Connect)` means that no connection ever stood.
"""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import quote_plus

import msgspec
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PoolTimeoutError, PyreqwestError
from pyreqwest.http import Url
from pyreqwest.multipart import FormBuilder, PartBuilder

from tidings.providers.guard import Address, Guard, Refused

if TYPE_CHECKING:
    from types import TracebackType

    from pyreqwest.client import Client
    from pyreqwest.request import StreamRequest
    from pyreqwest.response import Response

    from tidings.providers.base import ChannelConfig

T = TypeVar("T")
_NEVER_CONNECTED = "client error (Connect)"
GUARDED_CONNECTIONS = 64
"""Requests under way at once to one host that a channel's owner typed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a multipart request."""

    name: str
    content: bytes = field(repr=False)
    content_type: str


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, not yet sent. Its repr shows nothing: addresses, headers and bodies may all hold credentials."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: str
    query: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    json: Any = None
    files: Mapping[str, File] | None = None
    """By name of the part; sent as multipart/form-data together with `form`."""
    body: bytes | None = None
    """A body made elsewhere; its content type is among the headers."""
    headers: Mapping[str, str] | None = None
    """Names in lower case."""
    auth: tuple[str, str] | None = None
    """User name and password of HTTP basic authentication."""
    max_answer_bytes: int | None = None
    """For an answer that may be larger than the client otherwise takes: a file, a page of updates."""
    guarded: bool = False
    """The address was typed in by a workspace's people: it must lead to the public internet, or be allowed by the operator."""

    def __repr__(self) -> str:
        return f"Request({self.method})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. Redirects are answers too: none is followed."""

    status: int
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    body: bytes = b""
    at: float = msgspec.field(default_factory=time.time)
    """When it came, in seconds since 1970: a Retry-After date is measured from here where the answer has no Date."""

    def __repr__(self) -> str:
        return f"Answer({self.status})"

    def json(self) -> Any:
        """The body as plain Python values. Raises `BadAnswer` when it is not JSON."""
        return self.decode(_ANY)

    def decode(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The body as the decoder's type. Raises `BadAnswer` when it is not JSON or not of that shape."""
        try:
            return decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadAnswer(f"an answer with status {self.status} that cannot be understood ({error})") from None

    @property
    def text(self) -> str:
        """The beginning of the body on one line. It may quote our credentials: redact it, then shorten it."""
        return " ".join(self.body[:8_000].decode("utf-8", "replace").split())


_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class NotSent(Exception):
    """Nothing left this machine, for certain: trying again cannot send twice."""

    def __init__(self, detail: str, *, retryable: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retryable = retryable
        """False when our own request was at fault and would be again."""


class NoAnswer(Exception):
    """The request may have arrived, and no whole answer came back."""

    def __init__(self, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.timed_out = timed_out


class BadAnswer(NoAnswer):
    """An answer came that is not what the provider documents, so it proves nothing."""


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
            await self._client.close()
            await self._guard.close()

    async def ask(self, request: Request) -> Answer:
        """Send a request and read its whole answer. Raises `NotSent` or `NoAnswer`, whose texts hold no credentials."""
        if self._closed:
            raise NotSent("this process is shutting down")
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
        # Below the idle limit of common servers (60 s and more): a request put on a connection that the other side
        # is just closing would be one whose fate nobody knows.
        .pool_idle_timeout(timedelta(seconds=30))
    )


def content_of(request: Request) -> tuple[dict[str, str], bytes | None]:
    """Headers and body of a request without files, as they leave."""
    headers = dict(request.headers) if request.headers is not None else {}
    if request.auth is not None:
        headers["authorization"] = _basic(request.auth)
    if request.form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
        return headers, _form_bytes(request.form)
    if request.body is not None:
        return headers, request.body
    if request.json is not None:
        headers["content-type"] = "application/json"
        return headers, msgspec.json.encode(request.json)
    return headers, None


def _build(client: Client, request: Request) -> StreamRequest:
    try:
        wire = client.request(request.method, _parsed(request.url))
        if request.query is not None:
            wire = wire.query(request.query)
        if request.files is not None:
            headers = dict(request.headers) if request.headers is not None else {}
            if request.auth is not None:
                headers["authorization"] = _basic(request.auth)
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


@lru_cache(maxsize=256)
def _basic(auth: tuple[str, str]) -> str:
    """RFC 7617."""
    return "Basic " + base64.b64encode(":".join(auth).encode()).decode()


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


# The library's own form() takes 15 µs for an SMS, a fifth of what a whole request costs; urllib's urlencode takes 20, this 6.
_FORM_LETTERS = {code: chr(code) if chr(code).isalnum() or chr(code) in "*-._" else f"%{code:02X}" for code in range(128)} | {32: "+"}


def _form_bytes(form: Mapping[str, str]) -> bytes:
    """Encoded as the URL standard says: https://url.spec.whatwg.org/#urlencoded-serializing."""
    return "&".join([f"{_form_text(name)}={_form_text(value)}" for name, value in form.items()]).encode("ascii")


def _form_text(text: str) -> str:
    return text.translate(_FORM_LETTERS) if text.isascii() else quote_plus(text, safe="*")


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
