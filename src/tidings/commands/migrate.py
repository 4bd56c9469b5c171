"""`tidings migrate`: brings the database to the schema this version needs."""

from __future__ import annotations

from typing import Annotated

import typer

from tidings.commands.installation import database_address, read_settings, run
from tidings.commands.terminal import out


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
    from tidings.db.migrate import migrate as migrate_database
    from tidings.db.revision import pending_revision

    with database_address(read_settings()) as url:
        missing = run(pending_revision(url))
        if not check:
            out.print(f"The database is at revision {run(migrate_database(url))}.")
        elif missing:
            out.print(f"The database is behind: this version needs revision {missing}. Run `tidings migrate`.")
            raise typer.Exit(1)
        else:
            out.print("The database is up to date.")
