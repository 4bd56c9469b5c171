"""A small gateway of nobody's, for channels of kind `http`: JSON, form, XML or GET, whichever way it is called.

POST /messages   JSON {"to", "text", "from", "ref"} with `X-Api-Key`            201 {"data": {"id"}, "status": "queued"}
POST /form       the same as a form, with HTTP basic authentication            200 {"ok": true, "id": 17}
POST /xml        <sms><to/><text/></sms> with `X-Api-Key`                      200 {"ok": true, "id": 17}
GET  /send       ?to=…&text=…&key=…                                            202 "0: Accepted for delivery"
GET  /me, /balance

python -m tests.simulators.gateway --port 0
"""

from __future__ import annotations

import asyncio
import base64
import json
from itertools import count
from typing import Any
from xml.etree import ElementTree as ET

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

URL = "https://gateway.example"
API_KEY = "simulated+key/of=a gateway"
USER = "shop"


def settings(**changes: str) -> dict[str, str]:
    """A channel of its JSON form, with all that a form fills in by itself."""
    return {
        "send_method": "POST",
        "send_url": f"{URL}/messages",
        "headers": "X-Api-Key: {{api_key}}",
        "body_kind": "json",
        "body": '{"to": "{{to}}", "text": "{{text}}", "from": "{{sender}}", "ref": "{{id}}"}',
        "success_statuses": "200-299",
        "success_path": "status",
        "success_values": "queued, sent",
        "failure_values": "rejected",
        "id_path": "data.id",
        "error_path": "error.code",
        "error_codes": "bad_number=invalid_address\nno_credit = insufficient_balance\nbusy=rate_limited\nstopped=opted_out",
        "check_url": f"{URL}/me",
        "check_text": '"active"',
        "balance_url": f"{URL}/balance",
        "balance_path": "/data/balance",
        "balance_currency": "KES",
        "receipt_id_path": "id",
        "receipt_reference_path": "ref",
        "receipt_status_path": "status",
        "receipt_statuses": "ACCEPTD=sent\nDELIVRD=delivered\nUNDELIV=failed\nSEEN=read",
        "receipt_error_path": "error",
        "inbound_from_path": "from",
        "inbound_text_path": "text",
        "inbound_id_path": "id",
        "inbound_to_path": "to",
        "inbound_addresses": "phone",
    } | changes


class GatewaySimulator(Simulator):
    """One account. Receipts go to the plan's `url`."""

    def forget(self) -> None:
        super().forget()
        self.balance: Any = "1,785.50"
        self._numbers = count(17)

    async def api(self, call: Call) -> Reply:
        if not self.knows(call):
            return refused(401, "unauthorized")
        match call.method, call.path:
            case "POST", "/messages" if call.headers.get("content-type") == "application/json":
                given = call.json()
                if given.keys() != {"to", "text", "from", "ref"}:
                    return refused(422, "bad_field")
                return await self.send(given["to"], given["text"], given["ref"], self.json_answer)
            case "POST", "/form" if call.headers.get("content-type") == "application/x-www-form-urlencoded":
                return await self.send(call.form["to"], call.form["text"], "", self.plain_answer)
            case "POST", "/xml" if call.headers.get("content-type") == "text/xml":
                sms = ET.fromstring(call.body.decode())
                return await self.send(sms.findtext("to") or "", sms.findtext("text") or "", "", self.plain_answer)
            case "GET", "/send":
                return await self.send(call.query["to"], call.query["text"], "", self.text_answer)
            case "GET", "/me":
                return reply({"status": "active"})
            case "GET", "/balance":
                return reply({"data": {"balance": self.balance}})
            case _:
                return refused(404, "no_such_thing")

    def knows(self, call: Call) -> bool:
        basic = base64.b64encode(f"{USER}:{API_KEY}".encode()).decode()
        return (
            call.headers.get("x-api-key") == API_KEY
            or call.query.get("key") == API_KEY
            or call.headers.get("authorization") == f"Basic {basic}"
        )

    async def send(self, to: str, text: str, ref: str, answer: Any) -> Reply:
        entry = self.arrived(to, {"text": text, "ref": ref})
        fault = self.faults.next(to)
        if fault is not None:
            entry["fault"] = fault.kind
        if not to.removeprefix("+").isdecimal() or not text:
            return refused(400, "bad_number")
        if self.takes(fault):
            message = Taken(str(next(self._numbers)), to, "TIDINGS", text, form={"ref": ref})
            self.take(message, entry)
            await self.follow_up(message)
            if fault is None:
                return answer(message.id)
        return await self.spoiled(fault, answer)

    def json_answer(self, number: str) -> Reply:
        return reply({"status": "queued", "data": {"id": number}}, 201)

    def plain_answer(self, number: str) -> Reply:
        return reply({"ok": True, "id": int(number)})

    def text_answer(self, number: str) -> Reply:
        return Reply(202, b"0: Accepted for delivery", "text/plain")

    async def spoiled(self, fault: Fault | None, answer: Any) -> Reply:
        assert fault is not None
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer("17")
            case "wrong_credentials":
                return refused(401, "unauthorized")
            case "no_balance":
                return refused(400, "no_credit")
            case "status":
                return refused(fault.http or 200, fault.words or "stopped")
            case _:
                return await self.spoil(fault)

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        if not self.plan.url:
            raise ValueError("no plan says where reports go: POST /_sim/receipts with a url")
        report = {"id": message.id, "ref": (message.form or {}).get("ref", ""), "status": "UNDELIV" if status == "undelivered" else status}
        return await self.poster.post(self.plan.url, report if error_code is None else {**report, "error": error_code})

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender, to, text."""
        url = fields.pop("url")
        return await self.poster.post_json(url, {"id": f"in-{next(self._numbers)}", "from": fields.pop("sender").lstrip("+"), **fields})


def refused(status: int, code: str) -> Reply:
    return Reply(status, json.dumps({"status": "rejected", "error": {"code": code}}).encode())


if __name__ == "__main__":
    run(GatewaySimulator, __doc__)
