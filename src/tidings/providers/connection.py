"""One kept-alive HTTP/1.1 connection, one request at a time: it knows at every moment whether a byte of the request has left.

The answer is read by httptools (llhttp, the parser of Node.js); RFC 9112 is its business. What is decided here is what an answer
that does not come whole proves: nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tidings.providers.exchange import Answer, BadAnswer, NoAnswer, NotSent

_MOST_HEADER_BYTES = 65_536


class Departures:
    """Requests that are made in one round of the loop leave together at its end: whoever reads them is woken once, not once for each."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: list[Connection] = []

    def add(self, connection: Connection) -> None:
        """Let its request out at the end of this round."""
        if not self._ready:
            self._loop.call_soon(self._let_out)
        self._ready.append(connection)

    def _let_out(self) -> None:
        ready, self._ready = self._ready, []
        for connection in ready:
            connection.depart()


class Connection(asyncio.Protocol):
    """Made by `loop.create_connection`. `lost` is called once, when it is no more."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lost: Callable[[Connection], None], departures: Departures) -> None:
        self._loop = loop
        self._lost = lost
        self._departures = departures
        self._wire: bytes | None = None
        """A request of which nothing has left yet."""
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._size = 0
        self._limit = 0
        self._until_close = False
        self._ends = False
        self.since = 0.0
        """When its request left or, while it is idle, when the last one ended; in the loop's seconds."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    @property
    def is_usable(self) -> bool:
        """Whether the next request may go by it."""
        return not self._ends and not self._transport.is_closing()

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._answer is not None

    def ask(self, wire: bytes, limit: int, at: float) -> asyncio.Future[Answer]:
        """Let a whole request out. What comes is a whole answer of at most `limit` bytes, or `NoAnswer`."""
        self._answer = answer = self._loop.create_future()
        self._limit = limit
        self.since = at
        self._wire = wire
        self._departures.add(self)
        return answer

    def depart(self) -> None:
        """Let the request out, unless it was given up or the connection has broken meanwhile: of that the loop tells only after this round."""
        if self._wire is None:
            return
        if self._transport.is_closing():
            self.give_up(NoAnswer("the connection broke"))
            return
        wire, self._wire = self._wire, None
        self._transport.write(wire)

    def give_up(self, error: NoAnswer) -> None:
        """End the request that is under way, and the connection with it: what may still come would be taken for the next one's answer.

        Of a request that has not left yet it is certain that it was not sent.
        """
        answer, self._answer = self._answer, None
        has_left = self._wire is None
        self.close()
        if answer is not None and not answer.done():
            answer.set_exception(error if has_left else NotSent(error.detail))

    def close(self) -> None:
        """Close it at once. A request that has not left stays here."""
        self._ends = True
        self._wire = None
        self._transport.abort()

    # --- what the transport tells -------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._wire is not None:
            self.give_up(NoAnswer("the other side spoke out of turn"))  # nobody has asked yet: it would be the wrong message's answer
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.give_up(BadAnswer(f"an answer that is not HTTP ({type(error).__name__})"))

    def connection_lost(self, error: Exception | None) -> None:
        self._ends = True
        if self._answer is not None:
            if self._until_close and error is None:
                self._complete()
            else:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else "it was closed"
                self.give_up(NoAnswer(f"the connection broke before a whole answer came ({reason})"))
        self._lost(self)

    # --- what the parser tells ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._answer is None:
            self._ends = True
        self._headers = []
        self._body = []
        self._header_bytes = self._size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > _MOST_HEADER_BYTES:
            self.give_up(BadAnswer(f"an answer with more than {_MOST_HEADER_BYTES} bytes of headers"))
        elif self._answer is not None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self._ends = True
            names = {name.lower() for name, _ in self._headers}
            self._until_close = not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            status = self._parser.get_status_code()
            self.give_up(BadAnswer(f"an answer with status {status} and more than {self._limit} bytes"))
        elif self._answer is not None:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:  # "100 Continue" and the like are followed by the answer itself
            self._complete()

    def _complete(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            answer.set_result(Answer(status=self._parser.get_status_code(), headers=Headers(self._headers), body=body))


class Headers(Mapping[str, str]):
    """An answer's headers, read only when somebody asks: of the answers to sends, hardly any is. Of a repeated one the first counts."""

    __slots__ = ("_raw", "_read")

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw
        self._read: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._read is None:
            self._read = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(self._raw)}
        return self._read

    def __getitem__(self, name: str) -> str:
        return self._all()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
