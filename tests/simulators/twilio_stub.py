"""A Twilio that only says yes, as fast as Python can: for benchmarks, where the other side must not be what is measured.

    python -m tests.simulators.twilio_stub --port 0 [--latency-ms 40]

Every POST is answered 201 with a message of its own sid; `GET /_sim/count` gives `{"count": …, "connections": …}` and
`POST /_sim/reset` sets both to nought. For faults, checks and receipts use `tests.simulators.twilio`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

import uvloop

# What Twilio answers on a message it queued (twilio-oai, api.v2010.account.message), with room for the sid.
_BODY = (
    '{"account_sid":"AC00000000000000000000000000000000","api_version":"2010-04-01","body":"","date_created":"Thu, 24 Aug 2023 05:01:45 +0000",'
    '"date_sent":null,"date_updated":"Thu, 24 Aug 2023 05:01:45 +0000","direction":"outbound-api","error_code":null,"error_message":null,'
    '"from":"+15005550006","messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,"price_unit":"USD",'
    '"sid":"SM%s","status":"queued","subresource_uris":{},"to":"+15551234567","uri":"/"}'
)
_LENGTH = len(_BODY % ("0" * 32))
_BEFORE, _AFTER = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {_LENGTH}\r\n\r\n{_BODY}".encode().split(
    b"%s"
)


class Tally:
    """How many messages were taken, and over how many connections."""

    def __init__(self, latency: float = 0.0) -> None:
        self.count = 0
        self.connections = 0
        self.latency = latency


class Stub(asyncio.Protocol):
    """One connection: answers every whole request in what has arrived, in order."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.tally.connections += 1

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        answers = []
        while True:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                break
            end = head + 4 + _content_length(data, head)
            if len(data) < end:
                break
            answers.append(self.answer(data))
            data = data[end:]
        self.rest = data
        if not answers:
            return
        if self.tally.latency:
            asyncio.get_running_loop().call_later(self.tally.latency, self.transport.write, b"".join(answers))
        else:
            self.transport.write(b"".join(answers))

    def answer(self, request: bytes) -> bytes:
        tally = self.tally
        if request.startswith(b"GET /_sim/count"):
            return _plain({"count": tally.count, "connections": tally.connections})
        if request.startswith(b"POST /_sim/reset"):
            tally.count = tally.connections = 0
            return _plain({})
        if request.startswith(b"GET /2010-04-01/Accounts/"):  # a worker proves its channels now and then
            return _plain({"friendly_name": "Stub", "status": "active", "type": "Full"})
        tally.count += 1
        return b"%b%032x%b" % (_BEFORE, tally.count, _AFTER)


def _content_length(data: bytes, head: int) -> int:
    at = data.find(b"ontent-", 0, head)
    while at >= 0:
        if data[at + 7 : at + 14].lower() == b"length:":
            return int(data[at + 14 : data.find(b"\r\n", at)])
        at = data.find(b"ontent-", at + 7, head)
    return 0


def _plain(value: dict[str, int]) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve(port: int, latency: float) -> None:
    loop = asyncio.get_running_loop()
    tally = Tally(latency)
    server = await loop.create_server(lambda: Stub(tally), "127.0.0.1", port, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.latency_ms / 1000))


if __name__ == "__main__":
    main()
