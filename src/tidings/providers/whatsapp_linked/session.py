"""One standing session from the worker's side: what the bridge tells of it is shown, written down and kept."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

import structlog

from tidings.providers.base import (
    Callback,
    ChannelConfig,
    ErrorCode,
    Inbound,
    Location,
    ProviderError,
    Receipt,
    ReceivedMedia,
    SessionState,
)
from tidings.providers.whatsapp_linked.errors import INSTALL, trouble_of
from tidings.providers.whatsapp_linked.frames import AnyEvent, Came, Connected, Ended, Lost, Receipted, ShowCode, ShowQr, Start, Stored
from tidings.providers.whatsapp_linked.media import reference_text
from tidings.providers.whatsapp_linked.process import Bridge, BridgeGone, Bridges, LibraryMissing, Line

if TYPE_CHECKING:
    from tidings.providers.base import SessionHost

log = structlog.get_logger(__name__)

PAIRING_ROUNDS = 3
"""How often a row of codes (two to three minutes) is shown to nobody before the channel asks for a person."""
CONNECT_SECONDS = 180.0
"""Without a connection for so long the session is begun anew."""
STOP_SECONDS = 25.0
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_MOST_TRIES = 12
"""Some four minutes."""


class Sessions:
    """The sessions of this process, by channel."""

    def __init__(self, bridges: Bridges, code_seconds: float) -> None:
        self._bridges, self._code_seconds = bridges, code_seconds
        self._running: dict[str, Line] = {}
        self._failures: Counter[str] = Counter()
        self._numbers = count(1)

    def line_of(self, channel: ChannelConfig) -> Line | None:
        """The session that sends for a channel; None where it does not run here."""
        return self._running.get(channel.channel_id)

    async def run(self, channel: ChannelConfig, kept: bytes | None, host: SessionHost, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises `ProviderError` when the session cannot be held."""
        if channel.channel_id in self._running:
            raise ProviderError(ErrorCode.INTERNAL, "This channel's session runs in this process already.", retry_after=60.0)
        for rounds in range(1, PAIRING_ROUNDS + 1):
            ended = await self._run_once(channel, kept or b"", host, stop)
            if ended.kind == "stopped" or stop.is_set():
                return
            if ended.kind == "pairing" and rounds < PAIRING_ROUNDS and not channel.settings.get("pair_phone"):
                continue
            await self._raise(channel, host, ended)

    async def _raise(self, channel: ChannelConfig, host: SessionHost, ended: Ended) -> None:
        trouble = trouble_of(ended, self._wait(channel))
        if ended.kind == "logged_out":
            await host.keep(None)
        gone = ended.kind in {"logged_out", "pairing"}
        await host.show(SessionState(state="logged_out" if gone else "connecting", detail=trouble.detail))
        raise trouble

    def _wait(self, channel: ChannelConfig) -> float:
        """How long to leave the session alone after one more failure in a row (seconds)."""
        failures = self._failures[channel.channel_id]
        self._failures[channel.channel_id] = failures + 1
        return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures, 10)) * random.uniform(0.75, 1.0)  # noqa: S311 - so that many do not come back at once

    async def _run_once(self, channel: ChannelConfig, kept: bytes, host: SessionHost, stop: asyncio.Event) -> Ended:
        await host.show(SessionState(state="connecting"))
        bridge = await self._enter(channel)
        line: Line | None = None
        ended: Ended | None = None
        try:
            phone = channel.settings.get("pair_phone", "").removeprefix("+")
            name = f"{channel.channel_id}.{next(self._numbers)}"
            line = await bridge.open(Start(session=name, store=kept, pair_phone=phone, code_seconds=self._code_seconds))
            self._running[channel.channel_id] = line
            ended = await _Following(line, host, stop, self._failures, channel.channel_id).to_its_end()
        except BridgeGone:
            await self._lost_bridge(channel, line, host)
        finally:
            self._running.pop(channel.channel_id, None)
            if line is not None and ended is None:
                with contextlib.suppress(BridgeGone):
                    await line.stop()
            await asyncio.shield(self._bridges.leave(bridge))
        assert ended is not None
        return ended

    async def _enter(self, channel: ChannelConfig) -> Bridge:
        try:
            return await self._bridges.enter()
        except LibraryMissing as error:
            words = f"The library for WhatsApp cannot be loaded here ({error}); the operator has to look."
            raise ProviderError(ErrorCode.INVALID_CREDENTIALS, words if error.installed else INSTALL) from None
        except BridgeGone:
            raise ProviderError(
                ErrorCode.PROVIDER_UNAVAILABLE, "The process that holds WhatsApp's sessions did not start.", retry_after=self._wait(channel)
            ) from None

    async def _lost_bridge(self, channel: ChannelConfig, line: Line | None, host: SessionHost) -> None:
        """The store that the dead process left is the newest there is: with it nothing of the session is lost."""
        left = await line.rescue() if line is not None and line.was_paired else None
        if left is not None:
            await host.keep(left)
        log.warning("whatsapp_bridge_gone", channel_id=channel.channel_id, store_rescued=left is not None)
        detail = "The process that holds WhatsApp's sessions ended; it is started anew."
        await host.show(SessionState(state="connecting", detail=detail))
        raise ProviderError(ErrorCode.PROVIDER_UNAVAILABLE, detail, retry_after=self._wait(channel))


