"""`tidings user …`: the people who sign in."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated

import typer

from tidings.commands.choosing import WorkspaceName, choose_workspace
from tidings.commands.installation import open_database, read_settings, run
from tidings.commands.terminal import err, out, print_json
from tidings.core.ids import show_id
from tidings.errors import Invalid, NotFound
from tidings.settings import Settings
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Role

user = typer.Typer(no_args_is_help=True, help="Make users, the people who sign in to the dashboard; give them new passwords.")


@user.command("create")
def create(
    email: Annotated[str, typer.Argument(help="Their e-mail address.")],
    name: Annotated[str | None, typer.Option(help="What they are called. (default: the address)")] = None,
    workspace: WorkspaceName = None,
    role: Annotated[Role | None, typer.Option(help="Take them into the workspace as this. (default: no workspace yet)")] = None,
    operator: Annotated[bool, typer.Option("--operator", help="They run the installation.")] = False,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")] = False,
    generate: Annotated[bool, typer.Option("--generate", help="Make up a password and print it once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a user. Asks for a password, unless told where to take it from.

    [bold]Examples[/bold]

      tidings user create ada@example.com --name "Ada Wanjiru"

      tidings user create bob@example.com --generate --role agent --workspace "Green Grocers"

      pass show tidings/ada | tidings user create ada@example.com --password-stdin
    """
    given = read_settings()
    password = _password(from_stdin=password_stdin, generated=generate)
    if workspace and role is None:
        raise Invalid("Say in which role with --role: owner, admin, agent or viewer. Nothing was made.")
    if role and operator:
        raise Invalid("An operator is made without --role: they run the installation. Nothing was made.")
    wanted = {"email": email, "name": name or email, "password": password}
    made = run(_create_member(given, workspace, role, wanted) if role else _create(given, wanted, operator=operator))
    if generate:
        made["password"] = password
    if as_json:
        print_json(made)
        return
    out.print(f"Made the user {made['email']} ({made['id']}).", markup=False)
    if generate:
        out.print(f"Password, shown this once: {password}", markup=False)
    if not role:
        err.print(f"Give them a workspace: tidings workspace create NAME --owner {made['email']}", markup=False)


async def _create(given: Settings, wanted: dict[str, str], *, operator: bool) -> dict[str, str]:
    from tidings.workspaces.service import create_user

    async with open_database(given) as database, database.system() as session:
        made = await create_user(session, **wanted, is_operator=operator)
        return {"id": show_id("usr", made.id), "email": made.email, "name": made.name}


async def _create_member(given: Settings, workspace: str | None, role: Role, wanted: dict[str, str]) -> dict[str, str]:
    from tidings.workspaces.members import create_member

    async with open_database(given) as database, database.system() as session:
        owner = await choose_workspace(session, workspace)
        made = await create_member(session, system_access(owner.id, "tidings user create"), role=role, **wanted)
        return {"id": show_id("usr", made.user_id), "email": made.email, "name": made.name, "workspace": owner.name, "role": made.role}


@user.command("password")
def change_password(
    email: Annotated[str, typer.Argument(help="Whose password to change.")],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")] = False,
    generate: Annotated[bool, typer.Option("--generate", help="Make up a password and print it once.")] = False,
) -> None:
    """Give somebody who forgot theirs a new password, and log them out everywhere.

    [bold]Examples[/bold]

      tidings user password ada@example.com --generate
    """
    given = read_settings()
    password = _password(from_stdin=password_stdin, generated=generate)
    run(_change_password(given, email, password))
    out.print(f"Changed the password of {email}. They are logged out everywhere.", markup=False)
    if generate:
        out.print(f"Password, shown this once: {password}", markup=False)


async def _change_password(given: Settings, email: str, password: str) -> None:
    from tidings.workspaces import service

    async with open_database(given) as database, database.system() as session:
        person = await service.find_user(session, email)
        if person is None:
            raise NotFound(f"There is no user {email}; nothing was changed.")
        await service.change_password(session, person, password, by="tidings user password")


def _password(*, from_stdin: bool, generated: bool) -> str:
    if generated:
        return secrets.token_urlsafe(15)
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Invalid("Nobody is here to type a password. Use --password-stdin or --generate; nothing was changed.")
    typed: str = typer.prompt("Password (10 characters or more)", hide_input=True, confirmation_prompt=True)
    return typed
