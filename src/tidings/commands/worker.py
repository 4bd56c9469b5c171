"""`tidings worker`: sends messages and runs background jobs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tidings.commands.installation import database_address, read_settings, require_migrated, run
from tidings.commands.processes import end_with_parent, loading, parent_from_environment, stop_on_signals

if TYPE_CHECKING:
    from tidings.settings import Settings

FINISH_SECONDS = 45
"""What is in the air gets this long: a provider's own time-out is 30 seconds."""


def worker() -> None:
    """Send messages and run background jobs, and nothing else.

    For deployments that run several processes; start as many as you like, on as many machines: they share the work through
    the database. Ctrl-C or SIGTERM lets what is in the air end first; another worker takes over what a killed one held.

    [bold]Examples[/bold]

      tidings worker

      DATABASE_URL=postgresql://tidings:…@db/tidings tidings worker
    """
    given = read_settings()
    with database_address(given) as url:
        run(require_migrated(url))
        end_with_parent(parent_from_environment(), grace=FINISH_SECONDS)
        run(_work(given, url))


async def _work(given: Settings, url: str) -> None:
    with loading():
        from tidings.worker import run_worker

    stop = asyncio.Event()
    stop_on_signals(stop)
    await run_worker(given, url, stop)
