"""Discord's HTTP API and its interactions as its public documentation describes them (docs.discord.com/developers).

python -m tests.simulators.discord --port 0
"""

from __future__ import annotations

import asyncio
import email.policy
import json
import re
import time
from email.parser import BytesParser
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

BOT_TOKEN = "c2ltdWxhdGVkLWJvdA.Simul8.token-of-the-simulated-discord-bot"
WEBHOOK_ID = "998877665544332211"
WEBHOOK_TOKEN = "simulated_webhook-token-of-some-length-0123456789"
WEBHOOK_URL = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
CHANNEL = "1100000000000000001"
WEBHOOK_CHANNEL = "1100000000000000009"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = KEY.public_key().public_bytes_raw().hex()

# Channels that refuse, in the documentation's words.
REFUSING = {
    "1100000000000010003": (404, 10003, "Unknown Channel"),
    "1100000000000050001": (403, 50001, "Missing Access"),
    "1100000000000050013": (403, 50013, "Missing Permissions"),
    "1100000000000050007": (403, 50007, "Cannot send messages to this user"),
    "1100000000000050278": (403, 50278, "Cannot send messages to this user due to having no mutual guilds"),
    "1100000000000050008": (400, 50008, "Cannot send messages in a non-text channel"),
    "1100000000000200000": (400, 200000, "Message was blocked by automatic moderation"),
    "1100000000000130000": (400, 130000, "API resource is currently overloaded. Try again a little later"),
}
MOST_BYTES = 10 * 1024 * 1024
_CHANNEL_PATH = re.compile(r"/api/v10/channels/([^/]+)/messages")
_WEBHOOK_PATH = re.compile(r"/api(?:/v10)?/webhooks/([^/]+)/([^/]+)")
_USER_AGENT = re.compile(r"DiscordBot \(https?://[^ ,)]+,? [^)]+\)")
_BODY_FIELDS = {
    "content", "nonce", "tts", "embeds", "allowed_mentions", "message_reference", "components", "sticker_ids", "attachments", "flags",
    "enforce_nonce", "poll", "username", "avatar_url", "thread_name", "applied_tags",
    "wait",  # of no meaning in a body, but apprise sends it there and Discord lets it pass
}  # fmt: skip


