"""`tidings backup`: the whole installation in one file."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from tidings.commands.archive import DUMP, KEYS, ArchiveWriter, Manifest, write_archive
from tidings.commands.archived_files import add_files
from tidings.commands.installation import database_address, read_settings, require_migrated, run
from tidings.commands.postgres_programs import program, program_environment, program_url
from tidings.commands.terminal import err, out, print_json
from tidings.errors import Conflict, Invalid, Unavailable

_BLOCK = 1024 * 1024


def backup(
    file: Annotated[Path | None, typer.Argument(help="Where to write it. (default: tidings-DATE.backup here)", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write the database, the key file and the uploaded files on disk to one archive, while Tidings runs.

    The dump is of one moment: nothing is half in it. Keep the file as safe as the database: it holds every contact and the keys
    that open the channels' credentials. Keys given by TIDINGS_SECRET_KEYS are not in it; keep those yourself.

    [bold]Examples[/bold]

      tidings backup

      tidings backup /mnt/backups/$(date +%F).backup --json
    """
    given = read_settings()
    now = datetime.now(UTC)
    path = (file or Path(f"tidings-{now:%Y-%m-%d-%H%M%S}.backup")).expanduser()
    if path.exists():
        raise Conflict(f"{path} exists already. Name another file; nothing was written.")
    if not path.parent.is_dir():
        raise Invalid(f"There is no folder {path.parent}. Make it first; nothing was written.")
    with database_address(given) as url, write_archive(path) as archive:
        run(require_migrated(url))
        archive.add(DUMP, _dump(url))
        keys = key_file(given.home)
        if keys.exists():
            archive.add(KEYS, [keys.read_bytes()])
        else:
            err.print(
                "There is no key file, so none is in the backup: keep TIDINGS_SECRET_KEYS yourself, or no credential can be read again."
            )
        files = add_files(archive, given)
        if given.s3_bucket:
            err.print(f"The uploaded files in the bucket {given.s3_bucket} are not in the backup: keep them by the bucket's own means.")
        manifest = _manifest(archive, now, *run(_versions(url)))
        archive.finish(manifest)
    if as_json:
        sums = {name: manifest.sha256[name] for name in (DUMP, KEYS) if name in manifest.sha256}
        size = path.stat().st_size
        print_json({"file": str(path), "bytes": size, "revision": manifest.revision, "sha256": sums, "uploaded_files": files})
    else:
        out.print(f"Wrote {path} ({path.stat().st_size / 1e6:.1f} MB) with {files:,} uploaded files.", markup=False)


def key_file(home: Path) -> Path:
    """Where the installation's own keys are."""
    from tidings.channels.vault import KEY_FILE

    return home / KEY_FILE


def _manifest(archive: ArchiveWriter, now: datetime, revision: str, postgres: str) -> Manifest:
    return Manifest(tidings=version("tidings"), revision=revision, postgres=postgres, created_at=now, sha256=archive.sha256)


async def _versions(url: str) -> tuple[str, str]:
    import asyncpg

    from tidings.db.urls import asyncpg_url

    connection = await asyncpg.connect(asyncpg_url(url))
    try:
        return (
            await connection.fetchval("SELECT version_num FROM alembic_version"),
            await connection.fetchval("SHOW server_version"),
        )
    finally:
        await connection.close()


def _dump(url: str) -> Iterator[bytes]:
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(  # noqa: S603  (PostgreSQL's own program)
            [program("pg_dump"), "--format=custom", "--no-owner", program_url(url)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            env=program_environment(url),
        ) as process,
    ):
        assert process.stdout is not None
        while block := process.stdout.read(_BLOCK):
            yield block
        if process.wait() != 0:
            words.seek(0)
            raise Unavailable(f"pg_dump failed, and no backup was written: {words.read().decode(errors='replace').strip()[-2000:]}")
