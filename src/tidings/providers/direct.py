"""The engine's own way out for what it sends by the million: small requests over kept-alive HTTP/1.1 connections on the worker's own loop.

Why not the HTTP library for these too: each of its requests crosses to a thread and back, which costs twice what the request itself does,
and its errors do not tell whether a request left (docs/decisions/0010-sends-on-the-workers-own-loop.md). It still carries all else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
from collections import deque
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from tidings.providers.connection import Connection, Departures
from tidings.providers.exchange import Answer, NoAnswer, NotSent, Request, basic, body_of

IDLE_SECONDS = 30.0
"""Below the idle limit of common servers (60 s and more): a request put on a connection that the other side is just closing would be one
whose fate nobody knows."""
_MOST_ADDRESSES = 4
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
_TARGET = re.compile(r"[!-~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")


class Origin(NamedTuple):
    """Whom connections lead to."""

    scheme: str
    host: str
    port: int


class Target(NamedTuple):
    """An address, taken apart."""

    origin: Origin
    path: str
    """With its query."""
    host_header: str


class Direct:
    """Connections to all hosts, shared by the whole process. Belongs to one event loop."""

    def __init__(self, *, connect_seconds: float, total_seconds: float, wait_seconds: float, max_connections: int) -> None:
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._wait_seconds = wait_seconds
        self._most = max_connections
        self._proxies = getproxies()
        self._tls: ssl.SSLContext | None = None
        self._open = 0
        """Connections that stand or are being made."""
        self._all: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweeping = False

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The one that the first request is made on. To ask Python for it costs a call of the system each time."""
        return asyncio.get_running_loop()

    @cached_property
    def _departures(self) -> Departures:
        return Departures(self._loop)

    def target(self, request: Request) -> Target | None:
        """Where a request goes; None for what is left to the HTTP library: multipart, odd addresses, proxies, TLS without certificates here."""
        if request.guarded or request.files is not None or request.max_answer_bytes is not None:
            return None
        target = _target(request.url)
        if target is None or self._by_proxy(target.origin) or (target.origin.scheme == "https" and not _has_certificates(self._context())):
            return None
        return target

    async def ask(self, request: Request, target: Target, limit: int) -> Answer:
        """Send a request and read its whole answer of at most `limit` bytes. Raises `NotSent` or `NoAnswer`."""
        wire = _wire(request, target)
        connection = await self._borrow(target.origin)
        try:
            return await connection.ask(wire, limit, self._loop.time())
        except NoAnswer as error:
            raise error from None
        except asyncio.CancelledError:
            connection.close()
            raise
        finally:
            self._give_back(target.origin, connection)

    def close(self) -> None:
        """Close all connections. Requests still under way end as `NoAnswer`."""
        for connection in list(self._all):
            if connection.is_busy:
                connection.give_up(NoAnswer("the connection was closed because this process is shutting down"))
            else:
                connection.close()
        self._idle.clear()

    # --- connections --------------------------------------------------------------------------------------------------

    async def _borrow(self, origin: Origin) -> Connection:
        idle = self._idle.setdefault(origin, [])
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                return connection
        if self._open >= self._most or self._waiting:
            await self._turn()
            if idle and (connection := idle.pop()).is_usable:
                return connection
        self._open += 1
        try:
            connection = await self._connect(origin)
        except BaseException:
            self._freed()
            raise
        self._all.add(connection)
        self._sweep_later()
        return connection

    def _give_back(self, origin: Origin, connection: Connection) -> None:
        if connection.is_usable:
            connection.since = self._loop.time()
            self._idle.setdefault(origin, []).append(connection)
            self._next()
        else:
            connection.close()

    def _lost(self, connection: Connection) -> None:
        if connection in self._all:
            self._all.discard(connection)
            self._freed()

    def _freed(self) -> None:
        self._open -= 1
        self._next()

    def _next(self) -> None:
        """Let whoever waits longest try."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _turn(self) -> None:
        """Wait for a place. Idle connections to other hosts make room for it."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                while self._open >= self._most and not self._evict():
                    waiter = self._loop.create_future()
                    self._waiting.append(waiter)
                    await waiter
        except TimeoutError:
            raise NotSent("all connections were busy for too long") from None

    def _evict(self) -> bool:
        for idle in self._idle.values():
            if idle:
                connection = idle.pop(0)
                connection.close()
                self._lost(connection)
                return True
        return False

    async def _connect(self, origin: Origin) -> Connection:
        context = self._context() if origin.scheme == "https" else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._first_that_answers(origin, context)
        except TimeoutError:
            raise NotSent("no connection could be made (it took too long)") from None
        except (OSError, ssl.CertificateError) as error:
            raise NotSent(f"no connection could be made ({_reason(error)})") from None

    async def _first_that_answers(self, origin: Origin, context: ssl.SSLContext | None) -> Connection:
        """Its addresses in the system's order, each given its share of the time: one that does not answer must not hide another that would."""
        found = await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))[:_MOST_ADDRESSES]
        for address in addresses[:-1]:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._connect_seconds / len(addresses)):
                    return await self._stand(address, origin, context)
        return await self._stand(addresses[-1], origin, context)

    async def _stand(self, address: str, origin: Origin, context: ssl.SSLContext | None) -> Connection:
        name = origin.host if context is not None else None
        _, connection = await self._loop.create_connection(
            lambda: Connection(self._loop, self._lost, self._departures), address, origin.port, ssl=context, server_hostname=name
        )
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _by_proxy(self, origin: Origin) -> bool:
        return bool(self._proxies) and bool(self._proxies.get(origin.scheme) or self._proxies.get("all")) and not proxy_bypass(origin.host)

    # --- time ---------------------------------------------------------------------------------------------------------
    # One timer for all connections: a timer a request would be a tenth of what it costs.

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(min(0.25, self._total_seconds / 5), self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        now = self._loop.time()
        for connection in list(self._all):
            age = now - connection.since
            if connection.is_busy and age > self._total_seconds:
                connection.give_up(NoAnswer("no whole answer came in time", timed_out=True))
            elif not connection.is_busy and age > IDLE_SECONDS and connection.since:
                connection.close()
        for origin in [origin for origin, idle in self._idle.items() if not any(one.is_usable for one in idle)]:
            del self._idle[origin]
        if self._all:
            self._sweep_later()


@lru_cache(maxsize=512)
def _target(url: str) -> Target | None:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    host = parts.hostname
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or not _HOST.fullmatch(host) or not _TARGET.fullmatch(path):
        return None
    return Target(Origin(parts.scheme, host, port), path, parts.netloc)


@lru_cache(maxsize=4)
def _has_certificates(context: ssl.SSLContext) -> bool:
    """Whether this Python knows whom to trust; some are built with paths that do not exist here."""
    if context.cert_store_stats()["x509_ca"]:
        return True
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(os.scandir(folder))


def _wire(request: Request, target: Target) -> bytes:
    """The whole request as it leaves. Raises `NotSent` for what cannot be one."""
    try:
        body, content_type = body_of(request)
        given = tuple(request.headers.items()) if request.headers else ()
        path = target.path if request.query is None else _with_query(target.path, request.query)
        head = _head(f"{request.method} {path}", target.host_header, request.auth, content_type, given)
    except Exception as error:  # noqa: BLE001 - an odd header or body; its text could quote a credential
        raise NotSent(f"the request could not be made ({type(error).__name__}): look at the channel's settings", retryable=False) from None
    if body is None:
        return head + (b"\r\n" if request.method == "GET" else b"content-length: 0\r\n\r\n")
    return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)


def _with_query(path: str, query: object) -> str:
    return f"{path}{'&' if '?' in path else '?'}{urlencode(query)}"  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def _head(line: str, host: str, auth: tuple[str, str] | None, content_type: str | None, given: tuple[tuple[str, str], ...]) -> bytes:
    headers = {"host": host, "accept": "application/json", "user-agent": "Tidings"}
    if auth is not None:
        headers["authorization"] = basic(auth)
    if content_type is not None:
        headers["content-type"] = content_type
    headers |= {name.lower(): value for name, value in given}
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name in {"content-length", "transfer-encoding"}:
            raise ValueError("a header that cannot be sent")
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
