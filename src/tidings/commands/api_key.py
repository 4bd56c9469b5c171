"""`tidings api-key …`: how programs call the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from tidings.commands.choosing import WorkspaceName, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import err, out, print_json
from tidings.core.ids import show_id
from tidings.settings import Settings
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission

api_key = typer.Typer(no_args_is_help=True, help="Make API keys: how programs call the API.")


@api_key.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What will use it, such as “web shop”.")],
    workspace: WorkspaceName = None,
    scope: Annotated[list[Permission] | None, typer.Option(help="A right it carries; repeat for several. (default: all)")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it ends. (default: never)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the key as JSON.")] = False,
) -> None:
    """Make an API key and print it. It is shown this once; only its hash is kept.

    [bold]Examples[/bold]

      tidings api-key create "web shop" --scope messages:send --days 365

      export TIDINGS_KEY=$(tidings api-key create try-out)
    """
    made = run(_create(read_settings(), name, workspace, scope or list(Permission), days))
    if as_json:
        print_json(made)
    else:
        err.print(f"Made the key “{name}” for {made['workspace']}. Keep it now: nobody can read it again.", markup=False)
        out.print(made["key"], markup=False)


async def _create(given: Settings, name: str, workspace: str | None, scopes: list[Permission], days: int | None) -> dict[str, str]:
    from tidings.workspaces.service import create_api_key

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    async with open_database(given) as database, database.system() as session:
        owner = await choose_workspace(session, workspace)
        access = system_access(owner.id, "tidings api-key")
        made = await create_api_key(session, access, name=name, scopes=scopes, expires_at=expires_at)
        return {"id": show_id("key", made.key.id), "name": name, "workspace": owner.name, "key": made.secret}
