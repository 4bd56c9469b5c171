"""The `tidings` command. Each subcommand is a file in `commands/`; here they only get their names."""

from __future__ import annotations

import errno
import inspect
import sys
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from tidings.commands.analytics import analytics
from tidings.commands.api import api
from tidings.commands.api_key import api_key
from tidings.commands.backup import backup
from tidings.commands.channel import channel
from tidings.commands.demo import demo
from tidings.commands.doctor import doctor
from tidings.commands.import_ import import_contacts
from tidings.commands.migrate import migrate
from tidings.commands.openapi import openapi
from tidings.commands.providers import providers
from tidings.commands.restore import restore
from tidings.commands.rotate_keys import rotate_keys
from tidings.commands.send import send
from tidings.commands.terminal import err, out
from tidings.commands.up import up
from tidings.commands.user import user
from tidings.commands.worker import worker
from tidings.commands.workspace import workspace
from tidings.errors import TidingsError

log = structlog.get_logger(__name__)

app = typer.Typer(
    name="tidings",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # they print variables, which may hold credentials
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with [bold]tidings demo[/bold] to see it work, or [bold]tidings up[/bold] to use it.",
)

RUN = "Run it"
app.command(rich_help_panel=RUN)(demo)
app.command(rich_help_panel=RUN)(up)
app.command(rich_help_panel=RUN)(api)
app.command(rich_help_panel=RUN)(worker)
app.command(rich_help_panel=RUN)(migrate)

CARE = "Look after it"
app.command(rich_help_panel=CARE)(doctor)
app.command(rich_help_panel=CARE)(backup)
app.command(rich_help_panel=CARE)(restore)
app.command("rotate-keys", rich_help_panel=CARE)(rotate_keys)

USE = "Use it"
app.add_typer(workspace, name="workspace", rich_help_panel=USE)
app.add_typer(user, name="user", rich_help_panel=USE)
app.add_typer(api_key, name="api-key", rich_help_panel=USE)
app.command(rich_help_panel=USE)(providers)
app.add_typer(channel, name="channel", rich_help_panel=USE)
app.command("import", rich_help_panel=USE)(import_contacts)
app.command(rich_help_panel=USE)(send)
app.command(rich_help_panel=USE)(analytics)
app.command(rich_help_panel=USE)(openapi)


def _flow(group: typer.Typer) -> None:
    """Let each paragraph of a docstring fill the terminal's width, whatever width it was written in."""
    for command in group.registered_commands:
        paragraphs = (inspect.getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(part if part.startswith(" ") else " ".join(part.split("\n")) for part in paragraphs)
    for sub in group.registered_groups:
        if sub.typer_instance:
            _flow(sub.typer_instance)


_flow(app)


@app.callback()
def tidings(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=lambda asked: _print_version() if asked else None, is_eager=True),
    ] = False,
) -> None:
    """Customer messaging in which every recipient is accounted for."""


def _print_version() -> None:
    out.print(version("tidings"))
    raise typer.Exit


def main() -> None:
    """Where the program starts. What we refuse is one clear sentence and exit code 1; only a bug shows its trace."""
    try:
        app()
    except TidingsError as error:
        err.print(f"[bold red]{error.title}.[/] ", end="")
        err.print(error.detail, markup=False, soft_wrap=True)
        for field in error.errors:
            err.print(f"  {field.field}: {field.message}", markup=False, soft_wrap=True)
        sys.exit(1)
    except Exception as error:
        if refusal := _refusal(error):
            err.print("[bold red]The system refuses it.[/] ", end="")
            err.print(refusal, markup=False, soft_wrap=True)
            sys.exit(1)
        log.exception("unexpected_error")
        err.print(
            "[bold red]That is a bug in Tidings.[/] The lines above say where; what was committed before it is safe. Please report it."
        )
        sys.exit(70)  # EX_SOFTWARE of sysexits.h


def _refusal(error: Exception) -> str | None:
    """What the machine's state explains, and no fault of ours: a closed folder, a full disk."""
    if not isinstance(error, OSError) or error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENAMETOOLONG}:
        return None
    what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{what}. What was committed before is safe. Let this user read and write there, make room, or name another place."


if __name__ == "__main__":
    main()
