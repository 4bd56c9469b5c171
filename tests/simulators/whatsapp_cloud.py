"""Meta's WhatsApp Cloud API as its public reference, its OpenAPI (facebook/openapi, business messaging) and pywa describe it.

python -m tests.simulators.whatsapp_cloud --port 0

Webhooks go to the plan's `url`, as the real ones go to the one address set in the app. Further steering: POST /_sim/unreachable {"numbers"}:
who is not on WhatsApp; the fields of POST /_sim/inbound are url, sender (`+254…` or a business-scoped user id), text, and if wanted type (text, image, button, interactive, location), payload, name, reply_to.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import time
from email.parser import BytesParser
from email.policy import HTTP
from itertools import count
from typing import Any

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.whatsapp_rules import MEDIA_TYPES, TEMPLATES, refusal
from tests.simulators.wire import Call, Reply, reply

PHONE_NUMBER_ID = "106540352242922"
WABA_ID = "102290129340398"
NUMBER = "15550783881"
ACCESS_TOKEN = "EAAsimulated/access+token=of-meta"
APP_SECRET = "0123456789abcdef-simulated-app-secret"
VERIFY_TOKEN = "simulated verify token"
WINDOW_SECONDS = 24 * 3600
STATUS_OF = {
    0: 401,
    190: 401,
    10: 403,
    200: 403,
    3: 500,
    131000: 500,
    131005: 403,
    131016: 500,
    131031: 403,
    131057: 500,
    368: 403,
    130497: 403,
}
"""HTTP statuses of Meta's list of errors; all others are 400."""
_PATH = re.compile(r"^/v\d{1,3}\.\d/(?P<node>\w+)(?P<edge>/\w+)?$")


