"""MyOperator's public WhatsApp API as its help centre, its Postman collection and the clients that cite them describe it.

python -m tests.simulators.myoperator --port 0

Webhooks go to the plan's `url`, as the real ones go to the address set in the panel.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.whatsapp_cloud import envelope
from tests.simulators.whatsapp_rules import TEMPLATES
from tests.simulators.wire import Call, Reply, reply

API_KEY = "simulated/key+of=myoperator"
COMPANY_ID = "5f00aa11bb22cc33"
PHONE_NUMBER_ID = "87673432323365"
WABA_ID = "2101000000000001"
REFUSALS = {
    "CHAT_4001": "Insufficient wallet balance",
    "CHAT_0302": "WABA is disabled",
    "CHAT_0303": "Phone number is disabled",
    "CHAT_0304": "Phone number is not connected",
}
UNAUTHORIZED = reply({"message": "Unauthorized"}, 401)
DENIED = reply({"Message": "User is not authorized to access this resource with an explicit deny in an identity-based policy"}, 403)


class Problem(Exception):
    """Something in the request that MyOperator would not take."""


class MyOperatorSimulator(Simulator):
    """One company with one number."""

    def forget(self) -> None:
        super().forget()
        self.bodies: dict[str, dict[str, Any]] = {}
        self.refusing: str | None = None
        """One of `REFUSALS`, for every send."""
        self.provisioned = True
        self.meta_webhooks = False
        """Whether this account is given Meta's webhooks instead of MyOperator's own."""
        self.templates = [
            {
                **{name: each[name] for name in ("name", "language", "category", "components")},
                "waba_template_status": each["status"].lower(),
            }
            for each in TEMPLATES
        ]
        self._seed = os.urandom(4).hex()
        self._numbers = count(1)

    async def api(self, call: Call) -> Reply:
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if not key:
            return UNAUTHORIZED
        if scheme != "Bearer" or key != API_KEY:
            return DENIED
        if call.headers.get("x-myop-company-id") != COMPANY_ID:
            return reply({"status": "error", "code": "403", "message": "Invalid company ID!"}, 403)
        if not self.provisioned:
            return reply({"message": None}, 500)
        match call.method, call.path:
            case "POST", "/chat/messages":
                return await self.send(call)
            case "GET", "/chat/templates":
                return self.page(call)
            case _:
                return reply({"message": "Not Found"}, 404)

    async def send(self, call: Call) -> Reply:
        try:
            body = call.json()
            to = f"+{body['customer_country_code']}{body['customer_number']}"
        except (ValueError, KeyError):
            return reply({"status": "error", "code": "400", "message": "Invalid request"}, 400)
        entry = self.arrived(to, {"body": call.body.decode()})
        fault = self.faults.next(to)
        if fault is not None:
            entry["fault"] = fault.kind
        try:
            self.look_at(body)
        except Problem as problem:
            entry["outcome"] = "400"
            return reply({"status": "error", "code": "400", "message": str(problem)}, 400)
        if self.refusing is not None:
            entry["outcome"] = self.refusing
            return refusal(self.refusing)
        answer = None
        if self.takes(fault):
            message = Taken(str(uuid.uuid4()), to, PHONE_NUMBER_ID, words(body), form={"reference": body.get("myop_ref_id") or ""})
            self.bodies[message.id] = body
            self.take(message, entry)
            await self.follow_up(message)
            conversation = "conversation_id" if next(self._numbers) % 2 else "conversaton_id"  # spelt both ways by the real one
            data = {conversation: str(uuid.uuid4()), "message_id": message.id}
            answer = reply({"status": "success", "code": "200", "message": "Accepted", "data": data})
        return await self.spoiled(fault, answer) if fault is not None else answer or UNAUTHORIZED

    def look_at(self, body: dict[str, Any]) -> None:
        """Raise `Problem` for what the documentation does not have."""
        known = {"waba_id", "phone_number_id", "customer_country_code", "customer_number", "data", "reply_to", "myop_ref_id"}
        if extra := set(body) - known:
            raise Problem(f"unexpected {sorted(extra)}")
        if body["phone_number_id"] != PHONE_NUMBER_ID:
            raise Problem("phone_number_id is unknown")
        if not (str(body["customer_country_code"]).isdecimal() and str(body["customer_number"]).isdecimal()):
            raise Problem("customer_country_code and customer_number are digits")
        data = body["data"]
        match data.get("type"):
            case "text":
                if not 1 <= len(data["context"].get("body", "")) <= 4096:
                    raise Problem("body must have 1 to 4096 characters")
            case "image":
                if missing := {"link", "filename", "caption", "mime_type"} - set(data):
                    raise Problem(f"missing {sorted(missing)}")
            case "template":
                self.look_at_template(data["context"])
            case other:
                raise Problem(f"unknown type {other}")

    def look_at_template(self, context: dict[str, Any]) -> None:
        if extra := set(context) - {"template_name", "language", "body", "header", "buttons"}:
            raise Problem(f"unexpected {sorted(extra)}")
        wanted = (context["template_name"], context["language"])
        listed = next((each for each in self.templates if (each["name"], each["language"]) == wanted), None)
        if listed is None or listed["waba_template_status"] != "approved":
            raise Problem("template is not approved")
        parts = {part["type"]: part for part in listed["components"]}
        if parts["BODY"]["text"].count("{{") != len(context["body"]):
            raise Problem("body parameters do not match the template")

    async def spoiled(self, fault: Fault, answer: Reply | None) -> Reply:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or UNAUTHORIZED
            case "wrong_credentials":
                return UNAUTHORIZED
            case "no_balance":
                return refusal("CHAT_4001")
            case "status":
                return reply({"status": "error", "code": fault.words or "400", "message": "Refused on request"}, fault.http or 400)
            case _:
                return await self.spoil(fault)

    def page(self, call: Call) -> Reply:
        offset, limit = int(call.query.get("offset", 0)), int(call.query.get("limit", 10))
        results = self.templates[offset : offset + limit] if call.query.get("waba_id", WABA_ID) == WABA_ID else []
        return reply({"status": "success", "code": "200", "message": "Success", "data": {"results": results, "total": len(self.templates)}})

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        if not self.plan.url:
            raise ValueError("no plan says where webhooks go: POST /_sim/receipts with a url")
        if self.meta_webhooks:
            said: dict[str, Any] = {"id": message.id, "status": status, "timestamp": str(int(datetime.now(UTC).timestamp()))}
            if status == "failed":
                said["errors"] = [{"code": int(error_code or 131026), "title": "Failed"}]
            return await self.post_event(self.plan.url, envelope({"statuses": [said]}))
        payload: dict[str, Any] = {"id": message.id, "status": status, "myop_ref_id": None}  # null even where we gave one
        if status == "failed":
            payload["errors"] = [{"code": int(error_code or 131026), "title": "Failed"}]
        return await self.post_event(self.plan.url, event(f"message.{status}", message.to, "outgoing", payload))

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender, text, and if wanted image (an address)."""
        data: dict[str, Any] = {"type": "text", "context": {"body": fields.get("text", "")}}
        if "image" in fields:
            data = {
                "type": "image",
                "link": fields["image"],
                "caption": fields.get("text", ""),
                "mime_type": "image/jpeg",
                "filename": "a.jpg",
            }
        payload = {"id": f"{self._seed}-in-{next(self._numbers)}", "status": "received", "data": data}
        return await self.post_event(fields["url"], event("message.received", fields["sender"], "incoming", payload))

    async def post_event(self, url: str, body: dict[str, Any]) -> Posted:
        return await self.poster.post_body(url, msgspec.json.encode(body), {"content-type": "application/json"})


def event(name: str, customer: str, direction: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_type": name,
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}123Z",  # nanoseconds
        "customer_identifier": customer.removeprefix("+"),
        "direction": direction,
        "session_id": str(uuid.uuid4()),
        "payload": payload,
    }


def refusal(code: str) -> Reply:
    return reply({"status": "error", "code": code, "message": REFUSALS[code]}, 400)


def words(body: dict[str, Any]) -> str:
    data = body["data"]
    context = data.get("context", data)
    return str(context.get("body") if data["type"] == "text" else context.get("caption") or context.get("template_name"))


if __name__ == "__main__":
    run(MyOperatorSimulator, __doc__)
