"""BulkSMS's JSON REST API v1 as its published OpenAPI describes it, and as strict as its schemas.

python -m tests.simulators.bulksms --port 0
"""

from __future__ import annotations

import asyncio
import base64
import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import jsonschema_rs
import smsutil

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

TOKEN_ID = "5C1237FCCD5FA17A7C58921F54B5899D-02-F"
TOKEN_SECRET = "simulated/token+secret=of bulksms"
ERRORS = "https://developer.bulksms.com/json/v1/errors#"
MOST = 30_000
FAILING = "+1111111"  # their test number: always fails, costs nothing


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_TEXT = {"type": "string"}
_RECIPIENT = _object(
    [], type={"enum": ["INTERNATIONAL", "GROUP"]}, address=_TEXT, id=_TEXT, name=_TEXT, fields={"type": "array", "items": _TEXT}
)
SUBMISSION = jsonschema_rs.validator_for(
    {
        "type": "array",
        "items": _object(
            ["to", "body"],
            to={"type": "array", "items": _RECIPIENT},
            body=_TEXT,
            **{"from": _object(["type"], type={"enum": ["INTERNATIONAL", "ALPHANUMERIC", "SHORTCODE", "REPLIABLE"]}, address=_TEXT)},
            encoding={"enum": ["TEXT", "UNICODE", "BINARY"]},
            deliveryReports={"enum": ["ALL", "ERRORS", "NONE"]},
            longMessageMaxParts={"type": "integer"},
            routingGroup={"enum": ["ECONOMY", "STANDARD", "PREMIUM"]},
            userSuppliedId={"type": "string", "maxLength": 20},
        ),
    }
)
WEBHOOK = jsonschema_rs.validator_for(
    _object(
        ["name", "url", "triggerScope"],
        name=_TEXT, url=_TEXT, triggerScope={"enum": ["SENT", "RECEIVED"]}, invokeOption={"enum": ["ONE", "MANY"]},
        active={"type": "boolean"}, onWebApp={"type": "boolean"}, contactEmailAddress={"type": ["string", "null"]},
    )
)  # fmt: skip
_SENDERS = {"INTERNATIONAL": r"\+?\d{7,15}", "ALPHANUMERIC": r".{1,11}", "SHORTCODE": r"\d{1,6}", "REPLIABLE": ""}


