"""`tidings restore`: an installation from a backup."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidings.commands.archive import DUMP, KEYS, read_archive
from tidings.commands.archived_files import files_in, put_files
from tidings.commands.backup import key_file
from tidings.commands.installation import database_address, read_settings, run
from tidings.commands.postgres_programs import program, program_environment, program_url
from tidings.commands.terminal import err, out
from tidings.errors import Conflict, Unavailable

if TYPE_CHECKING:
    import zipfile

    from tidings.commands.archive import Manifest

_CLEAR = b"""
SET client_min_messages = warning;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidings_app') THEN CREATE ROLE tidings_app NOLOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidings_engine') THEN CREATE ROLE tidings_engine NOLOGIN; END IF;
    BEGIN
        EXECUTE format('GRANT tidings_app, tidings_engine TO %I', current_user);
    EXCEPTION WHEN insufficient_privilege THEN  -- an administrator may have given them
        IF NOT (pg_has_role('tidings_app', 'MEMBER') AND pg_has_role('tidings_engine', 'MEMBER')) THEN RAISE; END IF;
    END;
END $$;
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
COMMENT ON SCHEMA public IS 'standard public schema';
"""
_TOO_NEW_SETTING = b"SET transaction_timeout = 0;\n"
"""Written by the programs of PostgreSQL 17 and newer; an older server does not know it."""


def restore(
    file: Annotated[Path, typer.Argument(help="The archive that `tidings backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what the installation holds now.")] = False,
) -> None:
    """Put a backup in the place of this installation's database, keys and uploaded files.

    Stop Tidings first. The archive is checked whole before anything is touched, and the database is replaced in one transaction:
    if it fails, all is as before. Refuses an installation that holds something, unless --force; then the present key file and
    uploaded files are kept beside the restored ones as `*.before-restore`.

    [bold]Examples[/bold]

      tidings restore tidings-2026-08-01.backup

      TIDINGS_HOME=/srv/tidings-copy tidings restore tidings-2026-08-01.backup
    """
    given = read_settings()
    with read_archive(file.expanduser()) as (manifest, zipped), database_address(given) as url:
        _require_known(manifest)
        files = files_in(manifest)
        run(_require_stopped(url))
        if not force:
            run(_require_empty(url))
        keys = key_file(given.home)
        new_keys = zipped.read(KEYS) if KEYS in manifest.sha256 else None
        if new_keys and keys.exists() and keys.read_bytes() != new_keys and not force:
            raise Conflict(f"{keys} holds other keys than the backup. Use --force to replace them; nothing was changed.")
        err.print("Replacing the database …")
        _load(url, zipped)
        _put_keys(keys, new_keys)
        put_files(zipped, files, given)
        out.print(f"Restored {file}, written on {manifest.created_at:%Y-%m-%d %H:%M} UTC, schema {run(_migrate(url))}.", markup=False)


def _require_known(manifest: Manifest) -> None:
    from tidings.db.migrate import known_revisions

    if manifest.revision not in known_revisions():
        raise Conflict(
            f"The backup was made by a newer Tidings ({manifest.tidings}, schema {manifest.revision}). Install that one; nothing was changed."
        )


async def _require_stopped(url: str) -> None:
    if await _fetch(url, _OTHERS):
        raise Conflict("Tidings is running on this database. Stop it first, so that nothing is sent while it is replaced.")


async def _require_empty(url: str) -> None:
    made = await _fetch(url, "SELECT to_regclass('public.workspaces') IS NOT NULL")
    if made and await _fetch(url, "SELECT EXISTS (SELECT FROM workspaces)"):
        raise Conflict("This installation holds workspaces already. Use --force to replace all of it; nothing was changed.")


async def _fetch(url: str, query: str) -> object:
    import asyncpg

    from tidings.db.urls import asyncpg_url

    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


_OTHERS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'tidings%')
"""


def _load(url: str, zipped: zipfile.ZipFile) -> None:
    """pg_restore writes the dump as SQL, psql runs it: so that clearing and filling are one transaction."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as words:
        dump = Path(folder) / DUMP
        with zipped.open(DUMP) as packed, dump.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1024 * 1024)
        unpack = [str(program("pg_restore")), "--no-owner", "--file=-", str(dump)]
        fill = [
            str(program("psql")),
            "--no-psqlrc",
            "--quiet",
            "--single-transaction",
            "--file=-",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            program_url(url),
        ]
        with (
            subprocess.Popen(unpack, stdout=subprocess.PIPE, stderr=words) as source,  # noqa: S603  (PostgreSQL's own programs)
            subprocess.Popen(  # noqa: S603
                fill, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words, env=program_environment(url)
            ) as target,
        ):
            whole = _pump(source, target)
        if not whole or target.returncode != 0:
            words.seek(0)
            said = words.read().decode(errors="replace").strip()[-2000:]
            raise Unavailable(f"The backup could not be loaded; the database is as it was before. PostgreSQL says:\n{said}")


def _pump(source: subprocess.Popen[bytes], target: subprocess.Popen[bytes]) -> bool:
    """Feed psql; if the dump breaks off, end psql before it commits."""
    assert source.stdout is not None
    assert target.stdin is not None
    try:
        target.stdin.write(_CLEAR)
        for number, line in enumerate(source.stdout):
            if number > 100 or line != _TOO_NEW_SETTING:
                target.stdin.write(line)
    except BrokenPipeError:
        source.kill()
        return False
    if source.wait() != 0:
        target.kill()
        return False
    target.stdin.close()
    return True


def _put_keys(path: Path, keys: bytes | None) -> None:
    if keys is None or (path.exists() and path.read_bytes() == keys):
        return
    if path.exists():
        path.replace(path.with_name(f"{path.name}.before-restore"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(keys)


async def _migrate(url: str) -> str:
    from tidings.db.migrate import migrate

    return await migrate(url)
