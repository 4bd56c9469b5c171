"""`tidings doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from tidings.commands.doctor_database import look_at_database
from tidings.commands.doctor_files import look_at_files
from tidings.commands.doctor_machine import closed_home, look_at_machine
from tidings.commands.findings import Finding, State, bad, ok, skipped
from tidings.commands.installation import read_settings, run
from tidings.commands.terminal import out, print_json
from tidings.errors import TidingsError
from tidings.settings import Settings

_MARKS = {State.OK: "[green]ok[/]", State.WARN: "[yellow]look[/]", State.BAD: "[bold red]bad[/]", State.SKIPPED: "[dim]skipped[/]"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Look the installation over and say what to mend. Exits 1 when something does not work.

    Changes nothing, but for a few bytes that it writes to the file storage and removes again. Safe beside a running Tidings.

    [bold]Examples[/bold]

      tidings doctor

      tidings doctor --json | jq '.findings[] | select(.state != "ok")'
    """
    findings = examine(read_settings())
    healthy = all(each.state is not State.BAD for each in findings)
    if as_json:
        print_json({"healthy": healthy, "findings": [asdict(each) for each in findings]})
    else:
        out.print(_table(findings))
        out.print("[green]It works.[/]" if healthy else "[bold red]Something does not work[/]: see what to do beside it.")
    raise typer.Exit(0 if healthy else 1)


def examine(given: Settings) -> list[Finding]:
    """Everything the doctor looks at."""
    if closed := closed_home(given.home):
        return [closed, *(skipped(name, "the home folder") for name in ("secret keys", "file storage", "database"))]
    return [*look_at_machine(given), look_at_files(given), *_database(given)]


def _database(given: Settings) -> list[Finding]:
    from tidings.db.embedded import start_embedded

    if given.database_url:
        return run(look_at_database(given, given.database_url))
    if not (given.home / "postgres" / "PG_VERSION").exists():
        return [ok("database", "none yet; the first `tidings up` makes it")]
    try:
        server = start_embedded(given.home)
    except (TidingsError, OSError) as error:
        return [bad("database", str(error), "The sentence beside says what stopped it; its log is under TIDINGS_HOME/postgres.")]
    try:
        return run(look_at_database(given, run(server.ensure_database())))
    finally:
        server.release()


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for each in findings:
        table.add_row(_MARKS[each.state], each.name, escape(each.detail) + (f"\n[bold]→ {escape(each.mend)}[/]" if each.mend else ""))
    return table
