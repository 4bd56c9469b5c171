"""Standing sessions: kept by one worker, paired, gone on with after a restart, ended by the other side; and who sends by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

import pytest

from tests.chaos.site import until
from tests.delivery import builders as messages
from tests.delivery.engine import make_engine, take_turn
from tests.supervision.builders import activity, received, settings_for, standing, supervisor, workspace
from tidings.core.ids import new_id
from tidings.providers import PROVIDERS
from tidings.providers.base import (
    Accepted,
    Balance,
    Capabilities,
    ChannelConfig,
    Description,
    ErrorCode,
    HookAnswer,
    HookRequest,
    Inbound,
    Limits,
    Outcome,
    Outgoing,
    ProviderError,
    SendFailed,
    SessionHost,
    SessionState,
)
from tidings.providers.http import Http


@dataclass
class Phone:
    """The other side: a telephone that links devices. It speaks lines of JSON over TCP."""

    linked: set[str] = field(default_factory=set)
    devices: dict[str, asyncio.StreamWriter] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    most_at_once: int = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.devices.values():
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        device = (await reader.readline()).decode().strip()
        if device in self.devices:
            self.most_at_once = 2
        self.devices[device] = writer
        self.most_at_once = max(self.most_at_once, 1)
        try:
            while line := await reader.readline():
                self.sent.append(line.decode().strip())
        finally:
            self.devices.pop(device, None)
            writer.close()

    def say(self, word: str) -> None:
        for writer in self.devices.values():
            writer.write(word.encode() + b"\n")


class LineProvider:
    """A linked device, as small as one can be."""

    description = Description(
        kind="line", label="Line", summary="", fields=(), capabilities=Capabilities(mediums=("telegram",), inbound=True, sessions=True),
        limits=Limits(per_second=None),
    )  # fmt: skip

    def __init__(self, port: int) -> None:
        self.port = port
        self.writers: dict[str, asyncio.StreamWriter] = {}

    async def run_session(self, http: Http, channel: ChannelConfig, kept: bytes | None, host: SessionHost, stop: asyncio.Event) -> None:
        await host.show(SessionState(state="connecting"))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "The line is down.") from None
        writer.write(f"{channel.channel_id}\n".encode())
        self.writers[channel.channel_id] = writer
        if kept is None:
            await host.show(SessionState(state="pairing", qr="2@secret-code"))
        else:
            await host.show(SessionState(state="connected", address=kept.decode()))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await self._listen(reader, host, stopping)
        finally:
            stopping.cancel()
            self.writers.pop(channel.channel_id, None)
            writer.close()

    async def _listen(self, reader: asyncio.StreamReader, host: SessionHost, stopping: asyncio.Future[bool]) -> None:
        while True:
            reading = asyncio.ensure_future(reader.readline())
            await asyncio.wait([reading, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                reading.cancel()
                return
            match reading.result().decode().split():
                case ["linked", address]:
                    await host.keep(address.encode())
                    await host.show(SessionState(state="connected", address=address))
                case ["message", number]:
                    await host.tell([Inbound(provider_message_id=number, sender="711", recipient=None, text=f"message {number}")])
                case ["unlinked"]:
                    await host.keep(None)
                    await host.show(SessionState(state="logged_out"))
                    return
                case []:
                    raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "The line broke.")

    async def send(self, http: Http, channel: ChannelConfig, batch: Sequence[Outgoing]) -> list[Outcome]:
        writer = self.writers.get(channel.channel_id)
        if writer is None:
            return [SendFailed(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="No session.", retryable=True) for _ in batch]
        for one in batch:
            writer.write(f"{one.to}\n".encode())
        return [Accepted(provider_message_id=one.id) for one in batch]

    async def balance(self, http: Http, channel: ChannelConfig) -> Balance:
        raise ProviderError(ErrorCode.UNSUPPORTED, "No money.")

    async def check(self, http: Http, channel: ChannelConfig) -> str:
        if channel.channel_id not in self.writers:
            raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, "No session.")
        return "The device is linked."

    def read_hook(self, channel: ChannelConfig, request: HookRequest) -> HookAnswer:
        return HookAnswer()


@pytest.fixture
async def phone(monkeypatch) -> AsyncIterator[Phone]:
    async with Phone() as opened:
        monkeypatch.setitem(PROVIDERS, "line", LineProvider(opened.port))
        yield opened


@pytest.fixture
async def channel(database, phone) -> messages.Place:
    made = messages.Place(await workspace(database.pool), new_id())
    await database.pool.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token) VALUES ($1, $2, 'Line', 'line', 'telegram', '', 'x')",
        made.workspace_id, made.channel_id,
    )  # fmt: skip
    await database.pool.execute("UPDATE channel_standing SET next_check_at = now() + interval '1 day'")
    return made


def _state(database, channel_id: UUID, wanted: str):
    async def is_so() -> bool:
        return (await standing(database.pool, channel_id))["run_state"] == wanted

    return is_so


async def test_a_device_is_linked_receives_and_goes_on_after_a_restart(database, phone, channel, tmp_path):
    settings = settings_for(tmp_path, "")

    async def shown(state: str) -> bool:
        return await database.pool.fetchval("SELECT state FROM channel_sessions WHERE channel_id = $1", channel.channel_id) == state

    async with supervisor(database, settings):
        await until(lambda: shown("pairing"), 10)
        phone.say("linked 254711000")
        await until(_state(database, channel.channel_id, "running"), 10)
        phone.say("message 1")
        phone.say("message 1")

        async def it_came() -> bool:
            return await received(database.pool, channel.channel_id) == ["message 1"]

        await until(it_came, 10)
        row = await standing(database.pool, channel.channel_id)
        assert row["run_detail"] == "254711000"
        assert b"254711000" not in await database.pool.fetchval("SELECT secret FROM channel_sessions")
    await until(lambda: _left(phone), 5)
    async with supervisor(database, settings):
        await until(_state(database, channel.channel_id, "running"), 10)  # without being linked anew
        phone.say("unlinked")

        async def is_stopped() -> bool:
            return await database.pool.fetchval("SELECT stopped_code FROM channels") == "invalid_credentials"

        await until(is_stopped, 10)
        assert await database.pool.fetchval("SELECT count(*) FROM alerts") == 1
    assert await database.pool.fetchval("SELECT secret FROM channel_sessions") is None
    assert "session_logged_out" in await activity(database.pool, channel.channel_id)


async def test_a_broken_line_is_taken_up_again(database, phone, channel, tmp_path):
    async with supervisor(database, settings_for(tmp_path, "")):
        await until(lambda: _connected(phone), 10)
        next(iter(phone.devices.values())).close()
        await until(_state(database, channel.channel_id, "degraded"), 10)
        await until(lambda: _connected(phone), 10)


async def _left(phone: Phone) -> bool:
    return not phone.devices


async def _connected(phone: Phone) -> bool:
    return bool(phone.devices)


async def test_only_the_worker_that_holds_the_session_sends_by_it(database, phone, channel, tmp_path):
    settings = settings_for(tmp_path, "")
    async with supervisor(database, settings) as holder, Http() as http:
        await until(lambda: _connected(phone), 10)
        phone.say("linked 254711000")
        await until(_state(database, channel.channel_id, "running"), 10)
        await messages.messages(database.pool, channel, 3)
        await take_turn(make_engine(database, tmp_path, http, here=new_id()), channel.channel_id)
        jobs = await database.pool.fetch("SELECT entrypoint FROM pgqueuer")
        assert [row["entrypoint"] for row in jobs] == [f"drain@{holder.worker.id}"], "the drain was put before the holder"
        assert phone.sent == []
        assert await database.pool.fetchval("SELECT count(*) FROM messages WHERE status = 'queued'") == 3
        await database.pool.execute("DELETE FROM pgqueuer")
        here = make_engine(database, tmp_path, http, here=holder.worker.id)
        await take_turn(here, channel.channel_id)
        assert len(phone.sent) == 3
        assert await database.pool.fetchval("SELECT count(*) FROM messages WHERE status = 'sent'") == 3


async def test_drains_that_were_put_before_a_dead_worker_are_dropped_by_the_next_holder(database, phone, channel, tmp_path):
    await database.pool.execute(
        "INSERT INTO pgqueuer (priority, entrypoint, payload, status, dedupe_key, execute_after) "
        "VALUES (0, 'drain@dead', '\"x\"', 'queued', $1, now())",
        f"drain:{channel.channel_id}",
    )
    async with supervisor(database, settings_for(tmp_path, "")):
        await until(lambda: _connected(phone), 10)
        assert await database.pool.fetchval("SELECT count(*) FROM pgqueuer") == 0


async def test_without_a_holder_the_messages_wait(database, phone, channel, tmp_path):
    await messages.messages(database.pool, channel, 1)
    async with Http() as http:
        await take_turn(make_engine(database, tmp_path, http, here=new_id()), channel.channel_id)
    [job] = await database.pool.fetch("SELECT entrypoint, execute_after > now() AS later FROM pgqueuer")
    assert (job["entrypoint"], job["later"]) == ("drain", True)
    assert await database.pool.fetchval("SELECT status FROM messages") == "queued"
