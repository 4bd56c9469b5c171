"""Has a file read in a process of its own and streams what it finds into the database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import msgspec
import structlog

from tidings.contacts.imports.reading.wire import Report, Request
from tidings.errors import Invalid, Unavailable

if TYPE_CHECKING:
    import asyncpg

    from tidings.contacts.imports.reading.columns import Mapping

log = structlog.get_logger(__name__)

AT_ONCE: Final = 2
"""Files that one server reads at the same time."""
WAITING: Final = 2
"""Further ones that wait their turn. Each holds a connection of the pool meanwhile, so they are few; the rest is asked to come again."""
PATIENCE_SECONDS: Final = 30.0
READ_SECONDS: Final = 120.0
MEMORY_BYTES: Final = 1024**3
CPU_SECONDS: Final = 90
_CHUNK: Final = 1 << 18
_REPORT_LIMIT: Final = 1 << 20
_COLUMNS: Final = ["row", "name", "raw_phone", "address", "locale", "timezone", "attributes", "error"]


class _Turns:
    """Who reads and who waits, on one event loop."""

    def __init__(self) -> None:
        self.reading = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


async def read_into_stage(
    connection: asyncpg.Connection, path: Path, *, region: str, mapping: Mapping | None, header: bool | None, row_limit: int
) -> Report:
    """Read the file into the temporary table `import_stage`. Raises Invalid when it is no list of contacts."""
    request = Request(
        path=str(path), region=region, mapping=mapping, header=header, row_limit=row_limit,
        memory_bytes=MEMORY_BYTES, cpu_seconds=CPU_SECONDS,
    )  # fmt: skip
    async with _turn(), _process() as process:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(request))
        process.stdin.close()
        reports: list[Report] = []
        try:
            async with asyncio.timeout(READ_SECONDS):
                await connection.copy_to_table("import_stage", source=_rows(process, reports), columns=_COLUMNS, timeout=READ_SECONDS)
        except TimeoutError as error:
            raise Invalid(_TOO_LONG, code="unreadable_file") from error
        return reports[0]


_TOO_LONG: Final = "Reading the file took too long and was stopped; nothing was imported. Copy the names and numbers into a new sheet."
_TOO_MUCH: Final = (
    "The sheet needs too much memory to read, most likely because a cell far to the right or at the bottom is in use; nothing was "
    "imported. Copy the names and numbers into a new sheet and upload that."
)
_BROKEN: Final = "The file could not be read; nothing was imported. Open it in a spreadsheet program, save it as .xlsx and upload that."


async def _rows(process: asyncio.subprocess.Process, reports: list[Report]) -> AsyncIterator[bytes]:
    """What the process writes; then its report, which may turn all of it down."""
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(_all(process.stderr))
    try:
        while chunk := await process.stdout.read(_CHUNK):
            yield chunk
        code = await process.wait()
        report = _report(code, await said)
    finally:
        said.cancel()
    if report.error:
        raise Invalid(report.error, code="unreadable_file")
    reports.append(report)


async def _all(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(_CHUNK):
        kept = (kept + chunk)[-_REPORT_LIMIT:]
    return kept


def _report(code: int, said: bytes) -> Report:
    if code in {0, 2}:
        with suppress(msgspec.MsgspecError):
            return msgspec.json.decode(said, type=Report)
    if code == -signal.SIGABRT or b"memory allocation" in said or b"MemoryError" in said:
        return Report(error=_TOO_MUCH)
    if code in {-getattr(signal, "SIGXCPU", 0), -getattr(signal, "SIGKILL", 0)}:
        return Report(error=_TOO_LONG)
    log.warning("import_reader_failed", code=code, said=said[-2000:].decode(errors="replace"))
    return Report(error=_BROKEN)


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    turns = _turns.setdefault(asyncio.get_running_loop(), _Turns())
    if turns.reading.locked() and turns.waiting >= WAITING:
        raise _busy()
    turns.waiting += 1
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await turns.reading.acquire()
    except TimeoutError as error:
        raise _busy() from error
    finally:
        turns.waiting -= 1
    try:
        yield
    finally:
        turns.reading.release()


def _busy() -> Unavailable:
    return Unavailable(
        "Other files are being read, and this one had no turn; nothing was imported. Upload it again in a while.", retry_after=10
    )


@asynccontextmanager
async def _process() -> AsyncIterator[asyncio.subprocess.Process]:
    """The reader, which never outlives this block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tidings.contacts.imports.reading",
        env=_harmless_environment(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _harmless_environment() -> dict[str, str]:
    """Ours without what is secret: the reader has hostile files in its hands."""
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL" and not name.startswith("TIDINGS_")}
