"""What one linked device sends and fetches, one thing after the other, in a thread of its own: the library blocks."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from tidings.providers.whatsapp_linked.frames import Fetch, Fetched, Frame, Send, Sent
from tidings.providers.whatsapp_linked.gate import Gate
from tidings.providers.whatsapp_linked.wire import Library, jid_of, outgoing

MOST_ORDERS = 32
MOST_KNOWN = 5_000
"""Numbers remembered to be on WhatsApp, so that each is asked for once."""


class Post:
    """The orders of one device. `tell` writes a frame to the worker and may block."""

    def __init__(self, library: Library, gate: Gate, tell: Callable[[Frame], None]) -> None:
        self.online = False
        """Whether the device is connected: without that nothing is tried."""
        self._library, self._gate, self._tell = library, gate, tell
        self._orders: queue.Queue[Send | Fetch | Callable[[], None]] = queue.Queue(maxsize=MOST_ORDERS)
        self._known: dict[str, None] = {}
        self._closed = threading.Event()

    def start(self, client: Any, name: str) -> None:
        self._client = client
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def take(self, order: Send | Fetch | Callable[[], None]) -> bool:
        """Queue a message, a file, or something else that asks WhatsApp. False when too much waits, or it is over."""
        if self._closed.is_set():
            return False
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Take nothing more, and answer what waits: it was not sent."""
        self.online = False
        self._closed.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._refuse(self._orders.get_nowait())

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                order = self._orders.get(timeout=0.5)
            except queue.Empty:
                continue
            if isinstance(order, Send):
                self._tell(self._send(order))
            elif isinstance(order, Fetch):
                self._tell(self._fetch(order))
            else:
                order()
        self.close()  # for what was queued in the instant in which it closed

    def _refuse(self, order: Send | Fetch | Callable[[], None]) -> None:
        if isinstance(order, Send):
            self._tell(Sent(request=order.request, stage="offline"))
        elif isinstance(order, Fetch):
            self._tell(Fetched(request=order.request, failure="the session ended"))

    def _send(self, order: Send) -> Sent:
        if not self.online:
            return Sent(request=order.request, stage="offline")
        stage: Any = "address"
        try:
            to = jid_of(self._library, order.to)
            stage = "check"
            if order.to.startswith("+") and not self._is_there(order.to):
                return Sent(request=order.request, stage="absent")
            stage = "upload"
            self._gate.pass_through()
            message = outgoing(self._library, self._client, order, to)
            stage = "send"
            self._gate.pass_through()
            taken = self._client.send_message(to, message)
        except Exception as error:  # noqa: BLE001 - the library's own classes are known to the bridge only
            return Sent(request=order.request, stage=stage, failure=str(error) or type(error).__name__)
        return Sent(request=order.request, message_id=taken.ID)

    def _is_there(self, number: str) -> bool:
        if number in self._known:
            return True
        self._gate.pass_through()
        found = any(one.IsIn for one in self._client.is_on_whatsapp(number))
        if found:
            self._known[number] = None
            if len(self._known) > MOST_KNOWN:
                self._known.pop(next(iter(self._known)))
        return found

    def _fetch(self, order: Fetch) -> Fetched:
        try:
            message = self._library.messages.Message.FromString(order.reference)
            self._gate.pass_through()
            return Fetched(request=order.request, content=bytes(self._client.download_any(message)))
        except Exception as error:  # noqa: BLE001
            return Fetched(request=order.request, failure=str(error) or type(error).__name__)
