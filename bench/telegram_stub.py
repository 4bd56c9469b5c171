"""Telegram that only says yes, as fast as Python can, and notes what came sooner than its limits allow.

    python -m bench.telegram_stub --port 0 [--latency-ms 50]

`GET /_sim/count` gives `{"count": …, "violations": {limit: …}, "worst": seconds, "bots": {token: {second since 1970: messages}}}`. What
it is strict about is that of tests/simulators/telegram_bot.py: one a second and chat, twenty a minute and group, thirty a second and bot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import time
from collections import Counter, defaultdict

import uvloop

from tests.simulators.telegram_bot import Pace
from tests.simulators.twilio_stub import Stub, Tally

_SEND = re.compile(rb"POST /bot([^/]+)/sendMessage ")
_CHAT = re.compile(rb'"chat_id":\s?(-?\d+)')


class TelegramTally(Tally):
    """What every bot sent, by the second."""

    def __init__(self, latency: float = 0.0) -> None:
        super().__init__(latency)
        self.bots: dict[str, Counter[int]] = defaultdict(Counter)
        self.paces: dict[str, Pace] = defaultdict(Pace)
        self.violations: Counter[str] = Counter()
        self.worst = 0.0

    def note(self, token: str, chat: str) -> None:
        """One message has arrived."""
        now = time.monotonic()
        pace = self.paces[token]
        broken = pace.early(chat, now)
        if broken is not None:
            self.violations[broken[0]] += 1
            self.worst = max(self.worst, broken[1])
        pace.note(chat, now)
        self.count += 1
        self.bots[token][int(time.time())] += 1


class TelegramStub(Stub):
    """One connection."""

    tally: TelegramTally

    def answer(self, request: bytes) -> bytes:
        tally = self.tally
        sent, chat = _SEND.match(request), _CHAT.search(request)
        if sent is None or chat is None:
            told = {"count": tally.count, "violations": tally.violations, "worst": tally.worst, "bots": tally.bots}
            return _ok(json.dumps(told).encode())
        tally.note(sent[1].decode(), chat[1].decode())
        return _ok(b'{"ok":true,"result":{"message_id":%d,"date":1,"chat":{"id":%b,"type":"private"}}}' % (tally.count, chat[1]))


def _ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve(port: int, latency: float) -> None:
    """Listen until SIGTERM; says first where."""
    loop = asyncio.get_running_loop()
    tally = TelegramTally(latency)
    server = await loop.create_server(lambda: TelegramStub(tally), "127.0.0.1", port, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.latency_ms / 1000))


if __name__ == "__main__":
    main()
