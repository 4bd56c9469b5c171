"""Runs a revision's SQL files, which hold many statements each, on Alembic's own connection and transaction."""

from __future__ import annotations

from importlib.resources import files

from alembic import op
from sqlalchemy.util import await_only


def run_scripts(revision: str) -> None:
    """Run `sql/<revision>_*.sql` in the order of their names."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    folder = files("tidings.db.migrations").joinpath("sql")
    for script in sorted((entry for entry in folder.iterdir() if entry.name.startswith(f"{revision}_")), key=lambda entry: entry.name):
        await_only(connection.execute(script.read_text()))
