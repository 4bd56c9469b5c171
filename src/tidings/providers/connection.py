"""One kept-alive HTTP/1.1 connection, one request at a time: it knows at every moment whether a byte of the request has left.

The answer is read by httptools (llhttp, the parser of Node.js); RFC 9112 is its business. What is decided here is what an answer
that does not come whole proves: nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tidings.providers.exchange import Answer, BadAnswer, NoAnswer

_MOST_HEADER_BYTES = 65_536


class Connection(asyncio.Protocol):
    """Made by `loop.create_connection`. `lost` is called once, when it is no more."""

    def __init__(self, lost: Callable[[Connection], None]) -> None:
        self._lost = lost
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
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._limit = limit
        self.since = at
        self._transport.write(wire)
        return answer

    def give_up(self, error: NoAnswer) -> None:
        """End the request that is under way, and the connection with it: what may still come would be taken for the next one's answer."""
        answer, self._answer = self._answer, None
        self.close()
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def close(self) -> None:
        """Close it at once."""
        self._ends = True
        self._transport.abort()

    # --- what the transport tells -------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody asked: an answer out of turn would be the wrong message's
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
