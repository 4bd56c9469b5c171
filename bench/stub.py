"""The stub of `tests.simulators.twilio_stub`, which also knows when requests came.

    python -m bench.stub --port 0 [--log]

`GET /_sim/count` adds `first` and `last`, the times of the first and the last message in seconds since 1970. With `--log`,
`GET /_sim/arrivals` gives `{"reference": time, …}` for every text that holds `ref-<letters and digits>`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import time

import uvloop

from tests.simulators.twilio_stub import Stub, Tally

_REFERENCE = re.compile(rb"ref-([0-9a-z]+)")


class TimedTally(Tally):
    """A tally with times."""

    def __init__(self, *, log: bool) -> None:
        super().__init__()
        self.log = log
        self.first = self.last = 0.0
        self.arrivals: dict[str, float] = {}


class TimedStub(Stub):
    """One connection, each message timed when it is read whole."""

    tally: TimedTally

    def answer(self, request: bytes) -> bytes:
        tally = self.tally
        if not request.startswith((b"GET /_sim", b"POST /_sim")):
            tally.last = time.time()
            tally.first = tally.first or tally.last
            if tally.log and (found := _REFERENCE.search(request)):
                tally.arrivals.setdefault(found[1].decode(), tally.last)
            return super().answer(request)
        if request.startswith(b"GET /_sim/count"):
            return _json({"count": tally.count, "connections": tally.connections, "first": tally.first, "last": tally.last})
        if request.startswith(b"GET /_sim/arrivals"):
            return _json(tally.arrivals)
        tally.first = tally.last = 0.0
        tally.arrivals.clear()
        return super().answer(request)


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve(port: int, *, log: bool) -> None:
    """Listen until SIGTERM; says first where."""
    loop = asyncio.get_running_loop()
    tally = TimedTally(log=log)
    server = await loop.create_server(lambda: TimedStub(tally), "127.0.0.1", port, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", action="store_true")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, log=arguments.log))


if __name__ == "__main__":
    main()
