"""`tidings channel central …`: the channel that members' own messages went by before, and their addresses on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from tidings.commands.choosing import WorkspaceName, choose_channel, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import out, print_json
from tidings.core.ids import show_id
from tidings.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.channels.central import Kept
    from tidings.channels.models import Channel
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

central = typer.Typer(no_args_is_help=True, help="Lead members from one central channel to channels of their own.")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Named = Annotated[str, typer.Argument(metavar="CHANNEL", help="Its name or id.")]
_ROWS = 500
"""Addresses of one look."""


@central.command("mark")
def mark(name: Named, workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """Mark a channel as central: members whose address on it is kept are asked to set up their own, until they have.

    [bold]Examples[/bold]

      tidings channel central mark "Telegram shop"
    """
    _say_marked(run(_mark(read_settings(), workspace, name, central=True)), as_json)


@central.command("unmark")
def unmark(name: Named, workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """Mark a channel as central no longer. The addresses on it stay kept.

    [bold]Examples[/bold]

      tidings channel central unmark "Telegram shop"
    """
    _say_marked(run(_mark(read_settings(), workspace, name, central=False)), as_json)


@central.command("import")
def import_list(
    name: Named,
    file: Annotated[Path, typer.Argument(help="A .csv file: a member's e-mail address, then their address on the channel.")],
    workspace: WorkspaceName = None,
    as_json: AsJson = False,
) -> None:
    """Keep members' addresses on a central channel, from a file. What cannot be kept is told line by line. Safe to run twice.

    [bold]Examples[/bold]

      tidings channel central import "Telegram shop" chats.csv
    """
    try:
        text = file.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read as text: {error}. Nothing was kept.") from error
    result = run(_import(read_settings(), workspace, name, text))
    if as_json:
        print_json(result)
        return
    out.print(f"{result['added']} added, {result['changed']} changed, {result['unchanged']} were kept already.")
    for one in result["refused"]:
        out.print(f"Not kept: {one['email']}, {one['address']}: {one['reason']}", markup=False)


@central.command("list")
def show(name: Named, workspace: WorkspaceName = None, as_json: AsJson = False) -> None:
    """List the members whose address on a channel is kept, and whether they have moved to one of their own.

    [bold]Examples[/bold]

      tidings channel central list "Telegram shop" --json
    """
    rows = run(_list(read_settings(), workspace, name))
    if as_json:
        print_json(rows)
        return
    table = Table("Member", "Address", "Moved")
    for row in rows:
        table.add_row(row["email"], row["address"], "yes" if row["moved"] else "not yet")
    out.print(table)


@central.command("remove")
def remove(
    name: Named,
    email: Annotated[str, typer.Argument(help="The member's e-mail address.")],
    workspace: WorkspaceName = None,
    as_json: AsJson = False,
) -> None:
    """Forget one member's address on a channel.

    [bold]Examples[/bold]

      tidings channel central remove "Telegram shop" ada@example.com
    """
    done = run(_remove(read_settings(), workspace, name, email))
    if as_json:
        print_json(done)
    else:
        out.print(f"The address of {done['email']} is forgotten.", markup=False)


def _say_marked(done: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001
    if as_json:
        print_json(done)
    else:
        out.print(f"{done['name']} ({done['id']}) is {'central' if done['is_central'] else 'central no longer'}.", markup=False)


@asynccontextmanager
async def _chosen(given: Settings, workspace: str | None, name: str) -> AsyncIterator[tuple[AsyncSession, Access, Channel]]:
    """A workspace's transaction, and the channel meant."""
    from tidings.workspaces.access import system_access

    async with open_database(given) as database:
        async with database.system() as session:
            access = system_access((await choose_workspace(session, workspace)).id, "tidings channel central")
        async with database.workspace(access.workspace_id) as session:
            yield session, access, await choose_channel(session, access, name)


async def _mark(given: Settings, workspace: str | None, name: str, *, central: bool) -> dict[str, Any]:
    from tidings.channels.central import set_central

    async with _chosen(given, workspace, name) as (session, access, channel):
        done = await set_central(session, access, channel.id, central=central)
        return {"id": show_id("chn", done.id), "name": done.name, "is_central": done.is_central}


async def _import(given: Settings, workspace: str | None, name: str, text: str) -> dict[str, Any]:
    from tidings.channels.central import keep_addresses
    from tidings.channels.central_list import read_list

    lines = read_list(text, most=None)
    async with _chosen(given, workspace, name) as (session, access, channel):
        kept: Kept = await keep_addresses(session, access, channel.id, lines)
        return asdict(kept)


async def _list(given: Settings, workspace: str | None, name: str) -> list[dict[str, Any]]:
    from tidings.channels.central import list_addresses

    rows: list[dict[str, Any]] = []
    async with _chosen(given, workspace, name) as (session, access, channel):
        after = None
        while found := await list_addresses(session, access, channel.id, after=after, limit=_ROWS):
            rows += [
                {"member": show_id("usr", one.user_id), "email": one.email, "address": one.address, "moved": one.moved} for one in found
            ]
            after = found[-1].email
    return rows


async def _remove(given: Settings, workspace: str | None, name: str, email: str) -> dict[str, Any]:
    from tidings.channels.central import remove_address
    from tidings.workspaces.service import list_members

    async with _chosen(given, workspace, name) as (session, access, channel):
        members = {one.email: one.user_id for one in await list_members(session, access)}
        user_id = members.get(email.strip().lower())
        if user_id is None:
            raise NotFound(f"Nobody with the e-mail address {email} is a member of this workspace.")
        await remove_address(session, access, channel.id, user_id)
    return {"email": email.strip().lower(), "removed": True}
