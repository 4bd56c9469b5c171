"""`tidings migrate`: brings the database to the schema this version needs."""

from __future__ import annotations

from typing import Annotated

import typer

from tidings.commands.installation import database_address, read_settings, run
from tidings.commands.terminal import out
from tidings.errors import Conflict


def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when the database is behind.")] = False,
) -> None:
    """Bring the database to the schema this version needs.

    Runs in one transaction, so it is done whole or not at all, and is safe to run twice or from two places at once.
    `tidings up` does it by itself.

    [bold]Examples[/bold]

      tidings migrate

      tidings migrate --check || echo "run the migration before this release"
    """
    from tidings.db.revision import pending_revision

    with database_address(read_settings()) as url:
        missing = run(pending_revision(url))
        if not check:
            out.print(f"The database is at revision {run(_upgrade(url))}.")
        elif missing:
            out.print(f"The database is behind: this version needs revision {missing}. Run `tidings migrate`.")
            raise typer.Exit(1)
        else:
            out.print("The database is up to date.")


async def _upgrade(url: str) -> str:
    from alembic.util import CommandError

    from tidings.db.migrate import migrate as migrate_database

    try:
        return await migrate_database(url)
    except CommandError as error:
        raise Conflict(f"The database was made by a newer Tidings than this one; nothing was changed ({error}).") from error
