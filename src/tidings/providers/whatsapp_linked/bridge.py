"""The bridge: a process of its own that loads the WhatsApp library and runs many linked devices for one worker.

    python -m tidings.providers.whatsapp_linked.bridge FD CLIENT

It is spawned, never forked: Go's runtime does not survive a fork. It holds no secret but the stores of its sessions, which lie in a
folder that only its own user may read; when the worker is gone it stops, destroys them and ends. Nothing is written to its outputs, on
which the library prints what it likes.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from tidings.providers.whatsapp_linked.device import STOP_SECONDS, Device
from tidings.providers.whatsapp_linked.frames import Ack, Ended, Fetch, Fetched, Frame, Ready, Send, Sent, Start, Stop, encode, read_order
from tidings.providers.whatsapp_linked.gate import Gate
from tidings.providers.whatsapp_linked.wire import Library

PREFIX = "tidings-whatsapp-"
LOCK = "lock"


def main(arguments: list[str]) -> None:
    """Serve until the worker hangs up."""
    os.umask(0o077)
    connection = socket.socket(fileno=int(arguments[0]))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    held = hold(folder)
    sweep()
    try:
        _Bridge(connection, folder).serve(arguments[1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.close()


class _Bridge:
    """The devices of this process, and the connection to the worker."""

    def __init__(self, connection: socket.socket, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._writing = threading.Lock()
        self._devices: dict[str, Device] = {}
        self._gate = Gate()

    def serve(self, client: str) -> None:
        """Load the library, say so, and do as the worker says."""
        try:
            library = load(client)
        except ModuleNotFoundError as error:
            ours = error.name is not None and error.name.split(".", maxsplit=1)[0] == "tidings"
            return self.tell(Ready(folder=str(self._folder), missing=not ours, trouble=f"no module {error.name}"))
        except Exception as error:  # noqa: BLE001 - a library for another machine, a missing libmagic: the worker tells
            return self.tell(Ready(folder=str(self._folder), trouble=f"{type(error).__name__}: {error}"[:300]))
        self.tell(Ready(folder=str(self._folder)))
        with contextlib.suppress(OSError):
            while (order := read_order(self._connection)) is not None:
                self._obey(library, order)
        for device in list(self._devices.values()):
            device.stop()
        limit = time.monotonic() + STOP_SECONDS
        for device in list(self._devices.values()):
            device.join(max(0.0, limit - time.monotonic()))
        return None

    def tell(self, frame: Frame) -> None:
        """Write a frame, whole. Blocks while the worker is behind. Silent once the worker is gone."""
        data = encode(frame)
        with self._writing, contextlib.suppress(OSError):
            self._connection.sendall(data)
        if isinstance(frame, Ended):
            self._devices.pop(frame.session, None)
            shutil.rmtree(self._folder / frame.session, ignore_errors=True)

    def _obey(self, library: Library, order: Start | Stop | Send | Fetch | Ack) -> None:
        device = self._devices.get(order.session)
        match order:
            case Start():
                folder = self._folder / order.session
                folder.mkdir(mode=0o700)
                self._devices[order.session] = device = Device(library, self._gate, order, folder, self.tell)
                device.start()
            case Stop() if device is not None:
                device.stop()
            case Ack() if device is not None:
                device.acknowledge(order.count)
            case Send() if device is None or not device.take(order):
                self.tell(Sent(request=order.request, stage="offline"))
            case Fetch() if device is None or not device.take(order):
                self.tell(Fetched(request=order.request, failure="the session is not running"))
            case _:
                pass


def load(client: str) -> Library:
    """The library, with `module:name` as the class of its clients. Raises ImportError, or what a native library raises."""
    importlib.import_module("neonize")
    logging.disable(logging.CRITICAL)  # it sets logging up for the whole process, and its lines hold people's texts
    module, _, name = client.partition(":")
    messages = importlib.import_module("neonize.proto.waE2E.WAWebProtobufsE2E_pb2")
    return Library(
        client=getattr(importlib.import_module(module), name),
        events=importlib.import_module("neonize.events"),
        messages=messages,
        jid=importlib.import_module("neonize.proto.Neonize_pb2").JID,
        media=importlib.import_module("neonize.utils.enum").MediaType,
        device=importlib.import_module("neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2").DeviceProps,
    )


def hold(folder: Path) -> IO[bytes]:
    """Mark a folder as in use for as long as the file that is returned stays open. Bridge and worker both do."""
    file = (folder / LOCK).open("ab")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def sweep() -> None:
    """Destroy what bridges left behind that were killed together with their workers."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                continue
            with (folder / LOCK).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    finally:
        os._exit(0)  # threads of the library may still wait for the network