class BulkSmsSimulator(Simulator):
    """One account. Receipts go to the plan's `url`, and to the webhooks that were registered."""

    def forget(self) -> None:
        super().forget()
        self.balance = 812.5
        self.blocked: set[str] = set()
        self.at_once: dict[str, str] = {}
        """By number, a status such as FAILED.NOT_SENT that a message has in the answer to its submission."""
        self.webhooks: dict[int, dict[str, Any]] = {}
        self.submissions: dict[int, Any] = {}
        """Answers by deduplication number."""
        self._numbers = count(4_023_457_654)

    async def api(self, call: Call) -> Reply:
        wanted = base64.b64encode(f"{TOKEN_ID}:{TOKEN_SECRET}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {wanted}":
            return problem(401, "unauthorized", "Unauthorized")
        match call.method, call.path:
            case "POST", "/v1/messages":
                return await self.submit(call)
            case "GET", "/v1/profile":
                return reply(self.profile())
            case "POST", "/v1/webhooks":
                return await self.register(call)
            case "GET", path if path.removeprefix("/v1/messages/") in self.messages:
                return reply(self.resource(self.messages[path.removeprefix("/v1/messages/")], "SENT", "1.0"))
            case _:
                return problem(404, "not-found", "Not Found")

    def profile(self) -> dict[str, Any]:
        return {
            "id": "1",
            "username": "simulated",
            "created": "2017-01-01T10:00:00+01:00",
            "credits": {"balance": self.balance, "limit": 0, "isTransferAllowed": False},
            "quota": {"size": 20_000, "remaining": 19_999},
        }

    # --- sending --------------------------------------------------------------------------------------------------

    async def submit(self, call: Call) -> Reply:
        if call.headers.get("content-type") != "application/json":
            return problem(415, "bad-request", "Unsupported Media Type")
        entries = self.entries(call.json())
        number = call.query.get("deduplication-id")
        if wrong := self.wrong_with(call, entries, number):
            for entry in entries if isinstance(entries, list) else []:
                for to in entry.get("to") or [] if isinstance(entry, dict) else []:
                    self.arrived(str(to.get("address") if isinstance(to, dict) else to), {})["outcome"] = "bad-request"
            return problem(400, "bad-request", "Bad Request", wrong)
        recipients = [(entry, to["address"]) for entry in entries for to in entry["to"]]
        logged = [self.arrived(to, {"body": entry["body"], "mark": entry.get("userSuppliedId", "")}) for entry, to in recipients]
        if number is not None and int(number) in self.submissions:
            for entry in logged:
                entry["outcome"] = "duplicate"
            return reply(self.submissions[int(number)], 201)
        fault = next((found for _, to in recipients if (found := self.faults.next(to)) is not None), None)
        if fault is not None:
            for entry in logged:
                entry["fault"] = fault.kind
        if not self.takes(fault):
            return await self.spoiled(fault, None)
        answer = [await self.take_one(*recipient, entry) for recipient, entry in zip(recipients, logged, strict=True)]
        if number is not None:
            self.submissions[int(number)] = answer
        return reply(answer, 201) if fault is None else await self.spoiled(fault, reply(answer, 201))

    def entries(self, body: Any) -> Any:
        """The schema's form of what the prose allows as well: one entry without an array, and recipients and senders as texts."""
        listed = [body] if isinstance(body, dict) else body
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and isinstance(to := entry.get("to"), str | list):
                given = [to] if isinstance(to, str) else to
                entry["to"] = [{"type": "INTERNATIONAL", "address": one} if isinstance(one, str) else one for one in given]
            if isinstance(entry, dict) and isinstance(sender := entry.get("from"), str):
                is_name = not sender.startswith("+") and not sender.isdecimal()
                entry["from"] = {"type": "ALPHANUMERIC" if is_name else "INTERNATIONAL", "address": sender}
        return listed

    def wrong_with(self, call: Call, entries: Any, number: str | None) -> str | None:
        if fault := next(SUBMISSION.iter_errors(entries), None):
            return fault.message
        if call.query.keys() - {"auto-unicode", "deduplication-id", "schedule-date", "schedule-description"}:
            return "There is a parameter that does not exist."
        if call.query.get("auto-unicode", "true") not in {"true", "false"}:
            return "auto-unicode must be true or false."
        if number is not None and not (re.fullmatch(r"-?\d+", number) and -(2**31) <= int(number) < 2**31):
            return "deduplication-id must be an int32."
        if not 1 <= len(entries) <= MOST:
            return f"There must be 1 to {MOST} messages."
        for entry in entries:
            if wrong := self.wrong_in(entry, unicode=call.query.get("auto-unicode") == "true"):
                return wrong
        return None

    def wrong_in(self, entry: dict[str, Any], *, unicode: bool) -> str | None:
        for to in entry["to"]:
            if to.get("type", "INTERNATIONAL") != "INTERNATIONAL" or not re.fullmatch(r"\+?[1-9]\d{6,14}", to.get("address", "")):
                return "The phone number of a recipient is not valid."
        sender = entry.get("from")
        if sender and not re.fullmatch(_SENDERS[sender["type"]], sender.get("address", "")):
            return "The sender is not valid."
        parts = smsutil.split(entry["body"])
        if len(parts.parts) > entry.get("longMessageMaxParts", 3):
            return "The message has too many parts."
        if parts.encoding != "gsm0338" and not unicode and entry.get("encoding") != "UNICODE":
            return "The message would be sent with question marks."  # the real one does send it so
        return None if entry["body"] else "The body is empty."

    async def take_one(self, entry: dict[str, Any], to: str, logged: dict[str, Any]) -> dict[str, Any]:
        sender = entry.get("from", {}).get("address", "")
        message = Taken(str(next(self._numbers)), to, sender, entry["body"], form={"mark": entry.get("userSuppliedId", "")})
        self.take(message, logged)
        await self.follow_up(message)
        return self.resource(message, self.at_once.get(to, "ACCEPTED"))

    async def spoiled(self, fault: Fault | None, answer: Reply | None) -> Reply:
        assert fault is not None
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or problem(500, "internal", "Internal")
            case "wrong_credentials":
                return problem(401, "unauthorized", "Unauthorized")
            case "no_balance":
                return problem(403, "insufficient-credits", "Insufficient Credits")
            case "status":
                return problem(fault.http or 400, fault.words or "bad-request", "Bad Request", "The submission is not valid.")
            case _:
                return await self.spoil(fault)

    def resource(self, message: Taken, status: str, cost: str | None = None) -> dict[str, Any]:
        kind, _, subtype = status.partition(".")
        parts = smsutil.split(message.text)
        resource: dict[str, Any] = {
            "id": message.id,
            "type": "SENT",
            "from": message.sender.lstrip("+"),
            "to": message.to.lstrip("+"),
            "body": message.text,
            "encoding": "TEXT" if parts.encoding == "gsm0338" else "UNICODE",
            "protocolId": 0,
            "messageClass": 2,
            "submission": {"id": "1-00000000000522347562", "date": datetime.now(UTC).isoformat(timespec="seconds")},
            "status": {"id": f"{kind}.{subtype or 'null'}", "type": kind, "subtype": subtype or None},
            "relatedSentMessageId": None,
            "userSuppliedId": (message.form or {}).get("mark") or None,
            "numberOfParts": len(parts.parts) if cost else None,
            "creditCost": float(cost) if cost else None,
        }
        return resource

    # --- webhooks -------------------------------------------------------------------------------------------------

    async def register(self, call: Call) -> Reply:
        hook = call.json()
        if fault := next(WEBHOOK.iter_errors(hook), None):
            return problem(400, "bad-request", "Bad Request", fault.message)
        if hook.get("active", True):
            tested = await self.poster.post_json(hook["url"], [])
            if tested.answer is None or not 200 <= tested.answer < 300:
                return problem(400, "bad-request", "Bad Request", f"Invoking the Webhook URL caused an error: {tested.answer}")
        number = len(self.webhooks) + 1
        self.webhooks[number] = {"id": number, "active": True, "onWebApp": True, **hook}
        return reply(self.webhooks[number])

    def urls(self, scope: str) -> list[str]:
        return [hook["url"] for hook in self.webhooks.values() if hook["triggerScope"] == scope and hook["active"]]

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        """`status` is the type; `error_code` the subtype of FAILED."""
        urls = self.urls("SENT") or ([self.plan.url] if self.plan.url else [])
        if not urls:
            raise ValueError("no webhook is registered, and no plan says where reports go: POST /_sim/receipts with a url")
        if message.to in self.blocked or message.to == FAILING:
            status, error_code = "FAILED", "BLOCKED" if message.to in self.blocked else "NOT_SENT"
        word = f"FAILED.{error_code or 'EXPIRED'}" if status in {"FAILED", "undelivered"} else status
        posted = [await self.poster.post_json(url, [self.resource(message, word, "1.0")]) for url in urls]
        return posted[-1]

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender, to, text."""
        if fields["text"].strip().upper() == "STOP":
            self.blocked.add(fields["sender"])
        message = Taken(str(next(self._numbers)), fields.get("to", "27007654321"), fields["sender"], fields["text"])
        return await self.poster.post_json(fields["url"], [{**self.resource(message, "RECEIVED"), "type": "RECEIVED"}])


def problem(status: int, name: str, title: str, detail: str | None = None) -> Reply:
    return reply({"type": ERRORS + name, "title": title, "status": status, **({"detail": detail} if detail else {})}, status)


if __name__ == "__main__":
    run(BulkSmsSimulator, __doc__)
