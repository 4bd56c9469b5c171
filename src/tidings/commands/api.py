"""`tidings api`: the API and the dashboard."""

from __future__ import annotations

import errno
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from tidings.commands.installation import database_address, read_settings, require_migrated, require_startable, run
from tidings.commands.processes import end_with_parent, loading, parent_from_environment
from tidings.errors import Unavailable
from tidings.logs import GRANIAN_LOGGING

if TYPE_CHECKING:
    from fastapi import FastAPI

_FINISH_SECONDS = 10
"""How long requests in the air may take to end; live pages hold theirs open and are cut off then."""

Host = Annotated[str | None, typer.Option(help="Address to listen on. (default: TIDINGS_HOST, or 127.0.0.1)")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on. (default: TIDINGS_PORT, or 8710)")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests. One is plenty for most.")]


def api(host: Host = None, port: Port = None, workers: Workers = 1) -> None:
    """Serve the API and the dashboard, and nothing else.

    For deployments that run several processes; `tidings up` starts one by itself.

    [bold]Examples[/bold]

      tidings api --host 0.0.0.0 --workers 4
    """
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    given = read_settings()
    host, port = host or given.host, port or given.port
    require_free_port(host, port)
    # Under `tidings up` it is the parent that holds the port.
    with nullcontext() if parent_from_environment() else held_port(host, port), database_address(given) as url:
        run(require_migrated(url))
        require_startable(given)
        os.environ["DATABASE_URL"] = url
        end_with_parent(parent_from_environment(), grace=_FINISH_SECONDS / 2)
        Granian(
            "tidings",
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            loop=Loops.auto,  # uvloop where there is one
            workers=workers,
            workers_kill_timeout=_FINISH_SECONDS,
            respawn_failed_workers=True,
            log_dictconfig=GRANIAN_LOGGING,
            log_level=LogLevels(given.log_level.lower()) if given.log_level == "DEBUG" else LogLevels.warning,
        ).serve(target_loader=make_app, wrap_loader=False)


def make_app() -> FastAPI:
    """Runs in each of the server's processes. Its parent is killed, it ends: nothing may hold the port that nobody watches."""
    parent = multiprocessing.parent_process()
    end_with_parent(parent.pid if parent else None, grace=_FINISH_SECONDS / 2)
    given = read_settings()
    with loading():
        from tidings.app import create_app

        return create_app(given, os.environ["DATABASE_URL"])


@contextmanager
def held_port(host: str, port: int) -> Iterator[None]:
    """Keep every other Tidings from the port while the block runs. Raises Unavailable when one has it.

    That the port is free tells nothing of one that is about to listen: on Linux our server shares it with any other of the same user
    (SO_REUSEPORT), and requests would be dealt out between two installations. A name without a file is free when its process is gone.
    """
    if sys.platform != "linux":
        yield
        return
    with socket.socket(socket.AF_UNIX) as name:
        try:
            name.bind(f"\0tidings/{host}:{port}")
        except OSError as error:
            raise _taken(host, port) from error
        yield


def require_free_port(host: str, port: int, *, patience: float = 7.0) -> None:
    """Raises Unavailable when someone else listens there. Waits `patience` seconds for a server that is just ending."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + patience
    while True:
        with socket.socket(family) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise Unavailable(
                        f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --host and --port."
                    ) from error
                if time.monotonic() > deadline:
                    raise _taken(host, port) from error
            else:
                return
        time.sleep(0.3)


def _taken(host: str, port: int) -> Unavailable:
    return Unavailable(f"Port {port} on {host} is taken: is Tidings running already? Choose another with --port or TIDINGS_PORT.")