class _Following:
    """Takes what the bridge tells until it says that the session has ended."""

    def __init__(self, line: Line, host: SessionHost, stop: asyncio.Event, failures: Counter[str], channel_id: str) -> None:
        self._line, self._host, self._stop = line, host, stop
        self._failures, self._channel_id = failures, channel_id
        self._deadline: float | None = asyncio.get_running_loop().time() + CONNECT_SECONDS

    async def to_its_end(self) -> Ended:
        stopper = asyncio.create_task(self._stop_when_asked())
        try:
            while True:
                try:
                    async with asyncio.timeout_at(self._deadline):
                        events = await self._line.next()
                except TimeoutError:
                    return await self._give_up()
                ended = await self._take(events)
                await self._line.acknowledge(len(events))
                if ended is not None:
                    return ended
        finally:
            stopper.cancel()

    async def _stop_when_asked(self) -> None:
        await self._stop.wait()
        with contextlib.suppress(BridgeGone):
            await self._line.stop()
            await asyncio.sleep(STOP_SECONDS)
            self._line.happened(Ended(session=self._line.session, kind="stopped", detail="it did not end in time"))

    async def _give_up(self) -> Ended:
        self._line.online = False
        await self._line.stop()
        self._deadline = asyncio.get_running_loop().time() + STOP_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                while await self._take(events := await self._line.next()) is None:
                    await self._line.acknowledge(len(events))
        return Ended(session=self._line.session, kind="broken", detail="no connection to WhatsApp came about in time")

    async def _take(self, events: Sequence[AnyEvent]) -> Ended | None:
        """Write down what happened, in its order; receipts and messages that came together in one go."""
        callbacks: list[Callback] = []
        for event in events:
            if isinstance(event, Receipted | Came):
                callbacks += _callbacks(event)
                continue
            if callbacks:
                await self._surely(lambda told=tuple(callbacks): self._host.tell(told))  # type: ignore[misc]
                callbacks = []
            if isinstance(event, Ended):
                self._line.online = False
                return event
            await self._show(event)
        if callbacks:
            await self._surely(lambda: self._host.tell(callbacks))
        return None

    async def _show(self, event: AnyEvent) -> None:
        loop, host = asyncio.get_running_loop(), self._host
        match event:
            case ShowQr():
                self._deadline = loop.time() + CONNECT_SECONDS
                await self._surely(lambda: host.show(SessionState(state="pairing", qr=event.code)))
            case ShowCode():
                self._deadline = loop.time() + CONNECT_SECONDS
                await self._surely(lambda: host.show(SessionState(state="pairing", pairing_code=event.code)))
            case Connected():
                self._deadline = None
                self._line.online = self._line.was_paired = True
                self._failures.pop(self._channel_id, None)
                await self._surely(lambda: host.show(SessionState(state="connected", address=event.address)))
            case Lost():
                self._line.online = False
                self._deadline = loop.time() + CONNECT_SECONDS
                detail = "The connection to WhatsApp broke; it is being made anew."
                await self._surely(lambda: host.show(SessionState(state="connecting", detail=detail)))
            case Stored():
                self._line.was_paired = True
                await self._surely(lambda: host.keep(event.data))
            case _:
                pass

    async def _surely(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do it until it is done: WhatsApp holds a message for delivered and will not tell it again.

        A session that is to stop tries twice; one that fails for minutes ends, for it may be that it is no longer this worker's.
        """
        for tries in count():
            try:
                await act()
            except Exception as error:
                if (self._stop.is_set() and tries) or tries > _MOST_TRIES:
                    raise
                log.warning("whatsapp_session_not_written", channel_id=self._channel_id, kind=type(error).__name__)
            else:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)])


def _callbacks(event: Receipted | Came) -> list[Callback]:
    at = datetime.fromtimestamp(event.at, UTC) if event.at else None
    if isinstance(event, Receipted):
        return [Receipt(provider_message_id=one, status=event.status, provider_status=event.word, at=at) for one in event.message_ids]
    media: tuple[ReceivedMedia, ...] = ()
    if event.file is not None:
        file = event.file
        media = (
            ReceivedMedia(
                kind=file.kind, provider_id=reference_text(file.reference), content_type=file.content_type, file_name=file.file_name,
                size=file.size or None,
            ),
        )  # fmt: skip
    location = None
    if event.place is not None:
        place = event.place
        location = Location(latitude=place.latitude, longitude=place.longitude, name=place.name, address=place.address)
    return [
        Inbound(
            provider_message_id=event.message_id, sender=event.sender, recipient=None, text=event.text, at=at, media=media,
            sender_name=event.name, location=location, button=event.button, reply_to=event.reply_to,
        )
    ]  # fmt: skip
