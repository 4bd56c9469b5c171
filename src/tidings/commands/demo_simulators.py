"""WhatsApp, Telegram and Twilio as the demo has them: the simulators of a checkout's tests, each a process, steered over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidings.errors import Unavailable

if TYPE_CHECKING:
    from pyreqwest.client import Client

NAMES = ("whatsapp_cloud", "telegram", "twilio")
CHECKOUT = Path(__file__).parents[3]
_NEEDED = ("uvloop", "smsutil", "twilio")
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Simulator:
    """One service that runs on this machine."""

    url: str
    _client: Client

    async def steer(self, path: str, **body: Any) -> Any:
        """Tell it what is to happen (tests/simulators/base.py)."""
        answer = await self._client.post(f"{self.url}/_sim/{path}").body_json(body).build().send()
        said = await answer.json()
        if answer.status != 200:
            raise Unavailable(f"The simulator at {self.url} refused {path}: {said}")
        return said


def require_simulators() -> None:
    """Raises Unavailable with what to do where this installation has no simulators, before anything is started."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if not (CHECKOUT / "tests" / "simulators" / "base.py").exists():
        raise Unavailable(
            "The demo over several channels speaks to simulators of WhatsApp, Telegram and Twilio. They belong to the tests and are not in the "
            "package, so this part runs from a checkout: clone the project, then `make setup` and `.venv/bin/tidings demo --channels` "
            "in it. `tidings demo` without --channels runs here."
        )
    if missing:
        raise Unavailable(
            f"The simulators need {', '.join(missing)}: run `make setup` in {CHECKOUT}, then `.venv/bin/tidings demo --channels`."
        )


@asynccontextmanager
async def simulators() -> AsyncIterator[Mapping[str, Simulator]]:
    """All of them, for as long as the block runs. They listen on this machine alone, and end with this process however it ends."""
    from pyreqwest.client import ClientBuilder

    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(ClientBuilder().no_proxy().build())
        yield {name: Simulator(await stack.enter_async_context(_process(name)), client) for name in NAMES}


@asynccontextmanager
async def _process(name: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.simulators.{name}", "--port", "0", "--parent", str(os.getpid()),
        cwd=CHECKOUT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C of the terminal ends us first, in order
    )  # fmt: skip
    try:
        yield await _address(name, process)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _address(name: str, process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        return str(json.loads(line)["url"])
    except (TimeoutError, ValueError) as error:
        raise Unavailable(f"The simulator of {name} did not start; the lines above should say why. Nothing was sent.") from error
