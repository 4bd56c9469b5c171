"""PostgreSQL's own programs for backup and restore, and how a database is named to them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from tidings.errors import Unavailable


def program(name: str) -> Path:
    """`pg_dump`, `pg_restore` or `psql`: the embedded PostgreSQL's own, or the one on PATH."""
    from tidings.db.postgres_files import postgres_files

    try:
        return postgres_files(Path()).bin_path / name
    except Unavailable:
        if found := shutil.which(name):
            return Path(found)
        raise Unavailable(
            f"{name} was not found. Install PostgreSQL's client programs (Debian: apt install postgresql-client), of the server's version or newer."
        ) from None


def program_url(url: str) -> str:
    """The address without its password, which other users could read in the list of processes."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(("postgresql", f"{user.partition(':')[0]}@{host}" if user else host, *parts[2:]))


def program_environment(url: str) -> dict[str, str]:
    """The environment for such a program, with the password."""
    password = urlsplit(url).password
    return {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": unquote(password)} if password else {})}
