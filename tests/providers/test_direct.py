"""What `Direct` does besides what `test_http` holds of every way out: connections kept, bounded and given up, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.simulators import certificates
from tests.simulators.wire import Call, Reply, Server, reply
from tidings.providers import direct
from tidings.providers.direct import Direct
from tidings.providers.exchange import Answer, BadAnswer, File, NoAnswer, NotSent, Request

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.asynccontextmanager
async def listening(serve: Serve, *, tls=None) -> AsyncIterator[str]:
    """A server below HTTP; gives its address."""
    writers = []

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for writer in writers:
            writer.close()


def saying(*parts: bytes, then: float = 0.0) -> Serve:
    """Read a request, say these bytes one after the other, wait, hang up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        await asyncio.sleep(then)

    return serve


@pytest.fixture
async def way() -> AsyncIterator[Direct]:
    opened = Direct(connect_seconds=0.5, total_seconds=0.5, wait_seconds=0.3, max_connections=4)
    yield opened
    opened.close()


async def ask(way: Direct, url: str, limit: int = 20_000, **changes) -> Answer:
    request = Request(url=url, **{"form": {"to": "+254711000123"}, **changes})
    target = way.target(request)
    assert target is not None
    return await way.ask(request, target, limit)


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        ([b"HTTP/1.1 200 OK\r\nTransfer-Enc", b"oding: chunked\r\n\r\n3\r\n[1,\r\n", b"2\r\n2]\r\n0\r\n\r\n"], b"[1,2]"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK], b"{}"),
        ([b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK], b"{}"),
        ([b"HTTP/1.0 200 OK\r\n\r\n{", b"}"], b"{}"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
    ],
)
async def test_an_answer_is_read_however_it_is_cut(way: Direct, parts: list[bytes], body: bytes) -> None:
    async with listening(saying(*parts)) as url:
        assert (await ask(way, url)).body == body


