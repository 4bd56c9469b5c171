"""`tidings import`: contacts from a spreadsheet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from tidings.commands.choosing import WorkspaceName, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import out, print_json, progress_bar
from tidings.core.ids import show_id
from tidings.errors import Invalid
from tidings.settings import Settings
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    from tidings.contacts.imports.service import Import, ImportRow, Limits, Mapping
    from tidings.db.database import Database
    from tidings.workspaces.access import Access

_SHOWN = 20
"""Rows that cannot be imported, as many as are told; the dashboard shows all."""
_LARGEST = 1024**3
"""Bytes. Whoever types this runs the installation, so the limit for uploads does not bind."""


def import_contacts(
    file: Annotated[Path, typer.Argument(help="An .xlsx, .xls, .ods or .csv file: names in one column, phone numbers in another.")],
    workspace: WorkspaceName = None,
    group: Annotated[str | None, typer.Option(help="Put them in this group; made if there is none of the name.")] = None,
    mapping: Annotated[str | None, typer.Option(help='Which column is what, as JSON: \'{"name": "A", "phone": "Mobile"}\'.')] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only judge the rows; import nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Import contacts from a spreadsheet: every row gets a verdict.

    Understands numbers kept as numbers, with spaces, in national format (of the workspace's region). Rows that cannot be used are told
    and left out, and a file without one that can is refused; contacts that exist are left as they are and only join the group. Safe to run
    twice, and to break off.

    [bold]Examples[/bold]

      tidings import contacts.xlsx --group Customers

      tidings import contacts.csv --dry-run --json

      tidings import list.xlsx --mapping '{"name": "B", "phone": "D", "attributes": {"city": "E"}}'
    """
    given = read_settings()
    if not file.expanduser().is_file():
        raise Invalid(f"There is no file {file}. Nothing was imported.")
    result = run(_import(given, file.expanduser(), _Wanted(workspace, group, mapping, dry_run)))
    if as_json:
        print_json(result)
    else:
        _tell(result)


@dataclass(frozen=True, slots=True)
class _Wanted:
    workspace: str | None
    group: str | None
    mapping: str | None
    dry_run: bool


async def _import(given: Settings, file: Path, wanted: _Wanted) -> dict[str, Any]:
    from tidings.contacts.imports.service import Limits, read_mapping

    mapping = read_mapping(wanted.mapping) if wanted.mapping else None
    limits = Limits(upload_bytes=_LARGEST, rows=given.import_row_limit)
    async with open_database(given) as database:
        async with database.system() as session:
            owner = await choose_workspace(session, wanted.workspace)
        access = system_access(owner.id, "tidings import")
        act = _judge if wanted.dry_run else import_with_bar
        made, bad = await act(database, access, file, wanted.group, mapping, limits)
    return _result(made, bad, dry_run=wanted.dry_run)


async def import_with_bar(
    database: Database, access: Access, file: Path, group: str | None, mapping: Mapping | None, limits: Limits
) -> tuple[Import, list[ImportRow]]:
    """Import a file and show how far it is."""
    from tidings.contacts.imports.service import import_file

    with progress_bar() as bar:
        task = bar.add_task(f"Reading {file.name}", total=None)

        def show(found: Import) -> None:
            total = found.valid_count + found.existing_count
            bar.update(task, description="Importing", total=total, completed=_done(found))

        return await import_file(database, access, file, group, mapping, limits=limits, progress=show)


def _done(found: Import) -> int:
    """Rows that are through; those that came twice count as skipped from the start, and are no part of the work."""
    return max(0, found.created_count + found.skipped_count - found.duplicate_count)


async def _judge(
    database: Database, access: Access, file: Path, group: str | None, mapping: Mapping | None, limits: Limits
) -> tuple[Import, list[ImportRow]]:
    """What an import would do. Nothing of it stays but its entry in the list, as cancelled."""
    from tidings.contacts.imports.service import Reading, Upload, Verdict, cancel_import, list_rows, start_import

    async with database.workspace(access.workspace_id) as session:
        upload = Upload(filename=file.name, content=await asyncio.to_thread(file.read_bytes))
        made = await start_import(session, access, upload, Reading(group_name=group, mapping=mapping), limits)
        bad = await list_rows(session, access, made.id, verdict=Verdict.INVALID, limit=_SHOWN)
        await cancel_import(session, access, made.id)
    return made, bad


def _result(made: Import, bad: list[ImportRow], *, dry_run: bool) -> dict[str, Any]:
    return {
        "id": show_id("imp", made.id),
        "dry_run": dry_run,
        "rows": made.row_count,
        "valid": made.valid_count,
        "existing": made.existing_count,
        "duplicates_in_file": made.duplicate_count,
        "invalid": made.error_count,
        "contacts_created": made.created_count,
        "contacts_skipped": made.skipped_count,
        "errors": [{"row": each.row, "phone": each.raw_phone, "error": each.error} for each in bad],
    }


def _tell(result: dict[str, Any]) -> None:
    if result["dry_run"]:
        out.print(f"{result['rows']} rows: {result['valid']} would become contacts, {result['existing']} exist already.")
    else:
        out.print(
            f"{result['rows']} rows: [green]{result['contacts_created']} contacts made[/], "
            f"{result['contacts_skipped'] - result['duplicates_in_file']} existed already."
        )
    out.print(f"Left out: {result['duplicates_in_file']} that came twice, {result['invalid']} that cannot be used.")
    if result["errors"]:
        table = Table(Column("Row", justify="right"), "Phone", "Why")
        for each in result["errors"]:
            table.add_row(str(each["row"]), each["phone"], each["error"])
        out.print(table)
        if result["invalid"] > len(result["errors"]):
            out.print(f"… and {result['invalid'] - len(result['errors'])} more.")
