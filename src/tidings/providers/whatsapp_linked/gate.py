"""Keeps starts and stops of the library's clients apart from calls to them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator


class Gate:
    """Keeps calls into the library apart from starts and stops of clients.

    The library finds a client in a Go map without a lock: writing it (a start, a stop) while any call reads it ends the whole process
    ("concurrent map read and map write"). A call reads it in its first instant only, so calls just pass through.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def pass_through(self) -> None:
        with self._lock:
            pass

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        with self._lock:
            time.sleep(0.01)  # calls that passed just now have read the map by then
            yield
