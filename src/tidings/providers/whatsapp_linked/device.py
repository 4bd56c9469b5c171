"""One linked device inside the bridge: a client of the library, the threads around it, and its store.

Threads, because the library blocks: *run* holds the connection, *pump* hands on what happens and ends the session, *post* (post.py)
sends one message after the other. Go calls back in threads of its own; the bounded queue makes it wait when the worker is slow.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidings.providers.whatsapp_linked import store
from tidings.providers.whatsapp_linked.frames import (
    CREDIT,
    AnyEvent,
    Connected,
    Ended,
    EndKind,
    Fetch,
    Frame,
    Lost,
    Send,
    ShowCode,
    ShowQr,
    Start,
    Stored,
)
from tidings.providers.whatsapp_linked.gate import Gate
from tidings.providers.whatsapp_linked.post import Post
from tidings.providers.whatsapp_linked.wire import Library, address_of, came_of, receipt_of

QUIET_SECONDS, AT_MOST_SECONDS = 2.0, 15.0
"""A changed store is handed over when it has rested so long, and at the latest after that."""
STOP_SECONDS = 10.0
_SIGN_SECONDS = 1.0


class Device:
    """A session. `tell` writes a frame to the worker and may block."""

    def __init__(self, library: Library, gate: Gate, order: Start, folder: Path, tell: Callable[[Frame], None]) -> None:
        self.session = order.session
        self._library, self._gate, self._order, self._tell = library, gate, order, tell
        self._folder = folder
        self._path = folder / "session.db"
        self._events: queue.Queue[Callable[[], None]] = queue.Queue(maxsize=256)
        self._post = Post(library, gate, tell)
        self._credit = threading.Semaphore(CREDIT)
        self._sign = threading.Event()
        self._over: Ended | None = None
        self._closed = threading.Event()
        self._paired = bool(order.store)
        self._code_at = 0.0
        self._connect_error = ""
        self._was_online = False
        self._changed_at = self._rested_at = 0.0
        self._version = 0
        self._watch: sqlite3.Connection | None = None
        self._pump = threading.Thread(target=self._run_pump, name=f"pump-{order.session}", daemon=True)
        self._run = threading.Thread(target=self._connect, name=f"run-{order.session}", daemon=True)

    def start(self) -> None:
        self._pump.start()

    def stop(self) -> None:
        """Ask the session to end; `Ended` follows."""
        self.end("stopped")

    def acknowledge(self, count: int) -> None:
        for _ in range(count):
            self._credit.release()

    def take(self, order: Send | Fetch) -> bool:
        """Queue a message or a file. False when too much waits, or the session is over."""
        return self._over is None and self._post.take(order)

    def end(self, kind: EndKind, detail: str = "", seconds: float = 0.0) -> None:
        if self._over is None:
            self._over = Ended(session=self.session, kind=kind, detail=detail, seconds=seconds)

    def join(self, seconds: float) -> None:
        self._closed.wait(seconds)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _run_pump(self) -> None:
        try:
            store.lay_out(self._path, self._order.store)
            self._watch = sqlite3.connect(self._path, timeout=store.BUSY_SECONDS)
            self._make_client()
            with self._gate.changing():
                self._run.start()
                self._sign.wait(_SIGN_SECONDS)
            self._post.start(self._client, f"post-{self.session}")
            while self._over is None:
                self._turn()
        except store.BadStore as error:
            self.end("broken", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must learn that the session ended
            self.end("broken", f"an unexpected {type(error).__name__} in the bridge")
        self._close()

    def _turn(self) -> None:
        try:
            self._events.get(timeout=0.25)()
        except queue.Empty:
            if not self._run.is_alive():
                self.end("broken" if self._was_online else "dial", self._connect_error)
            elif self._code_at and not self._paired and time.monotonic() - self._code_at > self._order.code_seconds:
                self.end("pairing", "nobody scanned the code")
        self._look_at_store()

    def _make_client(self) -> None:
        device = self._library.device
        props = device(os="Tidings", platformType=device.CHROME)
        self._client = client = self._library.client(str(self._path), props=props, uuid=self.session)
        client.event.qr(self._on_qr)
        events = self._library.events
        for kind, act in (
            (events.ConnectedEv, lambda _: self._connected()),
            (events.DisconnectedEv, lambda _: self._lost()),
            (events.PairStatusEv, self._pair_status),
            (events.LoggedOutEv, lambda event: self.end("logged_out", _reason(event))),
            (events.StreamReplacedEv, lambda _: self.end("replaced")),
            (events.TemporaryBanEv, lambda event: self.end("banned", _name(event, "Code"), _ban_seconds(event.Expire))),
            (events.ConnectFailureEv, self._connect_failed),
            (events.ClientOutdatedEv, lambda _: self.end("outdated")),
            (events.ReceiptEv, lambda event: self._hand_on(lambda: receipt_of(self.session, event))),
            (events.MessageEv, lambda event: self._hand_on(lambda: came_of(self.session, event, self._number_of))),
        ):
            client.event(kind)(self._queued(act))

    def _queued(self, act: Callable[[Any], None]) -> Callable[[Any, Any], None]:
        def happened(_: Any, event: Any) -> None:
            self._sign.set()
            while not self._closed.is_set():
                with contextlib.suppress(queue.Full):
                    self._events.put(lambda: act(event), timeout=0.5)
                    return

        return happened

    def _on_qr(self, client: Any, code: bytes) -> None:
        self._queued(self._show_code)(client, code.decode())

    def _show_code(self, code: str) -> None:
        first, self._code_at = self._code_at == 0.0, time.monotonic()
        if not self._order.pair_phone:
            self._event(ShowQr(session=self.session, code=code))
        elif first:
            self._post.take(self._ask_code)

    def _ask_code(self) -> None:
        self._gate.pass_through()
        try:
            code = self._client.PairPhone(self._order.pair_phone, True)
        except Exception as error:  # noqa: BLE001 - the library's own classes are known to the bridge only
            self.end("pairing", f"WhatsApp gave no code for this number ({error})")
        else:
            self._event(ShowCode(session=self.session, code=code))

    def _pair_status(self, event: Any) -> None:
        if _name(event, "Status") == "SUCCESS":
            self._paired = True
        else:
            self.end("pairing", event.Error or "the phone refused")

    def _connected(self) -> None:
        self._paired = self._post.online = self._was_online = True
        self._gate.pass_through()
        me = self._client.get_me()
        address = address_of(me.JID, None, self._number_of) or ""
        self._hand_over_store()
        self._event(Connected(session=self.session, address=address))

    def _lost(self) -> None:
        if self._post.online:
            self._post.online = False
            self._event(Lost(session=self.session))

    def _connect_failed(self, event: Any) -> None:
        reason = _name(event, "Reason")
        if reason in {"LOGGED_OUT", "MAIN_DEVICE_GONE", "UNKNOWN_LOGOUT"}:
            self.end("logged_out", reason.lower())
        elif reason == "TEMP_BANNED":
            self.end("banned", reason.lower())
        elif reason == "CLIENT_OUTDATED":
            self.end("outdated")
        else:
            self.end("refused", f"{reason.lower()} {event.Message}".strip())

    def _number_of(self, jid: Any) -> Any:
        self._gate.pass_through()
        return self._client.get_pn_from_lid(jid)

    def _hand_on(self, read: Callable[[], AnyEvent | None]) -> None:
        event = None
        with contextlib.suppress(Exception):  # one message of a shape that nobody foresaw must not end the session
            event = read()
        if event is not None:
            self._event(event)

    def _event(self, event: AnyEvent) -> None:
        while not self._credit.acquire(timeout=0.5):
            if self._over is not None:
                return
        self._tell(event)

    # --- the store ----------------------------------------------------------------------------------------------------

    def _look_at_store(self) -> None:
        if not self._paired or self._watch is None:
            return
        now = time.monotonic()
        seen = store.version(self._watch)
        if seen != self._version:
            self._version, self._rested_at = seen, now
            self._changed_at = self._changed_at or now
        if self._changed_at and (now - self._rested_at > QUIET_SECONDS or now - self._changed_at > AT_MOST_SECONDS):
            self._hand_over_store()

    def _hand_over_store(self) -> None:
        self._changed_at = 0.0
        self._event(Stored(session=self.session, data=store.pack(self._path)))

    # --- its beginning and end ----------------------------------------------------------------------------------------

    def _connect(self) -> None:
        try:
            self._client.connect()
        except Exception as error:  # noqa: BLE001 - dialling fails in the library's own ways
            self._connect_error = str(error) or type(error).__name__
        finally:
            self._sign.set()

    def _close(self) -> None:
        """Disconnect, hand over the last of the store, and say that it is over: in this order."""
        ended = self._over
        assert ended is not None
        self._post.online = False
        if self._run.is_alive():
            with self._gate.changing():
                self._client.stop()
            limit = time.monotonic() + STOP_SECONDS
            while self._run.is_alive() and time.monotonic() < limit:
                self._drain(0.1)
        self._drain(0.0)
        self._closed.set()
        if self._paired and ended.kind != "logged_out":
            with contextlib.suppress(Exception):  # the worker takes what lies on the disk then, or the copy that it has
                self._tell(Stored(session=self.session, data=store.pack(self._path)))
        self._post.close()
        if self._watch is not None:
            self._watch.close()
        self._tell(ended)

    def _drain(self, seconds: float) -> None:
        """Hand on what came before the end: WhatsApp holds it for delivered."""
        with contextlib.suppress(queue.Empty):
            while True:
                act = self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
                with contextlib.suppress(Exception):  # questions to a client that has been stopped
                    act()


def _name(event: Any, field: str) -> str:
    """The name of an enumeration's value; its number where this version of the library has no name for it."""
    number = getattr(event, field)
    found = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
    return found.name if found is not None else str(number)


def _reason(event: Any) -> str:
    return _name(event, "Reason").lower()


def _ban_seconds(expire: int) -> float:
    """The library hands on a Go duration: nanoseconds where it is large."""
    return expire / 1e9 if expire > 10_000_000 else float(expire)
