"""Bridge processes as the worker sees them: started when needed, watched, ended when empty.

A bridge that dies takes its sessions with it and nothing else: they end with `BridgeGone`, what was in the air is not known.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import IO

import msgspec

from tidings.providers.whatsapp_linked import store
from tidings.providers.whatsapp_linked.frames import (
    Ack,
    AnyEvent,
    Ended,
    Event,
    Fetch,
    Fetched,
    Frame,
    Order,
    Oversized,
    Ready,
    Send,
    Sent,
    Start,
    Stop,
    encode,
    read_told,
)

READY_SECONDS = 60.0
"""To load the library: about a second, more on a machine that is busy."""
SESSIONS_PER_BRIDGE = 50
_END_SECONDS = 15.0
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


class BridgeGone(Exception):
    """The bridge has ended, for whatever reason. `told` is False where an order certainly did not reach it."""

    def __init__(self, *, told: bool = True) -> None:
        super().__init__("the bridge process has ended")
        self.told = told


class LibraryMissing(Exception):
    """The optional library is not installed, or cannot be loaded; the text tells which."""

    def __init__(self, trouble: str, *, installed: bool) -> None:
        super().__init__(trouble)
        self.installed = installed


class Line:
    """One session's end of the bridge."""

    def __init__(self, bridge: Bridge, session: str) -> None:
        self.session = session
        self.bridge = bridge
        self.online = False
        self.was_paired = False
        self._events: asyncio.Queue[AnyEvent | None] = asyncio.Queue()  # bounded by the credit

    async def next(self) -> list[AnyEvent]:
        """What happened next, all that has come by now. Raises `BridgeGone` once nothing is left to tell."""
        events = [await self._events.get()]
        while events[-1] is not None and not self._events.empty():
            events.append(self._events.get_nowait())
        if events[-1] is None:
            self._events.put_nowait(None)
        told = [event for event in events if event is not None]
        if not told:
            raise BridgeGone
        return told

    async def acknowledge(self, count: int) -> None:
        """So many events are written down; the bridge may hand on as many more."""
        with contextlib.suppress(BridgeGone):
            await self.bridge.tell(Ack(session=self.session, count=count))

    async def stop(self) -> None:
        await self.bridge.tell(Stop(session=self.session))

    def happened(self, event: AnyEvent | None) -> None:
        self._events.put_nowait(event)

    async def rescue(self) -> bytes | None:
        """The store as a dead bridge left it on the disk; None where there is none to be read."""
        path = self.bridge.folder / self.session / "session.db"
        try:
            return await asyncio.to_thread(store.pack, path) if path.exists() else None
        except Exception:  # noqa: BLE001 - then the last copy that was kept stands
            return None


class Bridge:
    """One bridge process."""

    def __init__(self) -> None:
        self.folder = Path()
        self.alive = False
        self.lines: dict[str, Line] = {}
        self._requests: dict[int, asyncio.Future[Sent | Fetched]] = {}
        self._numbers = count(1)
        self._lock: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self, client: str, environment: Mapping[str, str]) -> None:
        """Spawn it and wait until its library is loaded. Raises `LibraryMissing` or `BridgeGone`."""
        ours, theirs = socket.socketpair()
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tidings.providers.whatsapp_linked.bridge", str(theirs.fileno()), client,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), env={**passed, **environment}, start_new_session=True,
            )  # fmt: skip
        except OSError:
            ours.close()
            raise BridgeGone from None
        finally:
            theirs.close()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        try:
            async with asyncio.timeout(READY_SECONDS):
                ready = await read_told(self._reader)
        except BaseException as error:
            await self._kill()
            if isinstance(error, asyncio.IncompleteReadError | OSError | TimeoutError | msgspec.DecodeError | Oversized):
                raise BridgeGone from None
            raise
        assert isinstance(ready, Ready)
        self.folder = Path(ready.folder)
        if ready.trouble:
            await self._kill()
            raise LibraryMissing(ready.trouble, installed=not ready.missing)
        self._lock = _hold(self.folder)
        self.alive = True
        self._watch = asyncio.create_task(self._read(), name="whatsapp-bridge")

    async def tell(self, frame: Order) -> None:
        """Write a frame, once there is room. Raises `BridgeGone`."""
        if not self.alive:
            raise BridgeGone(told=False)
        data = encode(frame)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (OSError, RuntimeError):
            raise BridgeGone from None

    async def open(self, start: Start) -> Line:
        """Begin a session. Raises `BridgeGone`."""
        line = self.lines[start.session] = Line(self, start.session)
        await self.tell(start)
        return line

    async def ask(self, make: type[Send | Fetch], **fields: object) -> Sent | Fetched:
        """A question that has exactly one answer. Raises `BridgeGone` when it may have been obeyed and no answer came."""
        number = next(self._numbers)
        answer: asyncio.Future[Sent | Fetched] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        try:
            await self.tell(make(request=number, **fields))  # type: ignore[arg-type]
            return await answer
        finally:
            self._requests.pop(number, None)

    async def close(self) -> None:
        """Hang up and wait for its end."""
        self.alive = False
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _END_SECONDS)
        await self._kill()

    async def _read(self) -> None:
        try:
            while True:
                self._sort(await read_told(self._reader))
        except (asyncio.IncompleteReadError, OSError, msgspec.DecodeError, Oversized):
            pass
        finally:
            self._gone()

    def _sort(self, told: Frame) -> None:
        match told:
            case Sent() | Fetched():
                answer = self._requests.get(told.request)
                if answer is not None and not answer.done():
                    answer.set_result(told)
            case Event():
                line = self.lines.get(told.session)
                if line is not None:
                    line.happened(told)  # type: ignore[arg-type]  # the union's only events
                    if isinstance(told, Ended):
                        self.lines.pop(told.session)
            case _:
                pass

    def _gone(self) -> None:
        self.alive = False
        for answer in self._requests.values():
            if not answer.done():
                answer.set_exception(BridgeGone())
        for line in self.lines.values():
            line.happened(None)

    async def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._writer.close()
        watch = getattr(self, "_watch", None)
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        if self._lock is not None:
            self._lock.close()
        if self.folder != Path():
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class Bridges:
    """The bridges of this process, each for up to `SESSIONS_PER_BRIDGE` sessions."""

    def __init__(self, client: str, environment: Mapping[str, str]) -> None:
        self._client, self._environment = client, environment
        self._bridges: dict[Bridge, int] = {}
        self._starting: asyncio.Lock | None = None

    async def enter(self) -> Bridge:
        """A bridge with room; call `leave` in the end. Raises `LibraryMissing` or `BridgeGone`."""
        loop = asyncio.get_running_loop()
        if self._starting is None or getattr(self, "_loop", loop) is not loop:
            self._starting, self._loop, self._bridges = asyncio.Lock(), loop, {}
        async with self._starting:
            for bridge, sessions in self._bridges.items():
                if bridge.alive and sessions < SESSIONS_PER_BRIDGE:
                    self._bridges[bridge] += 1
                    return bridge
            bridge = Bridge()
            await bridge.start(self._client, self._environment)
            self._bridges[bridge] = 1
            return bridge

    async def leave(self, bridge: Bridge) -> None:
        """A session is over. The last one ends the bridge."""
        self._bridges[bridge] -= 1
        if self._bridges[bridge] == 0:
            del self._bridges[bridge]
            await bridge.close()


def _hold(folder: Path) -> IO[bytes] | None:
    from tidings.providers.whatsapp_linked.bridge import hold  # noqa: PLC0415 - of POSIX only

    try:
        return hold(folder)
    except OSError:
        return None
