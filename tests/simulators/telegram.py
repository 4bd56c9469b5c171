"""Telegram's Bot API for as many bots as there are tokens, as core.telegram.org/bots/api describes it.

python -m tests.simulators.telegram --port 0

Every well-formed token is a bot from its first call on, unless it was revoked. Every chat is there and open, unless something is said to
be the matter with it. Files that a call names by address are not fetched. Beside the routes of tests/simulators/base.py:

POST   /_sim/bots        {"token", "name", "username"}: make or rename one    GET: all of them, with what waits for each
POST   /_sim/revoke      {"token"}
POST   /_sim/chat        {"token", "chat", "is": "blocked" | "missing" | … | "moved:-100…" | ""}: tests/simulators/telegram_rules.py
POST   /_sim/press       {"token", "chat", "message_id", "data"}: a press on a button
POST   /_sim/limits      {"enforced": true}: answer 429 to what comes too fast; without, it is only noted
GET    /_sim/polls       how many bots wait for updates now, how often any was asked, how many polls another one ended
GET    /_sim/violations  every message that came too fast
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Self
from urllib.parse import unquote

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.faults import Fault
from tests.simulators.telegram_bot import CONFLICT, TOKEN, Bot, Hook, Violation
from tests.simulators.telegram_hooks import Hooks
from tests.simulators.telegram_rules import MEDIA, Refused, Uploaded, answered_by, chat_of, file_of, keyboard_of, text_of, too_many
from tests.simulators.telegram_wire import answer_press, file_info, parameters, shown, webhook_info
from tests.simulators.wire import Call, Reply, reply

BOT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"
_PATH = re.compile(r"/bot(?P<token>[^/]+)/(?P<method>\w+)")
_FILE = re.compile(r"/file/bot(?P<token>[^/]+)/(?P<path>.+)")


@dataclass
class Written:
    """What came of a message from a person: the update, or None where the bot does not want such."""

    update_id: int | None


class TelegramSimulator(Simulator):
    """All bots of a world."""

    holds_answers_back = True

    def forget(self) -> None:
        super().forget()
        for bot in getattr(self, "bots", {}).values():
            bot.hook = None  # nothing more is posted to it
        self.bots: dict[str, Bot] = {}
        self.revoked: set[str] = set()
        self.enforced = False
        self.violations: list[Violation] = []
        self.conflicts = 0
        """Polls sent away because another asked for the same bot's updates."""
        self.polls: Counter[int] = Counter()
        """By bot, how often it was asked for updates."""
        self._presses = count(1)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._hooks = Hooks(self.poster, self.method)
        return self

    def bot(self, token: str = BOT_TOKEN, name: str = "", username: str = "") -> Bot:
        """The bot of a token, made where there is none yet."""
        if token not in self.bots:
            self.bots[token] = Bot(token, name, username)
        return self.bots[token]

    # --- the API ------------------------------------------------------------------------------------------------------

    async def api(self, call: Call) -> Reply:
        file, path = _FILE.fullmatch(call.path), _PATH.fullmatch(call.path)
        try:
            if file is not None:
                return self._download(self._authorized(unquote(file["token"])), unquote(file["path"]))
            if path is None:
                return Refused(404, "Not Found").reply()
            bot = self._authorized(unquote(path["token"]))
            params, files = parameters(call)
            return await self._answer(bot, path["method"].lower(), params, files)
        except Refused as refused:
            return refused.reply()

    def _authorized(self, token: str) -> Bot:
        if not TOKEN.fullmatch(token):
            raise Refused(404, "Not Found")
        if token in self.revoked:
            raise Refused(401, "Unauthorized")
        return self.bot(token)

    async def _answer(self, bot: Bot, method: str, params: dict[str, Any], files: dict[str, Uploaded]) -> Reply:
        sends = method == "sendmessage" or method in MEDIA
        to = str(params.get("chat_id") or "") if sends else method
        if sends:
            entry = self.arrived(to, {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()})
        # A fault without numbers is for messages alone; one for `getupdates` or another method names it.
        named = sends or any(fault.numbers and method in fault.numbers for fault in self.faults.all)
        fault = self.faults.next(to) if named else None
        if fault is None:
            return await self._result(bot, method, params, files, entry if sends else None)
        if sends:
            entry["fault"] = fault.kind
        answer = await self._result(bot, method, params, files, entry if sends else None) if self.takes(fault) else None
        return await self._spoiled(fault, answer)

    async def _result(
        self, bot: Bot, method: str, params: dict[str, Any], files: dict[str, Uploaded], entry: dict[str, Any] | None
    ) -> Reply:
        try:
            if entry is None:
                return reply({"ok": True, "result": await self.method(bot, method, params)})
            result = self._send(bot, method, params, files)
        except Refused as refused:
            if entry is not None:
                entry["outcome"] = refused.description
            return refused.reply()
        text = str(result.get("text") or result.get("caption") or "")
        taken = Taken(f"{result['chat']['id']}:{result['message_id']}", str(params["chat_id"]), str(bot.id), text, form=entry["form"])
        self.take(taken, entry)
        return reply({"ok": True, "result": result})

    async def _spoiled(self, fault: Fault, answer: Reply | None) -> Reply:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or Refused(404, "Not Found").reply()
            case "wrong_credentials" | "no_balance":
                return Refused(401, "Unauthorized").reply()
            case "status":
                return Refused(fault.code or 400, fault.words or "Bad Request: something is wrong").reply()
            case "rate_limited":
                return too_many(int(fault.retry_after or 1)).reply()
            case _:
                return await self.spoil(fault)

    async def method(self, bot: Bot, method: str, params: dict[str, Any]) -> Any:
        """The result of a method that is no upload. Raises `Refused`."""
        match method:
            case "getme":
                return bot.user | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
            case "getupdates":
                return await self._get_updates(bot, params)
            case "setwebhook" if params.get("url"):
                return self._set_webhook(bot, params)
            case "setwebhook" | "deletewebhook":
                bot.hook = None
                if str(params.get("drop_pending_updates", "")).lower() == "true":
                    bot.updates.clear()
                return True
            case "getwebhookinfo":
                return webhook_info(bot)
            case "getfile":
                return file_info(bot, str(params.get("file_id") or ""))
            case "answercallbackquery":
                return answer_press(bot, params)
            case "sendmessage":
                return self._send(bot, method, params, {})
            case _:
                raise Refused(404, "Not Found: method not found")

    def _send(self, bot: Bot, method: str, params: dict[str, Any], files: dict[str, Uploaded]) -> dict[str, Any]:
        chat = chat_of(bot, params)
        message: dict[str, Any] = {"from": bot.user, "chat": bot.chat(chat), "date": int(time.time())}
        name = MEDIA.get(method)
        if name is None:
            message["text"] = text_of(params, "text", 4096)
        elif name != "sticker" and (caption := text_of(params, "caption", 1024)):
            message["caption"] = caption
        if keyboard := keyboard_of(params):
            message["reply_markup"] = keyboard
        answered = answered_by(bot, chat, params)
        if name is not None:
            message |= shown(name, file_of(bot, name, params, files))
        if (violation := bot.violation(str(chat))) is not None:
            self.violations.append(violation)
            if self.enforced:
                raise too_many(max(1, int(violation.early_by + 0.999)))
        if answered is not None:
            message["reply_to_message"] = {"message_id": answered, "chat": message["chat"], "date": message["date"], "text": "earlier"}
        return {"message_id": bot.next_message_id(chat)} | message

    async def _get_updates(self, bot: Bot, params: dict[str, Any]) -> list[dict[str, Any]]:
        if bot.hook is not None:
            raise Refused(
                409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
        self.polls[bot.id] += 1
        bot.allow(params.get("allowed_updates"))
        bot.confirm(int(params.get("offset") or 0))
        word = await bot.wait(min(float(params.get("timeout") or 0), 50.0))
        if word == "conflict":
            self.conflicts += 1
            raise Refused(409, f"Conflict: {CONFLICT}")
        if word == "webhook":
            raise Refused(409, "Conflict: terminated by setWebhook request")
        most = min(max(int(params.get("limit") or 100), 1), 100)
        return list(bot.updates.values())[:most]

    def _set_webhook(self, bot: Bot, params: dict[str, Any]) -> bool:
        url, secret = str(params["url"]), str(params.get("secret_token") or "")
        if not re.match(r"https://[^\s/]+|http://127\.0\.0\.1[:/]", url):  # this machine alone may do without TLS
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        bot.allow(params.get("allowed_updates"))
        if str(params.get("drop_pending_updates", "")).lower() == "true":
            bot.updates.clear()
        if bot.hook is None or (bot.hook.url, bot.hook.secret) != (url, secret):  # "Webhook is already set" otherwise
            bot.hook = Hook(url, secret, int(params.get("max_connections") or 40))
        bot.wake("webhook")
        self._hooks.give(bot)
        return True

    def _download(self, bot: Bot, path: str) -> Reply:
        stored = next((stored for stored in bot.files.values() if stored.path == path), None)
        if stored is None:
            raise Refused(404, "Not Found")
        return Reply(200, stored.content, "application/octet-stream")

    # --- people -------------------------------------------------------------------------------------------------------

    def write(self, token: str, chat: int, **message: Any) -> int | None:
        """A person writes: `text`, `caption`, `photo` and so on as Telegram's Message has them."""
        bot = self.bot(token)
        person = {"id": abs(chat), "is_bot": False, "first_name": f"Person {abs(chat)}"}
        base = {"message_id": bot.next_message_id(chat), "from": person, "chat": bot.chat(chat), "date": int(time.time())}
        return self._update(bot, "message", base | message)

    def press(self, token: str, chat: int, message_id: int, data: str) -> str:
        """A person presses a button below a message of the bot. The id of the press."""
        bot = self.bot(token)
        number = f"{next(self._presses):019}"
        bot.pressed[number] = None
        message = {"message_id": message_id, "from": bot.user, "chat": bot.chat(chat), "date": int(time.time()), "text": "with buttons"}
        taken = self.messages.get(f"{chat}:{message_id}")
        if taken is not None and taken.form and "reply_markup" in taken.form:
            message["reply_markup"] = json.loads(taken.form["reply_markup"])
        person = {"id": abs(chat), "is_bot": False, "first_name": f"Person {abs(chat)}"}
        press = {"id": number, "from": person, "message": message, "chat_instance": str(chat), "data": data}
        self._update(bot, "callback_query", press)
        return number

    def change(self, token: str, chat: str, state: str) -> None:
        """Something becomes the matter with a chat. The bot is told of blocking and of its end, as Telegram does."""
        bot = self.bot(token)
        before, bot.chats[chat] = bot.chats.get(chat, ""), state
        was, now = ("kicked" if each in {"blocked", "kicked"} else "member" for each in (before, state))
        if was != now and chat.lstrip("-").isdecimal():
            person = {"id": abs(int(chat)), "is_bot": False, "first_name": f"Person {chat}"}
            members = {
                f"{when}_chat_member": {"user": bot.user, "status": status} | ({"until_date": 0} if status == "kicked" else {})
                for when, status in (("old", was), ("new", now))
            }
            self._update(bot, "my_chat_member", {"chat": bot.chat(int(chat)), "from": person, "date": int(time.time()), **members})

    def _update(self, bot: Bot, kind: str, value: dict[str, Any]) -> int | None:
        number = bot.add(kind, value)
        self._hooks.give(bot)
        return number

    async def post_inbound(self, **fields: Any) -> Written:  # type: ignore[override]
        """Fields: token, chat, and those of a Message: text, photo, …"""
        token, chat = str(fields.pop("token", BOT_TOKEN)), int(fields.pop("chat"))
        return Written(self.write(token, chat, **fields))

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Any:
        raise ValueError("Telegram sends no receipts")

    # --- steering -----------------------------------------------------------------------------------------------------

    async def _steer(self, call: Call) -> Any:
        wanted = call.json() if call.method == "POST" else {}
        match call.method, call.path.removeprefix("/_sim/"):
            case "POST", "bots":
                bot = self.bot(wanted["token"], wanted.get("name", ""), wanted.get("username", ""))
                bot.name, bot.username = wanted.get("name") or bot.name, wanted.get("username") or bot.username
                return bot.user
            case "GET", "bots":
                return [
                    bot.user | {"waiting": len(bot.updates), "polled": bot.is_polled, "hook": bool(bot.hook)} for bot in self.bots.values()
                ]
            case "POST", "revoke":
                self.revoked.add(wanted["token"])
                return {}
            case "POST", "chat":
                self.change(wanted["token"], str(wanted["chat"]), wanted["is"])
                return {}
            case "POST", "press":
                return {"id": self.press(wanted["token"], int(wanted["chat"]), int(wanted["message_id"]), wanted["data"])}
            case "POST", "limits":
                self.enforced = bool(wanted["enforced"])
                return {}
            case "GET", "polls":
                waiting = sum(bot.is_polled for bot in self.bots.values())
                return {"waiting": waiting, "polls": self.polls.total(), "conflicts": self.conflicts}
            case "GET", "violations":
                return [asdict(violation) for violation in self.violations]
            case _:
                return await super()._steer(call)


if __name__ == "__main__":
    run(TelegramSimulator, __doc__)
