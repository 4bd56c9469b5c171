"""What became of a request, proved on real sockets: pyreqwest's own exception classes do not tell it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from tests.simulators.wire import Call, Reply, Server, reply
from tidings.providers.base import ChannelConfig
from tidings.providers.http import Answer, BadAnswer, Http, NoAnswer, NotSent, Request, base_url

SECRET = "sk_live_do_not_tell"


def request(url: str, **changes) -> Request:
    return Request(url=f"{url}/{SECRET}/send", form={"to": "+254711000123"}, auth=("user", SECRET), **changes)


async def answering(answer: Reply | Callable[[Call], Awaitable[Reply]], http: Http, **changes) -> Answer:
    async def handler(call: Call) -> Reply:
        return answer if isinstance(answer, Reply) else await answer(call)

    async with Server(handler) as server:
        return await http.ask(request(server.url, **changes))


@contextlib.asynccontextmanager
async def raw_server(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]):
    """A socket that does what the test says, below HTTP."""

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


# --- certain that nothing left ------------------------------------------------------------------------------------------


async def test_a_refused_connection_sent_nothing(http: Http) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="refused") as error:
            await http.ask(request(f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert error.value.retryable


async def test_an_unknown_host_sent_nothing(http: Http) -> None:
    with pytest.raises(NotSent) as error:
        await http.ask(request("http://no-such-host.invalid"))
    assert error.value.retryable


async def test_a_connection_that_never_stands_sent_nothing() -> None:
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # fill the queue of the listener, so that the next one hangs in connecting
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        async with Http(connect_seconds=0.2, total_seconds=5) as http:
            with pytest.raises(NotSent):
                await http.ask(request(f"http://127.0.0.1:{full.getsockname()[1]}"))


async def test_a_failed_tls_handshake_sent_nothing(http: Http) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        await writer.drain()

    async with raw_server(plain) as url:
        with pytest.raises(NotSent):
            await http.ask(request(url.replace("http", "https")))


async def test_waiting_too_long_for_a_turn_sent_nothing() -> None:
    arrived = 0

    async def silence(_: Call) -> Reply:
        nonlocal arrived
        arrived += 1
        await asyncio.sleep(0.5)
        return reply({})

    async with Http(max_connections=1, wait_seconds=0.1) as http, Server(silence) as server:
        first, second = await asyncio.gather(*[http.ask(request(server.url)) for _ in range(2)], return_exceptions=True)
    assert isinstance(first, Answer)
    assert isinstance(second, NotSent)
    assert arrived == 1


async def test_a_closed_client_sends_nothing(http: Http) -> None:
    await http.close()
    with pytest.raises(NotSent, match="shutting down"):
        await http.ask(request("http://127.0.0.1:9"))
    await http.close()


@pytest.mark.parametrize(
    "wrong",
    [
        Request(url="not an address"),
        Request(url="http://"),
        Request(url="http://127.0.0.1:9/", headers={"apiKey": f"{SECRET}\nwith a line break"}),
        Request(url="http://127.0.0.1:9/", json={"object": object()}),
    ],
)
async def test_a_request_that_cannot_be_made_is_our_own_fault(http: Http, wrong: Request) -> None:
    with pytest.raises(NotSent) as error:
        await http.ask(wrong)
    assert not error.value.retryable
    assert SECRET not in str(error.value)


# --- it may have arrived --------------------------------------------------------------------------------------------------


async def test_silence_proves_nothing(http: Http) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(1)
        return reply({})

    with pytest.raises(NoAnswer) as error:
        await answering(silence, http)
    assert error.value.timed_out


async def test_a_body_that_stalls_proves_nothing(http: Http) -> None:
    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"sid":')
        await writer.drain()
        await asyncio.sleep(2)

    async with raw_server(stalls) as url:
        with pytest.raises(NoAnswer) as error:
            await http.ask(request(url))
    assert error.value.timed_out


async def test_a_reset_after_the_request_proves_nothing(http: Http) -> None:
    with pytest.raises(NoAnswer) as error:
        await answering(Reply(reset=True), http)
    assert not error.value.timed_out


async def test_a_reset_on_a_kept_connection_proves_nothing(http: Http) -> None:
    answers = [reply({}), Reply(reset=True)]
    calls: list[Call] = []

    async def handler(call: Call) -> Reply:
        calls.append(call)
        return answers[len(calls) - 1]

    async with Server(handler) as server:
        await http.ask(request(server.url))
        with pytest.raises(NoAnswer):
            await http.ask(request(server.url))
    assert len(calls) == 2  # above all, it was not quietly sent again


async def test_a_close_without_a_word_proves_nothing(http: Http) -> None:
    with pytest.raises(NoAnswer):
        await answering(Reply(raw=b""), http)


async def test_a_truncated_body_proves_nothing(http: Http) -> None:
    with pytest.raises(NoAnswer):
        await answering(Reply(raw=b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"sid":'), http)


async def test_what_is_not_http_proves_nothing(http: Http) -> None:
    with pytest.raises(NoAnswer):
        await answering(Reply(raw=b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), http)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_huge_answer_is_not_read_to_its_end(http: Http, chunked: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" if chunked else b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n"
    written = 0

    async def pours(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.read(1000)
        writer.write(head)
        for _ in range(1000):
            writer.write(b"9c40\r\n" + b"a" * 40_000 + b"\r\n" if chunked else b"a" * 40_000)
            await writer.drain()
            written += 40_000

    async with raw_server(pours) as url:
        with pytest.raises(BadAnswer, match="more than 20000 bytes"):
            await http.ask(request(url))
    assert written < 30_000_000


async def test_a_compressed_answer_is_not_unfolded(http: Http) -> None:
    seen: list[Call] = []

    async def handler(call: Call) -> Reply:
        seen.append(call)
        return Reply(body=b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"})

    answer = await answering(handler, http)
    assert "accept-encoding" not in seen[0].headers
    assert answer.body == b"\x1f\x8b\x08"


async def test_closing_while_a_request_is_under_way_proves_nothing() -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(5)
        return reply({})

    async with Server(silence) as server:
        http = Http()
        asking = asyncio.create_task(http.ask(request(server.url)))
        await asyncio.sleep(0.1)
        await http.close()
        with pytest.raises(NoAnswer):
            await asking


async def test_cancellation_passes_through(http: Http) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(5)
        return reply({})

    async with Server(silence) as server:
        asking = asyncio.create_task(http.ask(request(server.url)))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


# --- an answer ----------------------------------------------------------------------------------------------------------


async def test_a_form_goes_out_with_its_credentials(http: Http) -> None:
    seen: list[Call] = []

    async def handler(call: Call) -> Reply:
        seen.append(call)
        return Reply(201, b'{"sid": "SM1"}', headers={"Retry-After": "3"})

    answer = await answering(handler, http, headers={"X-Odd": "1"}, query={"q": "a b"})
    assert (answer.status, answer.json(), answer.headers.get("retry-after")) == (201, {"sid": "SM1"}, "3")
    [call] = seen
    assert (call.method, call.path, call.query, call.form) == ("POST", f"/{SECRET}/send", {"q": "a b"}, {"to": "+254711000123"})
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert call.headers["authorization"].startswith("Basic ")
    assert call.headers["x-odd"] == "1"


async def test_json_goes_out_as_json(http: Http) -> None:
    seen: list[Call] = []

    async def handler(call: Call) -> Reply:
        seen.append(call)
        return reply({})

    async with Server(handler) as server:
        await http.ask(Request(url=server.url, json={"text": "Grüße 😀"}))
    assert seen[0].headers["content-type"] == "application/json"
    assert seen[0].json() == {"text": "Grüße 😀"}


async def test_a_redirect_is_an_answer_and_is_not_followed(http: Http) -> None:
    calls: list[Call] = []

    async def handler(call: Call) -> Reply:
        calls.append(call)
        return Reply(307, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    assert (await answering(handler, http)).status == 307
    assert len(calls) == 1


async def test_a_chunked_answer_is_whole(http: Http) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    assert (await answering(Reply(raw=raw), http)).json() == [1, 2]


async def test_connections_are_kept(http: Http) -> None:
    async def handler(_: Call) -> Reply:
        return reply({})

    async with Server(handler) as server:
        for _ in range(5):
            await http.ask(request(server.url))
        assert len(server._connections) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"sid": "SM', b"\xff\xfe", b"[1]"])
def test_an_answer_of_another_shape_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        Answer(status=201, body=body).decode(msgspec.json.Decoder(dict[str, str]))


def test_an_answers_text_is_one_bounded_line() -> None:
    assert Answer(status=500, body=b"<p>\n\tSorry\r\n\xff</p>" + b" x" * 5000).text.startswith("<p> Sorry �</p> x")
    assert len(Answer(status=500, body=b"a" * 50_000).text) == 8_000


# --- secrets ------------------------------------------------------------------------------------------------------------


async def test_no_error_tells_a_secret(http: Http) -> None:
    async def silence(_: Call) -> Reply:
        await asyncio.sleep(1)
        return reply({})

    errors = []
    for answer in (Reply(reset=True), Reply(raw=b"x"), Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"), silence):
        with pytest.raises(NoAnswer) as error:
            await answering(answer, http)
        errors.append(error.value)
    for url in ("http://127.0.0.1:1", "http://no-such-host.invalid"):
        with pytest.raises(NotSent) as refused:
            await http.ask(request(url))
        errors.append(refused.value)
    for told in errors:
        assert SECRET not in f"{told!r} {told} {told.__cause__!r} {told.detail}"
        assert told.__suppress_context__


def test_a_requests_repr_shows_nothing() -> None:
    shown = repr(request("http://x", headers={"apiKey": SECRET}, json={"k": SECRET}, query={"k": SECRET}))
    assert shown == "Request(POST)"


def test_a_channels_own_address_wins() -> None:
    channel = ChannelConfig(sender="", settings={}, credentials={})
    assert base_url(channel, "https://api.example") == "https://api.example"
    elsewhere = ChannelConfig(sender="", settings={}, credentials={}, api_base_url="http://127.0.0.1:1234/")
    assert base_url(elsewhere, "https://api.example") == "http://127.0.0.1:1234"
