"""Slack's Web API and what it posts to apps, as its public documentation describes them (docs.slack.dev).

python -m tests.simulators.slack --port 0
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from itertools import count
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

BOT_TOKEN = "xoxb-" + "1" * 12 + "-simulated-bot-token"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
CHANNEL = "C024BE91L"
DIRECT = "D024BE7LH"
UPLOAD_URL = "files.getUploadURLExternal"

# Addresses that refuse, by error name.
REFUSING = {
    "C0NOTFOUND": "channel_not_found",
    "C0NOTIN": "not_in_channel",
    "C0ARCHIVED": "is_archived",
    "C0READONLY": "restricted_action_read_only_channel",
    "U0GONE": "user_disabled",
    "D0TABOFF": "messages_tab_disabled",
    "C0BUSY": "message_limit_exceeded",
}
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")


class SlackSimulator(Simulator):
    """One workspace with one app. Any channel id is a channel the app is in, but for those that refuse."""

    def forget(self) -> None:
        super().forget()
        self.scopes = {"chat:write", "files:write", "files:read"}
        self.files: dict[str, dict[str, Any]] = {}
        self._numbers = count(1)

    @property
    def api_url(self) -> str:
        return f"{self.url}/api"

    async def api(self, call: Call) -> Reply:
        if call.path.startswith("/upload/v1/"):
            return self.upload(call)
        if call.path.startswith("/files-pri/"):
            return self.download(call)
        if not call.path.startswith("/api/"):
            return Reply(404, b"<html>There's been a glitch</html>", "text/html")
        method = call.path.removeprefix("/api/")
        arguments = self.arguments(call)
        if arguments is None:
            return refusal("invalid_post_type")
        token = call.headers.get("authorization", "").removeprefix("Bearer ") or arguments.get("token", "")
        if not token:
            return refusal("not_authed")
        if token != BOT_TOKEN:
            return refusal("invalid_auth")
        match method:
            case "auth.test":
                return await self.auth_test()
            case "chat.postMessage":
                return await self.post(arguments)
            case "files.getUploadURLExternal":
                return await self.upload_url(arguments)
            case "files.completeUploadExternal":
                return await self.share(arguments)
            case _:
                return refusal("unknown_method")

    def arguments(self, call: Call) -> dict[str, Any] | None:
        """A method's arguments, from JSON, a form or the query."""
        kind = call.headers.get("content-type", "").partition(";")[0]
        if kind == "application/json":
            return dict(call.json())
        if kind in {"application/x-www-form-urlencoded", ""}:
            return {**call.query, **call.form}
        return None

    async def auth_test(self) -> Reply:
        fault = self.faults.next("auth.test")
        if fault is not None:
            return await self.spoiled(fault, None)
        ours = {"url": "https://duka.slack.com/", "team": "Duka", "user": "tidings", "team_id": "T1", "user_id": "U1", "bot_id": "B1"}
        return reply({"ok": True, **ours})

    async def post(self, arguments: dict[str, Any]) -> Reply:
        to = str(arguments.get("channel", ""))
        entry = self.arrived(to, {name: json.dumps(value) for name, value in arguments.items() if name != "token"})
        fault = self.faults.next(to)
        if fault is not None:
            entry["fault"] = fault.kind
        wrong = self.wrong(arguments)
        answer = None if wrong is None else refusal(wrong)
        if wrong is not None:
            entry["outcome"] = wrong
        elif self.takes(fault):
            answer = self.taken_answer(self.message(arguments), entry)
        return await self.spoiled(fault, answer) if fault is not None else answer or refusal("internal_error")

    def wrong(self, arguments: dict[str, Any]) -> str | None:
        """The first reason to refuse, as an error name."""
        to, text, blocks = str(arguments.get("channel", "")), arguments.get("text") or "", decoded(arguments.get("blocks")) or []
        if "chat:write" not in self.scopes:
            return "missing_scope"
        if to in REFUSING:
            return REFUSING[to]
        if not re.fullmatch(r"[CDGUW][A-Z0-9]{2,20}", to):
            return "channel_not_found"
        if not text and not blocks and not arguments.get("attachments"):
            return "no_text"
        if len(text) > 40_000:
            return "msg_too_long"
        if _ENTITY.search(text):
            return "invalid_arguments"  # stricter than Slack: a letter that had to be escaped was not
        return "invalid_blocks" if any(bad_block(block) for block in blocks) or len(blocks) > 50 else None

    def message(self, arguments: dict[str, Any]) -> Taken:
        number = next(self._numbers)
        form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
        return Taken(f"{int(time.time())}.{number:06d}", arguments["channel"], "tidings", arguments.get("text", ""), form=form)

    def taken_answer(self, message: Taken, entry: dict[str, Any]) -> Reply:
        self.take(message, entry)
        # A person's id opens the direct chat with them, and the message has that chat's id.
        place = DIRECT if message.to.startswith(("U", "W")) else message.to
        thread = (message.form or {}).get("thread_ts")
        resource = {"type": "message", "text": message.text, "user": "U1", "bot_id": "B1", "ts": message.id}
        return reply({
            "ok": True, "channel": place, "ts": message.id, "message": resource | ({"thread_ts": thread} if thread else {})
        })  # fmt: skip

    # --- files --------------------------------------------------------------------------------------------------------

    async def upload_url(self, arguments: dict[str, Any]) -> Reply:
        # A fault without numbers is for what is posted; one for this step names it.
        named = any(UPLOAD_URL in (fault.numbers or []) for fault in self.faults.all)
        if named and (fault := self.faults.next(UPLOAD_URL)) is not None:
            return await self.spoiled(fault, None)
        if "files:write" not in self.scopes:
            return refusal("missing_scope", needed="files:write")
        if not arguments.get("filename") or not str(arguments.get("length", "")).isdecimal():
            return refusal("invalid_arguments")
        file_id = f"F{next(self._numbers):09d}"
        self.files[file_id] = {"name": arguments["filename"], "length": int(arguments["length"]), "content": None}
        return reply({"ok": True, "upload_url": f"{self.url}/upload/v1/{file_id}", "file_id": file_id})

    def upload(self, call: Call) -> Reply:
        file = self.files.get(call.path.rpartition("/")[2])
        if file is None or call.method != "POST" or len(call.body) != file["length"]:
            return Reply(400, b"bad upload", "text/plain")
        file["content"] = call.body
        return Reply(200, f"OK - {len(call.body)}".encode(), "text/plain")

    def download(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {BOT_TOKEN}":
            return Reply(302, headers={"Location": "https://slack.com/signin"})  # a page to sign in, not a refusal
        return Reply(200, b"\x89PNG of a person", "image/png")

    async def share(self, arguments: dict[str, Any]) -> Reply:
        files = decoded(arguments.get("files")) or []
        to = str(arguments.get("channels") or arguments.get("channel_id") or "")
        entry = self.arrived(to, {name: json.dumps(value) for name, value in arguments.items() if name != "token"})
        fault = self.faults.next(to)
        known = [self.files.get(file.get("id", "")) for file in files]
        if not known or any(file is None or file["content"] is None for file in known):
            return refusal("file_not_found")
        answer = refusal(REFUSING[to]) if to in REFUSING else None
        if answer is None and self.takes(fault):
            arguments |= {"channel": to, "text": arguments.get("initial_comment", "")}
            self.take(self.message(arguments), entry)
            answer = reply({"ok": True, "files": [{"id": file["id"], "title": file.get("title", "")} for file in files]})
        return await self.spoiled(fault, answer) if fault is not None else answer or refusal("internal_error")

    async def spoiled(self, fault: Fault, answer: Reply | None) -> Reply:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or refusal("internal_error")
            case "wrong_credentials":
                return refusal("invalid_auth")
            case "no_balance":
                return refusal("account_inactive")
            case "status":
                answer = refusal(fault.words or "fatal_error")
                answer.status = fault.http or 200
                return answer
            case "rate_limited":
                answer = refusal("ratelimited")
                answer.status = 429
                answer.headers["Retry-After"] = fault.retry_after or "1"
                return answer
            case _:
                return await self.spoil(fault)

    # --- what it posts ------------------------------------------------------------------------------------------------

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        raise ValueError("Slack tells nothing of a message later")

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender (a channel id), text; `thread` for a reply; `button` and `message` for a press; a text with / is a command."""
        number = next(self._numbers)
        ts = f"{int(time.time())}.{number:06d}"
        if "button" in fields:
            pressed = {
                "type": "block_actions",
                "user": {"id": "U7", "name": "asha", "username": "asha", "team_id": "T1"},
                "channel": {"id": fields["sender"], "name": "directmessage"},
                "message": {"type": "message", "ts": fields["message"], "text": "…"},
                "actions": [
                    {
                        "action_id": fields.get("action", "reply_0"),
                        "block_id": "b",
                        "type": "button",
                        "value": fields["button"],
                        "text": {"type": "plain_text", "text": fields["text"], "emoji": True},
                        "action_ts": ts,
                    }
                ],
            }
            return await self.post_signed(fields["url"], urlencode({"payload": json.dumps(pressed)}), form=True)
        if fields["text"].startswith("/"):
            command, _, text = fields["text"].partition(" ")
            form = {"command": command, "text": text, "channel_id": fields["sender"], "channel_name": "x", "user_id": "U7"}
            form |= {"user_name": "asha", "team_id": "T1", "trigger_id": f"{number}.7.abc", "response_url": "https://hooks.slack.com/x"}
            return await self.post_signed(fields["url"], urlencode(form), form=True)
        event = {"type": "message", "channel": fields["sender"], "user": "U7", "text": fields["text"], "ts": ts, "event_ts": ts}
        if "thread" in fields:
            event["thread_ts"] = fields["thread"]
        envelope = {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event": event, "event_id": f"Ev{number}"}
        return await self.post_signed(fields["url"], json.dumps(envelope))

    async def post_signed(self, url: str, body: str, *, form: bool = False) -> Posted:
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        return await self.poster.post_body(url, body.encode(), {"content-type": kind, **signature(body)})


def signature(body: str, at: float | None = None) -> dict[str, str]:
    """The headers that sign a call, made by the official library and not by us."""
    stamp = str(int(time.time() if at is None else at))
    signed = SignatureVerifier(SIGNING_SECRET).generate_signature(timestamp=stamp, body=body)
    assert signed is not None
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": signed}


def decoded(value: Any) -> Any:
    """An argument that a form brings as JSON text."""
    return json.loads(value) if isinstance(value, str) and value else value


def bad_block(block: dict[str, Any]) -> bool:
    match block.get("type"):
        case "section":
            return not 1 <= len(block["text"]["text"]) <= 3000 or block["text"]["type"] != "mrkdwn"
        case "image":
            return not re.match(r"https?://", block.get("image_url", "")) or not 1 <= len(block.get("alt_text", "")) <= 2000
        case "actions":
            elements = block["elements"]
            names = {element["action_id"] for element in elements}
            return not 1 <= len(elements) <= 25 or len(names) != len(elements) or any(bad_button(element) for element in elements)
        case _:
            return True


def bad_button(button: dict[str, Any]) -> bool:
    text = button["text"]
    return text["type"] != "plain_text" or not 1 <= len(text["text"]) <= 75 or len(button.get("value", "")) > 2000


def refusal(error: str, **more: str) -> Reply:
    return reply({"ok": False, "error": error, **more})


if __name__ == "__main__":
    run(SlackSimulator, __doc__)
