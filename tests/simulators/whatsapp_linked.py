"""WhatsApp as linked devices see it, at the border of the library: codes to scan, phones that link, messages, receipts, bans.

async with LinkedWhatsApp() as whatsapp:
    provider = WhatsAppLinked(client=CLIENT, environment=whatsapp.environment)
    device = await whatsapp.device()      # once a session has begun
    await device.show("2@code"); await device.link("254711000001")
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from itertools import count
from pathlib import Path
from typing import Any, Self

from neonize.proto import Neonize_pb2 as proto
from neonize.proto.waE2E import WAWebProtobufsE2E_pb2 as e2e

ROOT = Path(__file__).parent.parent.parent
CLIENT = "tests.simulators.linked_client:FakeClient"
PEOPLE = "s.whatsapp.net"


class Device:
    """One connection of a linked device."""

    def __init__(self, whatsapp: LinkedWhatsApp, hello: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        self.whatsapp, self._writer = whatsapp, writer
        self.session: str = hello["hello"]
        self.number: str | None = hello["number"]
        """The number of an earlier link; None for a device that has to be linked."""
        self.steps: int = hello["steps"]
        """How far the store's keys have moved: as many as messages were sent in all."""
        self.pid: int = hello["pid"]
        self.path = Path(hello["path"])
        self.name: str = hello["os"]
        self.gone = asyncio.Event()

    async def show(self, code: str) -> None:
        """Give the device a code for a phone to scan."""
        self.write({"qr": code})

    async def link(self, number: str) -> None:
        """A phone scans the code."""
        self.number = number
        await self.happen(proto.PairStatus(ID=jid(number), Status=proto.PairStatus.SUCCESS), link=number)
        await self.connect()

    async def connect(self) -> None:
        await self.happen(proto.Connected(status=True))

    async def happen(self, event: Any, **more: Any) -> None:
        """Any event of the library's."""
        self.write({"event": type(event).__name__, "data": base64.b64encode(event.SerializePartialToString()).decode(), **more})

    async def write_from(self, sender: Any, message: Any, *, message_id: str = "3EB0IN", group: bool = False, **source: Any) -> None:
        """A person writes to the device."""
        chat = proto.JID(User="120363", Server="g.us") if group else sender
        info = proto.MessageInfo(
            MessageSource=proto.MessageSource(Chat=chat, Sender=sender, IsFromMe=source.pop("from_me", False), IsGroup=group, **source),
            ID=message_id, Pushname="Asha", Timestamp=1_764_000_000, Type="text",
        )  # fmt: skip
        await self.happen(proto.Message(Info=info, Message=message))

    async def receipt(self, message_ids: list[str], kind: int, *, from_me: bool = False) -> None:
        source = proto.MessageSource(Chat=jid("254711000009"), Sender=jid("254711000009"), IsFromMe=from_me, IsGroup=False)
        await self.happen(proto.Receipt(MessageSource=source, MessageIDs=message_ids, Timestamp=1_764_000_000, Type=kind))

    async def die(self) -> None:
        """The whole bridge process ends at once."""
        self.write({"die": True})

    def write(self, value: dict[str, Any]) -> None:
        self._writer.write(json.dumps(value).encode() + b"\n")


class LinkedWhatsApp:
    """The other side of every fake client. What a send meets is `failures` (by number), `silent`, or an id."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fake-whatsapp-"))
        self._socket = str(self._folder / "s")
        self.begin_anew()

    def begin_anew(self) -> None:
        """As if nothing had happened yet, for the next of several tests that share one bridge."""
        self._devices: asyncio.Queue[Device] = asyncio.Queue()
        self._ids = count(1)
        self.sent: list[tuple[str, Any]] = []
        """Recipients and messages, as they were sent."""
        self.asked: list[dict[str, Any]] = []
        self.absent: set[str] = set()
        self.failures: dict[str, str] = {}
        self.trouble: dict[str, str] = {}
        """By question (`upload`, `is_on_whatsapp`, `pair_phone`), what it is refused with."""
        self.silent = False
        self.numbers: dict[str, str] = {}
        """Hidden people's numbers, as far as the store knows them."""
        self.files: bytes = b""

    @property
    def environment(self) -> dict[str, str]:
        return {"FAKE_WHATSAPP": self._socket, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def device(self, seconds: float = 20.0) -> Device:
        """The next device that comes."""
        return await asyncio.wait_for(self._devices.get(), seconds)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        device = Device(self, json.loads(await reader.readline()), writer)
        self._devices.put_nowait(device)
        while line := await reader.readline():
            question = json.loads(line)
            answer = self._answer(question)
            if answer is not None:
                device.write({"answer": question["number_of_question"], **answer})
        device.gone.set()
        writer.close()

    def _answer(self, question: dict[str, Any]) -> dict[str, Any] | None:
        self.asked.append(question)
        if error := self.trouble.get(question["ask"]):
            return {"error": error}
        match question["ask"]:
            case "send":
                self.sent.append((question["to"], e2e.Message.FromString(base64.b64decode(question["message"]))))
                failure = self.failures.get(question["to"].partition("@")[0])
                return None if self.silent else {"error": failure} if failure else {"id": f"3EB0{next(self._ids):06}"}
            case "is_on_whatsapp":
                return {"there": [one for one in question["numbers"] if one not in self.absent]}
            case "pair_phone":
                return {"code": "ABCD-1234"}
            case "number_of":
                return {"number": self.numbers.get(question["lid"])}
            case "download":
                return {"content": base64.b64encode(self.files).decode()}
            case _:
                return {}


def jid(user: str, server: str = PEOPLE) -> Any:
    return proto.JID(User=user, Server=server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)
