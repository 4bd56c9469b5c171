"""One bot of the Telegram simulator: its chats, files, pace, and the updates that wait for it.

An update waits until it is confirmed: by an offset beyond it (getUpdates), or by a 2xx of the webhook. A waiting poller is one future
and one timer, so that thousands of them cost nothing while nothing comes.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(r"(?P<id>[1-9]\d{4,15}):[A-Za-z0-9_-]{30,60}")
DEFAULT_ALLOWED = frozenset({
    "message", "edited_message", "channel_post", "edited_channel_post", "inline_query", "chosen_inline_result", "callback_query",
    "shipping_query", "pre_checkout_query", "poll", "poll_answer", "my_chat_member", "chat_join_request",
})  # fmt: skip
FUTURE = 10
"""An offset this far beyond the last update is taken for a mistake and read as the first one waiting (td/db/TQueue.cpp)."""
CONFLICT = "terminated by other getUpdates request; make sure that only one bot instance is running"


@dataclass
class Stored:
    """A file that the bot sent or got."""

    id: str
    path: str
    content: bytes
    name: str = ""


@dataclass
class Violation:
    """A message that came sooner than Telegram's limits allow."""

    limit: str
    bot: int
    chat: str
    early_by: float


@dataclass
class Hook:
    """A webhook as it was set."""

    url: str
    secret: str = ""
    most_at_once: int = 40
    places: asyncio.Semaphore = field(init=False)
    given: set[int] = field(default_factory=set)
    turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    last_error: str = ""
    last_error_at: int = 0

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.most_at_once)


class Pace:
    """Telegram's limits: one message a second and chat, twenty a minute and group, thirty a second in all."""

    SLACK = 0.1
    """Seconds a message may be early: the network is no metronome."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._groups: dict[str, deque[float]] = {}
        self._due = 0.0

    def early(self, chat: str, now: float) -> tuple[str, float] | None:
        """The limit that a message breaks, and seconds until it would not."""
        group = self._groups.get(chat, deque())
        waits = {
            "chat": self._last.get(chat, -math.inf) + 1.0 - now,
            "group": group[0] + 60.0 - now if len(group) == 20 else 0.0,
            "bot": self._due - now - 29 / 30,  # a bucket of thirty
        }
        limit, wait = max(waits.items(), key=lambda one: one[1])
        return (limit, wait) if wait > self.SLACK else None

    def note(self, chat: str, now: float) -> None:
        self._last[chat] = now
        if chat.startswith("-"):
            self._groups.setdefault(chat, deque(maxlen=20)).append(now)
        self._due = max(self._due, now) + 1 / 30


class Bot:
    """One bot and everything that is known of it."""

    def __init__(self, token: str, name: str = "", username: str = "") -> None:
        found = TOKEN.fullmatch(token)
        if found is None:
            raise ValueError(f"{token!r} is no bot token")
        self.token = token
        self.id = int(found["id"])
        self.name = name or f"Bot {self.id}"
        self.username = username or f"sim{self.id}_bot"
        self.chats: dict[str, str] = {}
        """What is the matter with a chat (`missing`, `blocked`, …); nothing with those that are not here."""
        self.names: dict[str, int] = {}
        self.message_ids: dict[int, int] = {}
        self.files: dict[str, Stored] = {}
        self.pressed: dict[str, str | None] = {}
        """What each press was answered; None as long as its clock shows."""
        self.pace = Pace()
        self.updates: dict[int, dict[str, Any]] = {}
        self.allowed = DEFAULT_ALLOWED
        self.hook: Hook | None = None
        self._next_update = random.randint(100_000_000, 900_000_000)
        self._poller: asyncio.Future[str] | None = None

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def user(self) -> dict[str, Any]:
        return {"id": self.id, "is_bot": True, "first_name": self.name, "username": self.username}

    def chat(self, chat: int) -> dict[str, Any]:
        if chat > 0:
            return {"id": chat, "type": "private", "first_name": f"Person {chat}"}
        name = next((name for name, number in self.names.items() if number == chat), None)
        if name is not None:
            return {"id": chat, "type": "channel", "title": name, "username": name[1:]}
        return {"id": chat, "type": "supergroup" if str(chat).startswith("-100") else "group", "title": f"Group {chat}"}

    def number_of(self, name: str) -> int:
        return self.names.setdefault(name, -1_001_000_000_000 - len(self.names))

    def next_message_id(self, chat: int) -> int:
        self.message_ids[chat] = self.message_ids.get(chat, 0) + 1
        return self.message_ids[chat]

    def store(self, content: bytes, folder: str = "documents", name: str = "") -> Stored:
        number = len(self.files) + 1
        ending = name.rpartition(".")[2] if "." in name else "bin"
        stored = Stored(f"File_{self.id}_{number:08}", f"{folder}/file_{number}.{ending}", content, name)
        self.files[stored.id] = stored
        return stored

    def violation(self, chat: str) -> Violation | None:
        """Whether a message to this chat comes too early; one that does not is counted."""
        now = time.monotonic()
        broken = self.pace.early(chat, now)
        if broken is None:
            self.pace.note(chat, now)
            return None
        return Violation(broken[0], self.id, chat, round(broken[1], 3))

    # --- what comes in ------------------------------------------------------------------------------------------------

    def add(self, kind: str, value: dict[str, Any]) -> int | None:
        """One more update; None where the bot has not asked for such."""
        if kind not in self.allowed:
            return None
        number = self._next_update
        self._next_update += 1
        self.updates[number] = {"update_id": number, kind: value}
        self.wake("update")
        return number

    def wake(self, word: str) -> None:
        """End the wait of the poller, if there is one: `update`, `conflict`, `webhook`."""
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(word)

    @property
    def is_polled(self) -> bool:
        return self._poller is not None

    async def wait(self, seconds: float) -> str:
        """Wait for an update; say what ended the wait. Whoever waited before is sent away."""
        self.wake("conflict")
        if self.updates or seconds <= 0:
            return "update"
        loop = asyncio.get_running_loop()
        self._poller = mine = loop.create_future()
        timer = loop.call_later(seconds, lambda: mine.done() or mine.set_result("nothing"))
        try:
            return await mine
        finally:
            timer.cancel()
            if self._poller is mine:
                self._poller = None

    def confirm(self, offset: int) -> None:
        """Forget what lies before an offset. Counted from the end where it is negative."""
        numbers = list(self.updates)
        if offset < 0:
            offset = numbers[offset] if -offset <= len(numbers) else 0
        if offset > self._next_update + FUTURE:
            return
        for number in numbers:
            if number < offset:
                del self.updates[number]

    def allow(self, kinds: Any) -> None:
        """`allowed_updates` as given: a list, or a list in JSON; an empty one is the usual ones, none leaves things as they are."""
        if kinds is None:
            return
        kinds = json.loads(kinds) if isinstance(kinds, str) else kinds
        self.allowed = frozenset(kinds) or DEFAULT_ALLOWED