async def test_a_header_that_stands_twice_is_read_once(way: Direct) -> None:
    async with listening(saying(b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nretry-after: 9\r\nContent-Length: 0\r\n\r\n")) as url:
        answer = await ask(way, url)
    assert (answer.headers.get("retry-after"), len(answer.headers), "Retry-After" in answer.headers) == ("3", 2, True)


async def test_endless_headers_are_not_read_to_their_end(way: Direct) -> None:
    lines = [b"X-%d: %b\r\n" % (number, b"a" * 4000) for number in range(40)]
    async with listening(saying(b"HTTP/1.1 200 OK\r\n", *lines)) as url:
        with pytest.raises(BadAnswer, match="bytes of headers"):
            await ask(way, url)


async def test_a_second_answer_to_one_request_is_not_taken_for_the_next_ones(way: Direct) -> None:
    answers = [OK + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"]
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await saying(answers[connections - 1], then=0.2)(reader, writer)

    async with listening(serve) as url:
        assert (await ask(way, url)).body == b"{}"
        assert (await ask(way, url)).body == b"right"


async def test_what_comes_unasked_ends_the_connection(way: Direct) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await saying(OK, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", then=0.2)(reader, writer)

    async with listening(serve) as url:
        await ask(way, url)
        await asyncio.sleep(0.05)
        assert (await ask(way, url)).status == 200
    assert connections == 2


async def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(way: Direct) -> None:
    async with listening(saying(OK)) as url:
        for _ in range(3):
            assert (await ask(way, url)).status == 200
            await asyncio.sleep(0.05)


async def test_a_connection_of_a_server_that_says_close_is_not_used_again(way: Direct) -> None:
    async with listening(saying(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", then=0.2)) as url:
        for _ in range(2):
            assert (await ask(way, url)).body == b"{}"


async def test_an_idle_connection_is_closed(way: Direct, monkeypatch) -> None:
    monkeypatch.setattr(direct, "IDLE_SECONDS", 0.1)
    ended = asyncio.Event()

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"to=%2B254711000123")
        writer.write(OK)
        await reader.read()
        ended.set()

    async with listening(whole) as url:
        await ask(way, url)
        async with asyncio.timeout(2):
            await ended.wait()
    assert way._open == 0


async def test_places_go_to_whoever_waits_and_idle_connections_make_room() -> None:
    way = Direct(connect_seconds=0.5, total_seconds=5, wait_seconds=2, max_connections=2)
    under_way = most = 0

    async def handler(_: Call) -> Reply:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return reply({})

    async with Server(handler) as one, Server(handler) as other:
        answers = await asyncio.gather(*[ask(way, f"{(one, other)[index % 2].url}/") for index in range(20)])
    assert [answer.status for answer in answers] == [200] * 20
    assert most == 2
    way.close()
    await asyncio.sleep(0.01)
    assert way._open == 0


async def test_a_cancelled_request_gives_its_place_back(way: Direct) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(5)
        return reply({})

    async with Server(silence) as server:
        asking = [asyncio.create_task(ask(way, f"{server.url}/")) for _ in range(4)]
        await asyncio.sleep(0.05)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert way._open == 0
        with pytest.raises(NoAnswer):
            await ask(way, f"{server.url}/")


async def test_requests_of_one_round_leave_together(way: Direct) -> None:
    came: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"to=%2B254711000123"):
            came.append(asyncio.get_running_loop().time())
            writer.write(OK)

    async with listening(serve) as url:
        await asyncio.gather(*[ask(way, url) for _ in range(4)])  # four connections stand now
        came.clear()
        asking = [asyncio.create_task(ask(way, url)) for _ in range(4)]
        await asyncio.sleep(0)
        assert all(connection._wire is not None for connection in way._all), "one left before the others were ready"
        assert [answer.status for answer in await asyncio.gather(*asking)] == [200] * 4
    assert len(came) == 4


@pytest.mark.parametrize("end", ["cancelled", "shut down", "the other side speaks", "the other side hangs up", "it breaks"])
async def test_what_ends_before_it_leaves_was_not_sent(way: Direct, end: str) -> None:
    """Between the making of a request and the end of the round in which it leaves."""
    requests = 0
    speak = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.readuntil(b"to=%2B254711000123"):
            requests += 1
            writer.write(OK)
            await speak.wait()
            if end == "the other side hangs up":
                return
            writer.write(OK)

    async with listening(serve) as url:
        await ask(way, url)
        (connection,) = way._all
        asking = asyncio.create_task(ask(way, url))
        await asyncio.sleep(0)
        assert connection.is_busy
        if end == "cancelled":
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        else:
            if end == "shut down":
                way.close()
            elif end == "the other side speaks":
                connection.data_received(OK)
            elif end == "it breaks":
                connection._transport.abort()  # the protocol is told only in the round after
            else:
                connection.connection_lost(None)
            with pytest.raises(NotSent) as error:
                await asking
            assert error.value.retryable
        await asyncio.sleep(0.05)
        assert requests == 1
        speak.set()


async def test_tls_is_spoken_with_whom_this_machine_trusts(way: Direct, tmp_path: Path, monkeypatch) -> None:
    context, trusted = certificates.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with listening(saying(OK), tls=context) as url:
        assert (await ask(way, url)).body == b"{}"


async def test_a_certificate_of_another_host_means_that_nothing_left(way: Direct, tmp_path: Path, monkeypatch) -> None:
    context, trusted = certificates.make(tmp_path, host="another.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    heard = b""

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard = await reader.read(1000)

    async with listening(serve, tls=context) as url:
        with pytest.raises(NotSent, match="TLS"):
            await ask(way, url)
    assert heard == b""


@pytest.mark.parametrize(
    "left",
    [
        Request(url="http://127.0.0.1/", guarded=True),
        Request(url="http://127.0.0.1/", files={"file": File(name="a", content=b"a", content_type="text/plain")}),
        Request(url="http://127.0.0.1/", max_answer_bytes=10_000_000),
        Request(url="http://user:secret@127.0.0.1/"),
        Request(url="http://bücher.example/"),
        Request(url="http://127.0.0.1/with a space"),
        Request(url="ftp://127.0.0.1/"),
        Request(url="http://127.0.0.1:99999999/"),
    ],
)
async def test_what_is_not_small_or_not_plain_is_left_to_the_library(way: Direct, left: Request) -> None:
    assert way.target(left) is None


async def test_a_proxy_of_the_environment_is_left_to_the_library(monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    way = Direct(connect_seconds=1, total_seconds=1, wait_seconds=1, max_connections=1)
    assert way.target(Request(url="https://api.example/")) is None
    assert way.target(Request(url="http://api.example/")) is not None


@pytest.mark.parametrize("headers", [{"a b": "c"}, {"x": "a\r\nb: c"}, {"content-length": "7"}, {"transfer-encoding": "chunked"}])
async def test_a_header_that_would_change_the_request_is_refused(way: Direct, headers: dict[str, str]) -> None:
    with pytest.raises(NotSent) as error:
        await ask(way, "http://127.0.0.1:9/", headers=headers)
    assert not error.value.retryable
