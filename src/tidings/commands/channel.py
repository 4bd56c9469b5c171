"""`tidings channel …`: how channels fare, and start, stop, restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from tidings.commands.channel_central import central
from tidings.commands.choosing import WorkspaceName, choose_channel, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import out, print_json
from tidings.core.ids import show_id

if TYPE_CHECKING:
    from tidings.channels.control import Action
    from tidings.settings import Settings

channel = typer.Typer(no_args_is_help=True, help="See how channels fare; start, stop and restart them.")
channel.add_typer(central, name="central")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Named = Annotated[str, typer.Argument(metavar="CHANNEL", help="Its name or id.")]


@channel.command("list")
def show(workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """List a workspace's channels: what each is to be, how it really fares, and what its last probe proved.

    [bold]Examples[/bold]

      tidings channel list --json
    """
    rows = run(_list(read_settings(), workspace))
    if as_json:
        print_json(rows)
        return
    table = Table("Channel", "Provider", "Wanted", "Is", "Health", "Detail")
    for row in rows:
        table.add_row(row["name"], row["provider"], row["desired"], row["actual"], row["health"], row["detail"])
    out.print(table)


@channel.command("start")
def start(name: Named, workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """Start a channel. One that failed must pass its check first.

    [bold]Examples[/bold]

      tidings channel start "Telegram shop"
    """
    _say(run(_control(read_settings(), workspace, name, "start")), as_json)


@channel.command("stop")
def stop(name: Named, workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """Stop a channel. Its messages wait until it is started again.

    [bold]Examples[/bold]

      tidings channel stop "Telegram shop"
    """
    _say(run(_control(read_settings(), workspace, name, "stop")), as_json)


@channel.command("restart")
def restart(name: Named, workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """Have a channel begin anew: its connection, its probes; its pauses are over.

    [bold]Examples[/bold]

      tidings channel restart "Telegram shop"
    """
    _say(run(_control(read_settings(), workspace, name, "restart")), as_json)


def _say(done: dict[str, str], as_json: bool) -> None:  # noqa: FBT001
    if as_json:
        print_json(done)
    else:
        out.print(f"{done['name']} ({done['id']}) is to be {done['desired']}.", markup=False)


async def _list(given: Settings, workspace: str | None) -> list[dict[str, Any]]:
    from tidings.channels.lifecycle import desired_of
    from tidings.channels.service import list_channels
    from tidings.channels.standing import standings
    from tidings.workspaces.access import system_access

    async with open_database(given) as database:
        async with database.system() as session:
            access = system_access((await choose_workspace(session, workspace)).id, "tidings channel")
        async with database.workspace(access.workspace_id) as session:
            found = await list_channels(session, access, limit=10_000)
            known = await standings(session, found)
    return [
        {
            "id": show_id("chn", one.id), "name": one.name, "provider": one.provider, "medium": one.medium, "receive": one.receive,
            "desired": desired_of(enabled=one.enabled), "actual": known[one.id].actual.state, "health": known[one.id].health,
            "detail": known[one.id].actual.detail,
        }
        for one in found
    ]  # fmt: skip


async def _control(given: Settings, workspace: str | None, name: str, action: Action) -> dict[str, str]:
    from tidings.channels.asking import Asking
    from tidings.channels.control import control
    from tidings.channels.lifecycle import desired_of
    from tidings.channels.vault import open_vault
    from tidings.delivery.wake import wake_after_commit
    from tidings.providers.http import Http
    from tidings.workspaces.access import system_access

    async with open_database(given) as database, Http(may_reach=given.may_override_base_url) as http:
        async with database.system() as session:
            access = system_access((await choose_workspace(session, workspace)).id, "tidings channel")
        async with database.workspace(access.workspace_id) as session:
            chosen = await choose_channel(session, access, name)
        asked = Asking(database=database, vault=open_vault(given), settings=given, http=http)
        done = await control(asked, access, chosen.id, action, wake_after_commit)
    return {"id": show_id("chn", done.id), "name": done.name, "desired": desired_of(enabled=done.enabled)}