class WhatsAppSimulator(Simulator):
    """One business account with one number."""

    def __init__(self, port: int = 0, access_token: str = ACCESS_TOKEN, phone_number_id: str = PHONE_NUMBER_ID) -> None:
        super().__init__(port)
        self.access_token = access_token
        self.phone_number_id = phone_number_id

    def forget(self) -> None:
        super().forget()
        self.bodies: dict[str, dict[str, Any]] = {}
        """What was sent, by message id."""
        self.heard: dict[str, float] = {}
        """When each person wrote last; the window to answer freely is open for a day."""
        self.media: dict[str, tuple[str, bytes]] = {}
        self.templates = list(TEMPLATES)
        self.stopped: set[str] = set()
        """Who stopped marketing messages."""
        self.unreachable: set[str] = set()
        self.status = "CONNECTED"
        self.apps = [{"whatsapp_business_api_data": {"id": "1", "name": "Simulated"}}]
        self.media_host: str | None = None
        """Another place to send people to for files, as a forged answer would."""
        self._prefix = os.urandom(6).hex()
        self._numbers = count(1)

    # --- the API ----------------------------------------------------------------------------------------------------

    async def api(self, call: Call) -> Reply:
        if call.headers.get("authorization") != f"Bearer {self.access_token}":
            return problem(190, "Invalid OAuth access token - Cannot parse access token")
        if call.path.startswith("/attachments/"):
            return self.file(call)
        path = _PATH.match(call.path)
        if path is None:
            return problem(2500, "Unknown path components")
        match call.method, path["node"], path["edge"] or "":
            case "POST", self.phone_number_id, "/messages":
                return await self.send(call)
            case "POST", self.phone_number_id, "/media":
                return self.upload(call)
            case "GET", self.phone_number_id, "":
                return reply(self.number())
            case "GET", node, "/message_templates" if node == WABA_ID:
                return self.template_page(call)
            case "GET", node, "/subscribed_apps" if node == WABA_ID:
                return reply({"data": self.apps})
            case "GET", node, "" if node in self.media:
                return self.stored(node)
            case _:
                return problem(100, f"Unsupported request. Object with ID '{path['node']}' does not exist", subcode=33)

    async def send(self, call: Call) -> Reply:
        if not call.headers.get("content-type", "").startswith("application/json"):
            return problem(100, "(#100) Invalid parameter")
        try:
            body = call.json()
        except ValueError:
            return problem(100, "(#100) Invalid JSON")
        to = person(body)
        entry = self.arrived(to, {"body": call.body.decode()})
        fault = self.faults.next(to)
        if fault is not None:
            entry["fault"] = fault.kind
        wrong = self.refusal(body, to)
        answer = None if wrong is None else problem(*wrong)
        if wrong is not None:
            entry["outcome"] = str(wrong[0])
        elif self.takes(fault):
            message = self.message(body, to)
            self.take(message, entry)
            await self.follow_up(message)
            answer = reply(taken(body, to, message.id))
        return await self.spoiled(fault, answer) if fault is not None else answer or problem(1, "Unknown")

    def refusal(self, body: dict[str, Any], to: str) -> tuple[int, str] | None:
        wrong = refusal(body, self.media, self.templates)
        if wrong is not None:
            return wrong
        if digits(to) == NUMBER:
            return 131021, "(#131021) Recipient cannot be sender"
        if to in self.unreachable:
            return 131026, "(#131026) Message undeliverable"
        template = next((each for each in self.templates if each["name"] == body.get("template", {}).get("name")), None)
        if to in self.stopped and template and template["category"] == "MARKETING":
            return 131050, "(#131050) User has stopped marketing messages"
        if template is None and time.time() - self.heard.get(to, 0.0) > WINDOW_SECONDS:
            return 131047, "(#131047) Re-engagement message"
        return None

    async def spoiled(self, fault: Fault, answer: Reply | None) -> Reply:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or problem(1, "Unknown")
            case "wrong_credentials":
                return problem(190, "Error validating access token: Session has expired")
            case "no_balance":
                return problem(131042, "(#131042) Business eligibility payment issue")
            case "status":
                return problem(fault.code or 131000, "Refused on request")
            case "rate_limited":
                headers = {"Retry_After": fault.retry_after} if fault.retry_after is not None else {}
                return problem(130429, "(#130429) Rate limit hit", **headers)
            case _:
                return await self.spoil(fault)

    def message(self, body: dict[str, Any], to: str) -> Taken:
        number = f"{self._prefix}{next(self._numbers):08x}"
        message_id = f"wamid.{base64.b64encode(number.encode()).decode()}"
        self.bodies[message_id] = body
        content = body[body["type"]]
        words = content.get("body") or content.get("caption") or content.get("name") or ""
        return Taken(
            message_id,
            to,
            NUMBER,
            words["text"] if isinstance(words, dict) else words,
            form={"reference": body.get("biz_opaque_callback_data", "")},
        )

    def upload(self, call: Call) -> Reply:
        kind = call.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            return problem(100, "(#100) Invalid parameter: multipart/form-data is required")
        form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + call.body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        if "messaging_product" not in parts or parts["messaging_product"].get_payload(decode=True) != b"whatsapp":
            return problem(100, "(#100) The parameter messaging_product is required.")
        if "file" not in parts or parts["file"].get_filename() is None:
            return problem(100, "(#100) The parameter file is required.")
        content_type, content = parts["file"].get_content_type(), parts["file"].get_payload(decode=True)
        if content_type not in MEDIA_TYPES:
            return problem(100, f"(#100) Param file must be a file with one of the following types: {', '.join(MEDIA_TYPES)}")
        if len(content) > MEDIA_TYPES[content_type] * 1_048_576:
            return problem(131053, "(#131053) Media upload error")
        return reply({"id": self.add_media(content_type, content)})

    def add_media(self, content_type: str, content: bytes) -> str:
        media_id = f"{next(self._numbers):015d}"
        self.media[media_id] = (content_type, content)
        return media_id

    def stored(self, media_id: str) -> Reply:
        content_type, content = self.media[media_id]
        return reply(
            {
                "messaging_product": "whatsapp",
                "url": f"{self.media_host or self.url}/attachments/?mid={media_id}",
                "mime_type": content_type,
                "sha256": hashlib.sha256(content).hexdigest(),
                "file_size": len(content),
                "id": media_id,
            }
        )

    def file(self, call: Call) -> Reply:
        found = self.media.get(call.query.get("mid", ""))
        return Reply(404) if found is None else Reply(200, found[1], found[0])

    def number(self) -> dict[str, Any]:
        return {
            "verified_name": "The Shop",
            "display_phone_number": "+1 555-078-3881",
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
            "status": self.status,
            "id": self.phone_number_id,
        }

    def template_page(self, call: Call) -> Reply:
        start, limit = int(call.query.get("after") or 0), int(call.query.get("limit", 25))
        end = start + limit
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(min(end, len(self.templates)))}}
        if end < len(self.templates):
            paging["next"] = f"{self.url}{call.path}?access_token=…&after={end}"
        # Given where `summary` asks for the counts.
        counts = {"total_count": len(self.templates), "message_template_count": len(self.templates), "message_template_limit": 6000}
        summary = {"summary": {**counts, "are_translations_complete": True}} if "summary" in call.query else {}
        return reply({"data": self.templates[start:end], "paging": paging, **summary})

    # --- webhooks -----------------------------------------------------------------------------------------------------

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        if not self.plan.url:
            raise ValueError("no plan says where webhooks go: POST /_sim/receipts with a url")
        said: dict[str, Any] = {
            "id": message.id,
            "status": status,
            "timestamp": str(int(time.time())),
            **({"recipient_id": digits(message.to)} if message.to[-1:].isdigit() and "." not in message.to else {}),
            "recipient_user_id": user_id(message.to),
            "biz_opaque_callback_data": (message.form or {}).get("reference", ""),
        }
        if status == "failed":
            code = int(error_code or 131026)
            said["errors"] = [{"code": code, "title": "Failed", "message": "Failed", "error_data": {"details": "Simulated."}}]
        return await self.post_event(self.plan.url, {"contacts": [contact(message.to)], "statuses": [said]})

    async def post_inbound(self, **fields: str) -> Posted:
        sender = fields["sender"]
        self.heard[sender] = time.time()
        message = {
            **({"from": digits(sender)} if sender.startswith("+") else {}),
            "from_user_id": user_id(sender),
            "id": f"wamid.in{self._prefix}{next(self._numbers)}",
            "timestamp": str(int(time.time())),
            **({"context": {"from": NUMBER, "id": fields["reply_to"]}} if "reply_to" in fields else {}),
            **self.content(fields),
        }
        return await self.post_event(fields["url"], {"contacts": [contact(sender, fields.get("name", "Asha"))], "messages": [message]})

    def content(self, fields: dict[str, str]) -> dict[str, Any]:
        match fields.get("type", "text"):
            case "image":
                media_id = self.add_media("image/jpeg", b"\xff\xd8 a picture")
                picture = {"id": media_id, "mime_type": "image/jpeg", "caption": fields.get("text", ""), "sha256": "c2ltdWxhdGVk"}
                return {"type": "image", "image": picture}
            case "button":
                return {"type": "button", "button": {"text": fields["text"], "payload": fields["payload"]}}
            case "interactive":
                pressed = {"id": fields["payload"], "title": fields["text"]}
                return {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": pressed}}
            case "location":
                return {"type": "location", "location": {"latitude": -1.28, "longitude": 36.82, "name": fields["text"]}}
            case _:
                return {"type": "text", "text": {"body": fields["text"]}}

    async def _steer(self, call: Call) -> Any:
        if (call.method, call.path) == ("POST", "/_sim/unreachable"):
            self.unreachable.update(call.json()["numbers"])
            return {}
        return await super()._steer(call)

    async def post_event(self, url: str, value: dict[str, Any], field: str = "messages") -> Posted:
        body = json.dumps(envelope(value, self.phone_number_id, field)).encode()
        return await self.poster.post_body(url, body, {"content-type": "application/json", "x-hub-signature-256": signature(body)})


def envelope(value: dict[str, Any], phone_number_id: str = PHONE_NUMBER_ID, field: str = "messages") -> dict[str, Any]:
    """A webhook with one change."""
    metadata = {"display_phone_number": NUMBER, "phone_number_id": phone_number_id}
    full = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    return {"object": "whatsapp_business_account", "entry": [{"id": WABA_ID, "changes": [{"value": full, "field": field}]}]}


def person(body: dict[str, Any]) -> str:
    """Whom a message is for: a number with its plus, however it was written, or a user id."""
    to = body.get("to")
    return f"+{str(to).removeprefix('+')}" if to else str(body.get("recipient") or "")


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def contact(address: str, name: str = "Asha") -> dict[str, Any]:
    number = {"wa_id": digits(address)} if address.startswith("+") else {}
    return {"profile": {"name": name}, "user_id": user_id(address), **number}


def user_id(address: str) -> str:
    return f"KE.{digits(address)}" if address.startswith("+") else address


def digits(address: str) -> str:
    return re.sub(r"\D", "", address)


def taken(body: dict[str, Any], to: str, message_id: str) -> dict[str, Any]:
    known = {"wa_id": digits(to)} if body.get("to") else {"user_id": to}
    status = {"message_status": "accepted"} if body["type"] == "template" else {}
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": body.get("to") or to, **known}],
        "messages": [{"id": message_id, **status}],
    }


def problem(code: int, message: str, *, subcode: int | None = None, **headers: str) -> Reply:
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEf"}
    if subcode is not None:
        error["error_subcode"] = subcode
    if code >= 130000:
        error["error_data"] = {"messaging_product": "whatsapp", "details": "Simulated."}
    return reply({"error": error}, STATUS_OF.get(code, 400), **headers)


if __name__ == "__main__":
    run(WhatsAppSimulator, __doc__)
