"""The webhooks of the Telegram simulator: posted in the order of each chat, repeated until they are taken."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pyreqwest.exceptions import PyreqwestError

from tests.simulators.callbacks import Posted, Poster
from tests.simulators.telegram_bot import Bot, Hook

FIRST_WAIT = 0.05
LONGEST_WAIT = 2.0
NOT_IN_REPLIES = ("get", "setwebhook", "deletewebhook", "close", "logout")
"""Methods that a webhook's reply may not name (WebhookActor.cpp)."""

Called = Callable[[Bot, str, dict[str, Any]], Awaitable[Any]]


class Hooks:
    """Posts updates to webhooks. `called` runs the method that a reply names; its result is told to nobody."""

    def __init__(self, poster: Poster, called: Called) -> None:
        self._poster = poster
        self._called = called

    def give(self, bot: Bot) -> None:
        """Post all updates that wait for this bot and are not on their way yet."""
        if (hook := bot.hook) is None:
            return
        for number, update in list(bot.updates.items()):
            if number not in hook.given:
                hook.given.add(number)
                self._poster.later(self._give(bot, hook, number, update))

    async def _give(self, bot: Bot, hook: Hook, number: int, update: dict[str, Any]) -> None:
        wait = FIRST_WAIT
        async with hook.turns.setdefault(_chat(update), asyncio.Lock()):
            while bot.hook is hook and number in bot.updates:
                async with hook.places:
                    posted, body = await self._post(hook, update)
                self._poster.posted.append(posted)
                if posted.answer is not None and 200 <= posted.answer <= 299:
                    bot.updates.pop(number, None)
                    await self._obey(bot, body)
                    return
                hook.last_error = posted.error or f"Wrong response from the webhook: {posted.answer}"
                hook.last_error_at = int(time.time())
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _post(self, hook: Hook, update: dict[str, Any]) -> tuple[Posted, bytes]:
        body = json.dumps(update)
        headers = {"content-type": "application/json"} | ({"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {})
        try:
            response = await self._poster._client.post(hook.url).headers(headers).body_text(body).build().send()
            return Posted(hook.url, {"update": body}, response.status), (await response.bytes()).to_bytes()
        except PyreqwestError as error:
            return Posted(hook.url, {"update": body}, None, error.message), b""

    async def _obey(self, bot: Bot, body: bytes) -> None:
        try:
            asked = json.loads(body)
            method = str(asked.pop("method")).lower()
        except (ValueError, KeyError, AttributeError, TypeError):
            return
        if not method.startswith(NOT_IN_REPLIES):
            await self._called(bot, method, asked)


def _chat(update: dict[str, Any]) -> str:
    for value in update.values():
        if isinstance(value, dict):
            return str((value.get("chat") or value.get("from") or {}).get("id", ""))
    return ""
