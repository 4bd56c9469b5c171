"""`tidings workspace …`: the businesses of this installation."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import out, print_json
from tidings.core.ids import show_id
from tidings.errors import NotFound
from tidings.settings import Settings

workspace = typer.Typer(no_args_is_help=True, help="Make and list workspaces: one for each business.")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@workspace.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The business's name.")],
    owner: Annotated[str | None, typer.Option(help="E-mail address of a user who may do everything in it.")] = None,
    timezone: Annotated[str, typer.Option(help="Where the business is, such as Africa/Nairobi.")] = "UTC",
    region: Annotated[str, typer.Option(help="Country (two letters) of phone numbers written without one.")] = "US",
    locale: Annotated[str, typer.Option(help="Language of contacts who have none of their own.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Make a workspace. All contacts, channels and messages belong to exactly one.

    [bold]Examples[/bold]

      tidings workspace create "Green Grocers" --owner ada@example.com --region KE --timezone Africa/Nairobi
    """
    made = run(_create(read_settings(), owner, name=name, timezone=timezone, default_region=region.upper(), default_locale=locale))
    if as_json:
        print_json(made)
    else:
        out.print(f"Made the workspace {made['name']} ({made['id']}).", markup=False)


async def _create(given: Settings, owner: str | None, **chosen: Any) -> dict[str, str]:
    from tidings.workspaces import service
    from tidings.workspaces.workspace_rules import WorkspaceChanges, check_changes

    check_changes(WorkspaceChanges(**chosen))
    async with open_database(given) as database, database.system() as session:
        owner_id = None
        if owner:
            user = await service.find_user(session, owner)
            if user is None:
                raise NotFound(f"There is no user {owner}. Make them first: `tidings user create {owner}`. Nothing was made.")
            owner_id = user.id
        made = await service.create_workspace(session, owner_id=owner_id, **chosen)
        return {"id": show_id("wrk", made.id), "name": made.name}


@workspace.command("list")
def show(as_json: AsJson = False) -> None:
    """List the workspaces.

    [bold]Examples[/bold]

      tidings workspace list --json
    """
    rows = run(_list(read_settings()))
    if as_json:
        print_json(rows)
        return
    table = Table("Workspace", "Id", "Timezone", "Region")
    for row in rows:
        table.add_row(row["name"], row["id"], row["timezone"], row["default_region"])
    out.print(table)


async def _list(given: Settings) -> list[dict[str, str]]:
    from sqlalchemy import select

    from tidings.workspaces.models import Workspace

    async with open_database(given) as database, database.system() as session:
        found = (await session.scalars(select(Workspace).order_by(Workspace.name))).all()
        return [
            {"id": show_id("wrk", each.id), "name": each.name, "timezone": each.timezone, "default_region": each.default_region}
            for each in found
        ]
