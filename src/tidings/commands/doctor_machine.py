"""What the doctor looks at on this machine: Python, folders, disk, keys, port."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from typing import TYPE_CHECKING

from tidings.commands.findings import Finding, bad, ok, warn
from tidings.commands.health import answers
from tidings.errors import TidingsError

if TYPE_CHECKING:
    from pathlib import Path

    from tidings.settings import Settings

GIB = 1024**3


def look_at_machine(given: Settings) -> list[Finding]:
    """Everything that needs no database."""
    return [python_version(sys.version_info[:2]), home_folder(given.home), disk_space(given.home), secret_keys(given), port(given)]


def python_version(version: tuple[int, int]) -> Finding:
    """3.11 is the oldest that works."""
    if version < (3, 11):
        return bad("python", f"Python {platform.python_version()} is too old.", "Install Python 3.11 or newer and Tidings under it.")
    return ok("python", f"Python {platform.python_version()}")


def closed_home(home: Path) -> Finding | None:
    """What keeps this user from even looking into the home folder, if something does."""
    from tidings.channels.vault import KEY_FILE

    try:
        (home / KEY_FILE).exists()
    except OSError as error:
        detail = f"{home} cannot be looked into: {error.strerror}."
        return bad("home", detail, "Run this as the user who runs Tidings, or set TIDINGS_HOME to another folder.")
    return None


def home_folder(home: Path) -> Finding:
    """It holds the database, the keys and uploads."""
    there = _nearest(home)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return bad("home", f"{there} is no folder that this user may write to.", "Give them the right, or set TIDINGS_HOME to another.")
    return ok("home", str(home) if there == home else f"{home} (made at the first start)")


def disk_space(home: Path) -> Finding:
    """A PostgreSQL whose disk is full stops; nothing is lost, and nothing is sent."""
    there = _nearest(home)
    free = shutil.disk_usage(there).free
    words = f"{free / GIB:.1f} GiB free under {there}"
    if free < GIB / 4:
        return bad("disk", words, "Make room now: the database stops when the disk is full.")
    if free < 2 * GIB:
        return warn("disk", words, "Make room soon: a million messages take about 1 GiB.")
    return ok("disk", words)


def _nearest(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def secret_keys(given: Settings) -> Finding:
    """Without its keys an installation cannot open a single credential."""
    from tidings.channels.vault import KEY_FILE, load_keys

    path = given.home / KEY_FILE
    if given.secret_keys is None and not path.exists():
        return ok("secret keys", "none yet; the first start makes them")
    try:
        keys = load_keys(given)
    except TidingsError as error:
        return bad("secret keys", error.detail, "Bring back the keys, from the backup if need be.")
    where = "TIDINGS_SECRET_KEYS" if given.secret_keys else str(path)
    if not given.secret_keys and path.stat().st_mode & 0o077:
        return warn("secret keys", f"{path} can be read by others.", f"chmod 600 {path}")
    return ok("secret keys", f"{len(keys)} in {where}")


def port(given: Settings) -> Finding:
    """Free, or ours."""
    where = f"{given.host}:{given.port}"
    with socket.socket(socket.AF_INET6 if ":" in given.host else socket.AF_INET) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((given.host, given.port))
        except OSError as error:
            return _taken(given, where, error)
    return ok("port", f"{where} is free: no API runs here now")


def _taken(given: Settings, where: str, error: OSError) -> Finding:
    from tidings.commands.up import address

    if answers(address(given)):
        return ok("port", f"the API answers on {where}")
    return warn(
        "port", f"{where} cannot be listened on ({error.strerror}), and no Tidings answers there.", "Set TIDINGS_PORT to a free one."
    )
