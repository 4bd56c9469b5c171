"""The installation of its own that a demo runs in: made anew each time, one at a time, with an owner who can sign in."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.panel import Panel

from tidings.commands.api import held_port, require_free_port
from tidings.commands.terminal import err, out, progress_bar
from tidings.commands.up import address
from tidings.errors import Conflict, Unavailable
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    from uuid import UUID

    from tidings.campaigns.models import Campaign
    from tidings.campaigns.rules import Ledger
    from tidings.db.database import Database
    from tidings.settings import Settings
    from tidings.workspaces.access import Access

EMAIL = "demo@example.com"
PATIENCE = 300.0
"""Seconds for a thousand messages, on the slowest machine."""


async def make_workspace(database: Database, password: str) -> Access:
    """The demo's business, and its owner who may do everything."""
    from tidings.workspaces.service import create_user, create_workspace

    async with database.system() as session:
        user = await create_user(session, email=EMAIL, name="Demo", password=password, is_operator=True)
        workspace = await create_workspace(
            session, name="Demo Bakery", owner_id=user.id, timezone="Africa/Nairobi", default_region="KE", default_locale="en"
        )
    return system_access(workspace.id, "tidings demo")


async def watch(database: Database, access: Access, campaign_id: UUID, stop: asyncio.Event) -> tuple[Campaign, Ledger]:
    """See a campaign through to its last recipient, those whose route still waits for a receipt included."""
    from tidings.campaigns.service import get_campaign, ledgers
    from tidings.messages.service import count_followed

    deadline = asyncio.get_running_loop().time() + PATIENCE
    with progress_bar() as bar:
        task = bar.add_task("Sending", total=None)
        while True:
            async with database.workspace(access.workspace_id) as session:
                found = await get_campaign(session, access.workspace_id, campaign_id)
                ledger = (await ledgers(session, access.workspace_id, [found]))[found.id]
                open_ = ledger.waiting + await count_followed(session, access.workspace_id, campaign_id)
            bar.update(task, total=ledger.accepted or None, completed=max(0, ledger.accepted - open_))
            over = found.status == "done" and not open_
            if over or stop.is_set() or asyncio.get_running_loop().time() > deadline:
                return found, ledger
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.2)


def invite(given: Settings, password: str) -> None:
    """Say where to look, and as whom."""
    lines = f"Dashboard  [bold]{address(given)}[/]\nE-mail     [bold]{EMAIL}[/]\nPassword   [bold]{password}[/]\n\nCtrl-C ends the demo."
    out.print(Panel(lines, title="Look around", expand=False))
    # To be copied, so never wrapped; without it the command line works on your own installation.
    err.print(
        f"For `tidings …` on this demo, in another terminal:  export TIDINGS_HOME={shlex.quote(str(given.home))}",
        markup=False,
        soft_wrap=True,
    )


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """One demo at a time: a second would wipe the first."""
    try:
        from fasteners import InterProcessLock
    except ImportError as error:
        raise Unavailable("The demo needs the embedded PostgreSQL: pip install 'tidings[embedded]'.") from error

    home.parent.mkdir(parents=True, exist_ok=True)
    lock = InterProcessLock(home.parent / ".demo.lock")
    if not lock.acquire(blocking=False):
        raise Conflict("A demo runs already. End it with Ctrl-C first.")
    try:
        yield
    finally:
        lock.release()


def wipe(home: Path) -> None:
    """Leave nothing of an earlier demo."""
    from tidings.db.embedded import start_embedded

    if (home / "postgres").exists():
        start_embedded(home).stop()  # a demo that was killed leaves its database running
    shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def chosen_port(given: Settings, asked: int | None) -> Iterator[int]:
    """The port asked for, or the first free one; nobody else's while the block runs."""
    with contextlib.ExitStack() as held:
        for port in (asked,) if asked else range(given.port, given.port + 20):
            try:
                require_free_port(given.host, port, patience=0)
                held.enter_context(held_port(given.host, port))
            except Unavailable:
                continue
            break
        else:
            raise Unavailable(
                f"Port {asked} is taken. Choose another with --port."
                if asked
                else f"The 20 ports from {given.port} are taken. Choose one with --port."
            )
        yield port
