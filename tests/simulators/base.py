"""What all simulators share: counting, the log, faults, callbacks, and the `/_sim/…` routes that steer them.

GET    /_sim/requests   {"+254…": how many send requests arrived for it}
GET    /_sim/taken      {"+254…": how many messages were taken for it}
GET    /_sim/log        the last requests in order: to, outcome, fault, the form
POST   /_sim/faults     a fault (tests/simulators/faults.py) as JSON      DELETE clears them
POST   /_sim/receipts   a plan (tests/simulators/callbacks.py) as JSON    DELETE ends it
GET    /_sim/callbacks  every callback posted and what it was answered; with ?wait=1 once none is under way
POST   /_sim/inbound    a message from a person; the fields are each provider's own
POST   /_sim/status     one more receipt for one message: {"id", "status", …}
POST   /_sim/reset      forget everything
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

import uvloop

from tests.simulators.callbacks import Plan, Poster
from tests.simulators.faults import AFTER_TAKING, Fault, Faults
from tests.simulators.wire import Call, Reply, Server, reply

LOG_KEPT = 100_000


@dataclass
class Taken:
    """A message the simulator took."""

    id: str
    to: str
    sender: str
    text: str
    callback_url: str | None = None
    form: Mapping[str, str] | None = None


class Simulator:
    """A provider on a socket: `async with TwilioSimulator() as twilio:` then point a channel's api_base_url at `twilio.url`."""

    holds_answers_back = False
    """Whether calls may wait for long, so that those whose caller hung up have to end."""

    def __init__(self, port: int = 0) -> None:
        self._server = Server(self._handle, port, notices_leaving=self.holds_answers_back)
        self.forget()

    def forget(self) -> None:
        self.faults = Faults()
        self.plan = Plan()
        self.requests: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.messages: dict[str, Taken] = {}
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_KEPT)

    @property
    def url(self) -> str:
        return self._server.url

    async def __aenter__(self) -> Self:
        self.poster = Poster()
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()
        await self.poster.close()

    # --- for each provider to fill in -----------------------------------------------------------------------------

    async def api(self, call: Call) -> Reply:
        """Answer one call of the provider's own API."""
        raise NotImplementedError

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Any:
        raise NotImplementedError

    async def post_inbound(self, **fields: str) -> Any:
        raise NotImplementedError

    # --- for the providers to use ---------------------------------------------------------------------------------

    def arrived(self, to: str, form: Mapping[str, str]) -> dict[str, Any]:
        self.requests[to] += 1
        entry: dict[str, Any] = {"to": to, "outcome": "refused", "form": dict(form)}
        self.log.append(entry)
        return entry

    def take(self, message: Taken, entry: dict[str, Any]) -> None:
        entry.update(outcome="taken", id=message.id)
        self.taken[message.to] += 1
        self.messages[message.id] = message

    async def spoil(self, fault: Fault) -> Reply:
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        return fault.reply()

    def takes(self, fault: Fault | None) -> bool:
        return fault is None or fault.taken or fault.kind in AFTER_TAKING

    async def follow_up(self, message: Taken) -> None:
        """Start the receipts of the plan; those that overtake the answer are posted before this returns."""
        statuses = self.plan.for_number(message.to)
        if not statuses:
            return
        if self.plan.before_answer:
            await self._post_all(message, statuses, self.plan)
        else:
            self.poster.later(self._post_all(message, statuses, self.plan))

    async def _post_all(self, message: Taken, statuses: list[str], plan: Plan) -> None:
        for status in statuses:
            await asyncio.sleep(plan.delay)
            await self.post_status(message, status, plan.error_code)

    # --- steering over HTTP ---------------------------------------------------------------------------------------

    async def _handle(self, call: Call) -> Reply:
        if not call.path.startswith("/_sim/"):
            return await self.api(call)
        try:
            return reply(await self._steer(call))
        except (ValueError, TypeError, KeyError) as error:
            return reply({"error": str(error)}, 422)

    async def _steer(self, call: Call) -> Any:
        match call.method, call.path.removeprefix("/_sim/"):
            case "GET", "requests":
                return self.requests
            case "GET", "taken":
                return self.taken
            case "GET", "log":
                return list(self.log)
            case "POST", "faults":
                self.faults.add(**call.json())
                return {}
            case "DELETE", "faults":
                self.faults.clear()
                return {}
            case "POST", "receipts":
                self.plan = Plan(**call.json())
                return {}
            case "DELETE", "receipts":
                self.plan = Plan()
                return {}
            case "GET", "callbacks":
                if call.query.get("wait"):
                    await self.poster.idle()
                return [asdict(posted) for posted in self.poster.posted]
            case "POST", "inbound":
                return asdict(await self.post_inbound(**call.json()))
            case "POST", "status":
                wanted = call.json()
                return asdict(await self.post_status(self.messages[wanted["id"]], wanted["status"], wanted.get("error_code")))
            case "POST", "reset":
                self.forget()
                self.poster.posted.clear()
                return {}
            case method, name:
                raise ValueError(f"no such thing: {method} /_sim/{name}")


def run(make: Callable[[int], Simulator], description: str | None) -> None:
    """Serve one simulator until SIGTERM or Ctrl-C; the first line of output is `{"port": …, "url": …}`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--parent", type=int, help="End with this process, which must be the one that started this.")
    given = parser.parse_args()
    uvloop.run(_serve(make(given.port), given.parent))


async def _serve(simulator: Simulator, parent: int | None) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with simulator:
        print(json.dumps({"port": simulator._server.port, "url": simulator.url}), flush=True)
        while not stop.is_set() and parent in {None, os.getppid()}:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)
