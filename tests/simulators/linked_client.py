"""In the bridge, the place of neonize's client: it speaks to the test's `LinkedWhatsApp` instead of to WhatsApp.

Nobody but WhatsApp can answer the real one (its certificates are pinned). Everything else is real: the bridge process, neonize's
events and protocol buffers, a SQLite store that changes with every message as whatsmeow's does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import socket
import sqlite3
import threading
from itertools import count
from typing import Any

from neonize.events import EVENT_TO_INT, Event
from neonize.exc import IsOnWhatsAppError, NeonizeError, PairPhoneError, SendMessageError, UploadError
from neonize.proto import Neonize_pb2 as proto


class FakeClient:
    """The part of `NewClient` that the bridge uses."""

    def __init__(self, name: str, jid: Any = None, props: Any = None, uuid: str | None = None, new_device: bool = False) -> None:
        self.path, self.uuid, self.props = name, uuid or name, props
        self.event = Event(self)
        self._told: queue.Queue[tuple[Any, Any] | None] = queue.Queue(maxsize=100)  # as deep as Go's channel
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._numbers = count(1)
        self._writing = threading.Lock()
        self._store_lock = threading.Lock()

    def connect(self) -> None:
        """Blocks until the connection ends, as the real one does."""
        with self._store() as store:
            store.execute("CREATE TABLE IF NOT EXISTS link (number TEXT)")
            store.execute("CREATE TABLE IF NOT EXISTS ratchet (step INTEGER)")
            linked = store.execute("SELECT number FROM link").fetchone()
            steps = store.execute("SELECT count(*) FROM ratchet").fetchone()[0]
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(os.environ["FAKE_WHATSAPP"])
        except OSError as error:
            raise NeonizeError(f"failed to dial whatsapp web websocket: {error}") from None
        threading.Thread(target=self._dispatch, daemon=True).start()
        self._write(
            {"hello": self.uuid, "number": linked and linked[0], "steps": steps, "pid": os.getpid(), "path": self.path, "os": self.props.os}
        )
        try:
            for line in self._socket.makefile("rb"):
                self._hear(json.loads(line))
        except OSError:
            pass
        finally:
            self._told.put(None)

    def stop(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def PairPhone(self, phone: str, show_push_notification: bool) -> str:
        answer = self._ask({"ask": "pair_phone", "phone": phone})
        if answer.get("error"):
            raise PairPhoneError(answer["error"])
        return answer["code"]

    def is_on_whatsapp(self, *numbers: str) -> list[Any]:
        answer = self._ask({"ask": "is_on_whatsapp", "numbers": numbers})
        if answer.get("error"):
            raise IsOnWhatsAppError(answer["error"])
        return [proto.IsOnWhatsAppResponse(Query=one, IsIn=one in answer["there"]) for one in numbers]

    def upload(self, binary: bytes, media_type: Any = None) -> Any:
        answer = self._ask({"ask": "upload", "size": len(binary), "kind": media_type.name})
        if answer.get("error"):
            raise UploadError(answer["error"])
        return proto.UploadResponse(
            url="https://mmg.whatsapp.example/file", DirectPath="/file", MediaKey=b"k" * 32, FileEncSHA256=b"e" * 32, FileSHA256=b"f" * 32,
            FileLength=len(binary),
        )  # fmt: skip

    def download_any(self, message: Any) -> bytes:
        return base64.b64decode(self._ask({"ask": "download", "message": encoded(message)})["content"])

    def send_message(self, to: Any, message: Any) -> Any:
        self._step()  # the chat's key moves on before anything leaves
        answer = self._ask({"ask": "send", "to": f"{to.User}@{to.Server}", "message": encoded(message)})
        if answer.get("error"):
            raise SendMessageError(answer["error"])
        return proto.SendResponse(ID=answer["id"])

    def get_me(self) -> Any:
        with self._store() as store:
            (number,) = store.execute("SELECT number FROM link").fetchone()
        return proto.Device(JID=proto.JID(User=number, Server="s.whatsapp.net", Device=7))

    def get_pn_from_lid(self, jid: Any) -> Any:
        known = self._ask({"ask": "number_of", "lid": jid.User})["number"]
        return proto.JID(User=known, Server="s.whatsapp.net") if known else proto.JID()

    # --- within -------------------------------------------------------------------------------------------------------

    def _store(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=5)

    def _step(self) -> None:
        with self._store_lock, self._store() as store:
            store.execute("INSERT INTO ratchet VALUES (1)")

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = queue.Queue()
        self._write({**question, "number_of_question": number})
        return answer.get()

    def _write(self, value: dict[str, Any]) -> None:
        with self._writing:
            self._socket.sendall(json.dumps(value).encode() + b"\n")

    def _hear(self, said: dict[str, Any]) -> None:
        if "answer" in said:
            self._answers.pop(said["answer"]).put(said)
        elif "qr" in said:
            self._told.put((self._show, said["qr"]))
        elif "die" in said:
            os._exit(9)
        else:
            if "link" in said:
                with self._store() as store:
                    store.execute("INSERT INTO link VALUES (?)", (said["link"],))
            kind = getattr(proto, said["event"])
            self._told.put((self._happen, kind.FromString(base64.b64decode(said["data"]))))

    def _dispatch(self) -> None:
        while (told := self._told.get()) is not None:
            told[0](told[1])

    def _show(self, code: str) -> None:
        self.event._qr(self, code.encode())

    def _happen(self, event: Any) -> None:
        handler = self.event.list_func.get(EVENT_TO_INT[type(event)])
        if handler is not None:
            handler(self, event)


def encoded(message: Any) -> str:
    return base64.b64encode(message.SerializeToString()).decode()
