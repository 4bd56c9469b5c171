"""What our long-running processes have in common: how they load, and that they end on a signal and with their parent."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PARENT = "TIDINGS_PARENT_PID"
"""In the environment of a process that `tidings up` started: the process without which it must not live on."""


@contextmanager
def loading() -> Iterator[None]:
    """Load what stays for good. None of it becomes garbage: looking for some takes a sixth of the start, and later makes requests wait."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on Ctrl-C or SIGTERM; a second signal changes nothing, so that what is in flight can end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def end_with_parent(parent: int | None, *, grace: float) -> None:
    """Ask this process to stop when `parent` is gone (killed, say), and end it after `grace` seconds if it will not.

    Looking is portable; Linux alone could be told by the kernel.
    """
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def parent_from_environment() -> int | None:
    """The `tidings up` that started this process, if one did."""
    value = os.environ.get(PARENT)
    return int(value) if value else None