class DiscordSimulator(Simulator):
    """One bot, one webhook, any number of channels."""

    def forget(self) -> None:
        super().forget()
        self.slow_mode: set[str] = set()
        self.global_limit: float | None = None
        self._nonces: dict[tuple[str, str], str] = {}
        self._last = 0

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v10"

    async def api(self, call: Call) -> Reply:
        if hook := _WEBHOOK_PATH.fullmatch(call.path):
            return await self.webhook(call, hook[1], hook[2])
        if not _USER_AGENT.match(call.headers.get("user-agent", "")):
            return problem(403, 40333, "Cloudflare is blocking your request.")
        if call.headers.get("authorization") != f"Bot {BOT_TOKEN}":
            return problem(401, 0, "401: Unauthorized")
        if (call.method, call.path) == ("GET", "/api/v10/users/@me"):
            return reply({"id": "1", "username": "simulated", "discriminator": "0", "avatar": None, "global_name": None, "bot": True})
        channel = _CHANNEL_PATH.fullmatch(call.path)
        if call.method == "POST" and channel:
            return await self.post(call, channel[1], "bot")
        return problem(404, 0, "404: Not Found")

    async def webhook(self, call: Call, identity: str, token: str) -> Reply:
        if identity != WEBHOOK_ID:
            return problem(404, 10015, "Unknown Webhook")
        if token != WEBHOOK_TOKEN:
            return problem(401, 50027, "Invalid Webhook Token")
        if call.method == "GET":
            return reply({"id": identity, "type": 1, "channel_id": WEBHOOK_CHANNEL, "name": "Shop", "token": token})
        if call.method != "POST":
            return problem(405, 0, "405: Method Not Allowed")
        answer = await self.post(call, WEBHOOK_CHANNEL, "webhook")
        posted = answer.body.startswith(b'{"id"')  # not a refusal, nor a fault that comes in its place
        return Reply(204, content_type="text/plain") if posted and call.query.get("wait") not in {"true", "1"} else answer

    async def post(self, call: Call, to: str, by: str) -> Reply:
        try:
            body, files = self.read(call)
        except (ValueError, TypeError):
            return problem(400, 50109, "The request body contains invalid JSON.")
        entry = self.arrived(to, {"body": json.dumps(body), "files": ",".join(files), "query": json.dumps(call.query)})
        fault = self.faults.next(to)
        if fault is not None:
            entry["fault"] = fault.kind
        refusal = self.refusal(to, body, files, by, call)
        answer = refusal
        if refusal is not None:
            entry["outcome"] = refusal.body.decode()
        elif self.takes(fault):
            answer = reply(self.take_once(to, body, files, entry, by))
        return await self.spoiled(fault, answer) if fault is not None else answer or problem(500, 0, "no answer")

    def read(self, call: Call) -> tuple[dict[str, Any], dict[str, bytes]]:
        kind = call.headers.get("content-type", "")
        if kind.startswith("application/json"):
            body = call.json()
            if not isinstance(body, dict):
                raise TypeError("not an object")
            return body, {}
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parts = {}
        for part in BytesParser(policy=email.policy.HTTP).parsebytes(head + call.body).iter_parts():
            name = part.get_param("name", header="content-disposition")
            parts[str(name)] = part.get_payload(decode=True) or b""
        return json.loads(parts.pop("payload_json")), parts

    def refusal(self, to: str, body: dict[str, Any], files: dict[str, bytes], by: str, call: Call) -> Reply | None:
        if not re.fullmatch(r"\d{15,21}", to):
            return invalid({"channel_id": wrong("NUMBER_TYPE_COERCE", f'Value "{to}" is not snowflake.')})
        if to in REFUSING:
            return problem(*REFUSING[to])
        if self.global_limit is not None:
            return limited(self.global_limit, everywhere=True)
        if to in self.slow_mode:
            return limited(4.25, code=20016)
        if any(len(content) > MOST_BYTES for content in files.values()):
            return problem(413, 40005, "Request entity too large")
        if faulty := self.faults_of(body, by, call):
            return invalid(faulty)
        if not (body.get("content") or body.get("embeds") or files or body.get("sticker_ids") or body.get("poll")):
            return problem(400, 50006, "Cannot send an empty message")
        return None

    def faults_of(self, body: dict[str, Any], by: str, call: Call) -> dict[str, Any]:
        """What of the form is wrong, as the documentation's tree."""
        faults: dict[str, Any] = {}
        if unknown := body.keys() - _BODY_FIELDS:
            faults[min(unknown)] = wrong("UNKNOWN", "not a field of this form")
        if len(body.get("content") or "") > 2000:
            faults["content"] = wrong("BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
        if len(str(body.get("nonce", ""))) > 25:
            faults["nonce"] = wrong("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
        if by == "webhook" and ({"nonce", "message_reference"} & body.keys()):
            faults["nonce"] = wrong("UNKNOWN", "not a field of a webhook's form")
        reference = body.get("message_reference")
        if reference and reference.get("fail_if_not_exists", True) and reference.get("message_id") not in self.messages:
            faults["message_reference"] = wrong("REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        rows = body.get("components") or []
        buttons = [button for row in rows for button in row["components"]]
        if len(rows) > 5 or any(row["type"] != 1 or not 1 <= len(row["components"]) <= 5 for row in rows):
            faults["components"] = wrong("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
        if any(bad_button(button) or (by == "webhook" and button["style"] != 5) for button in buttons):
            faults["components"] = wrong("BASE_TYPE_CHOICES", "Invalid button")
        names = [button["custom_id"] for button in buttons if "custom_id" in button]
        if len(set(names)) != len(names):
            faults["components"] = wrong("COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        if by == "webhook" and rows and call.query.get("with_components") != "true":
            faults["components"] = wrong("UNKNOWN", "components of a webhook need with_components")
        return faults

    def take_once(self, to: str, body: dict[str, Any], files: dict[str, bytes], entry: dict[str, Any], by: str) -> dict[str, Any]:
        """Post it, unless a message with its enforced nonce stands there already."""
        nonce = str(body.get("nonce", ""))
        known = self._nonces.get((by, nonce)) if body.get("enforce_nonce") and nonce else None
        if known is not None:
            entry.update(outcome="known", id=known)
            return self.resource(self.messages[known])
        form = {"body": json.dumps(body), "files": ",".join(f"{name}:{len(content)}" for name, content in files.items())}
        message = Taken(self.snowflake(), to, body.get("username", by), body.get("content") or "", form=form)
        self.take(message, entry)
        if nonce:
            self._nonces[by, nonce] = message.id
        return self.resource(message)

    def snowflake(self) -> str:
        self._last = max(self._last + 1, (int(time.time() * 1000) - 1_420_070_400_000) << 22)
        return str(self._last)

    def resource(self, message: Taken) -> dict[str, Any]:
        body = json.loads((message.form or {})["body"])
        return {
            "id": message.id,
            "type": 0,
            "channel_id": message.to,
            "content": message.text,
            "author": {"id": "1", "username": "simulated", "discriminator": "0", "avatar": None, "bot": True},
            "attachments": [],
            "embeds": [],
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": False,
            "timestamp": "2026-10-01T12:00:00.000000+00:00",
            "edited_timestamp": None,
            "components": body.get("components", []),
            "nonce": body.get("nonce"),
        }

    async def spoiled(self, fault: Fault, answer: Reply | None) -> Reply:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or problem(500, 0, "no answer")
            case "wrong_credentials":
                return problem(401, 0, "401: Unauthorized")
            case "no_balance":
                return problem(403, 50001, "Missing Access")
            case "status":
                return problem(fault.http or 400, 50035 if fault.code is None else fault.code, fault.words or "Refused")
            case "rate_limited":
                return limited(float(fault.retry_after or 1.5))
            case _:
                return await self.spoil(fault)

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        raise ValueError("Discord tells nothing of a message later")

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender (a channel id), text (`/command value…`, or `button` and `message` for a press), guild (may be empty)."""
        interaction: dict[str, Any] = {
            "id": self.snowflake(),
            "application_id": "1",
            "token": "a-continuation-token",
            "version": 1,
            "channel_id": fields["sender"],
            "channel": {"id": fields["sender"], "type": 0},
        }
        user = {"id": "77", "username": "asha", "global_name": "Asha", "discriminator": "0", "avatar": None}
        if fields.get("guild", "55"):
            interaction |= {"guild_id": "55", "member": {"user": user, "nick": None, "roles": []}}
        else:
            interaction["user"] = user
        if "button" in fields:
            message = self.messages[fields["message"]]
            interaction |= {
                "type": 3,
                "data": {"custom_id": fields["button"], "component_type": 2},
                "message": self.resource(message),
            }
        else:
            name, *values = fields["text"].removeprefix("/").split(" ")
            options = [{"name": f"option{at}", "type": 3, "value": value} for at, value in enumerate(values)]
            interaction |= {"type": 2, "data": {"id": "3", "name": name, "type": 1, "options": options}}
        return await self.post_signed(fields["url"], interaction)

    async def post_signed(self, url: str, interaction: dict[str, Any]) -> Posted:
        body = json.dumps(interaction).encode()
        return await self.poster.post_body(url, body, {"content-type": "application/json", **signature(body)})


def signature(body: bytes, timestamp: str | None = None) -> dict[str, str]:
    """The headers that sign a call."""
    stamp = timestamp or str(int(time.time()))
    return {"x-signature-ed25519": KEY.sign(stamp.encode() + body).hex(), "x-signature-timestamp": stamp}


def bad_button(button: dict[str, Any]) -> bool:
    if button.get("type") != 2 or not 1 <= len(button.get("label", "")) <= 80:
        return True
    if button["style"] == 5:
        return "custom_id" in button or not re.match(r"(https?|discord)://", button.get("url", "")) or len(button["url"]) > 512
    return "url" in button or not 1 <= len(button.get("custom_id", "")) <= 100


def problem(status: int, code: int, message: str) -> Reply:
    return reply({"message": message, "code": code}, status)


def wrong(code: str, message: str) -> dict[str, Any]:
    return {"_errors": [{"code": code, "message": message}]}


def invalid(errors: dict[str, Any]) -> Reply:
    return reply({"message": "Invalid Form Body", "code": 50035, "errors": errors}, 400)


def limited(seconds: float, *, everywhere: bool = False, code: int | None = None) -> Reply:
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere} | ({"code": code} if code else {})
    scope = {"X_RateLimit_Global": "true"} if everywhere else {"X_RateLimit_Scope": "user", "X_RateLimit_Remaining": "0"}
    # Without Via the library takes a 429 for a ban by the shield before the API.
    return reply(body, 429, Retry_After=str(int(seconds) + 1), Via="1.1 google", **scope)


if __name__ == "__main__":
    run(DiscordSimulator, __doc__)
