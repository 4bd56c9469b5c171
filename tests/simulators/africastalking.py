"""Africa's Talking's SMS API as its documentation and its official client describe it.

python -m tests.simulators.africastalking --port 0
"""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import smsutil

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

USERNAME = "sandbox"
API_KEY = "simulated-key-of-africas-talking"
STATUS_NAMES = {
    101: "Success",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}
PRICE = 8_000  # ten-thousandths of a KES a part
UNAUTHORISED = Reply(401, b"The supplied authentication is invalid", "text/plain")


class AfricasTalkingSimulator(Simulator):
    """One app. Receipts go to the plan's `url`, as the real ones go to the address set in the app."""

    def __init__(self, port: int = 0, username: str = USERNAME, api_key: str = API_KEY) -> None:
        super().__init__(port)
        self.username = username
        self.api_key = api_key

    def forget(self) -> None:
        super().forget()
        self.opted_out: set[str] = set()
        self.balance = "KES 1785.50"
        self.senders: set[str] | None = None
        """The registered senders; None lets any pass."""
        self._prefix = os.urandom(6).hex()
        self._numbers = count(1)

    async def api(self, call: Call) -> Reply:
        match call.method, call.path:
            case "POST", "/version1/messaging":
                return await self.send(call)
            case "GET", "/version1/user":
                if not self.knows(call, call.query.get("username")):
                    return UNAUTHORISED
                return reply({"UserData": {"balance": self.balance}})
            case _:
                return Reply(404, b"The requested resource could not be found.", "text/plain")

    def knows(self, call: Call, username: str | None) -> bool:
        return call.headers.get("apikey") == self.api_key and username == self.username

    async def send(self, call: Call) -> Reply:
        if not call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return Reply(415, b"The request's Content-Type is not supported.", "text/plain")
        form = call.form
        missing = next((name for name in ("username", "to", "message") if not form.get(name)), None)
        if not self.knows(call, form.get("username")):
            return UNAUTHORISED
        if missing:
            return Reply(400, f"Request is missing required form field '{missing}'".encode(), "text/plain")
        numbers = form["to"].split(",")
        entries = [self.arrived(number, form) for number in numbers]
        faults = {number: fault for number in dict.fromkeys(numbers) if (fault := self.faults.next(number))}
        for entry in entries:
            if entry["to"] in faults:
                entry["fault"] = faults[entry["to"]].kind
        whole = next((fault for fault in faults.values() if fault.kind not in {"status", "no_balance"}), None)
        answer = None
        if self.takes(whole):
            verdicts = [await self.verdict(form, entry, faults.get(entry["to"])) for entry in entries]
            answer = self.answer(call, verdicts)
        return answer if whole is None and answer is not None else await self.spoiled(whole, answer)

    async def spoiled(self, fault: Fault | None, answer: Reply | None) -> Reply:
        assert fault is not None
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or UNAUTHORISED
            case "wrong_credentials":
                return UNAUTHORISED
            case _:
                return await self.spoil(fault)

    async def verdict(self, form: dict[str, str], entry: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        number = entry["to"]
        code = self.status_code(form, number, fault)
        if code != 101:
            entry["outcome"] = str(code)
            return {"statusCode": code, "number": number, "cost": "0", "status": STATUS_NAMES[code], "messageId": "None"}
        message = Taken(
            f"ATXid_{self._prefix}{next(self._numbers):08x}", number, form.get("from", "AFRICASTKNG"), form["message"], form=form
        )
        self.take(message, entry)
        await self.follow_up(message)
        parts = len(smsutil.split(message.text).parts)
        return {
            "statusCode": 101,
            "number": number,
            "cost": _money(parts),
            "status": "Success",
            "messageId": message.id,
            "messageParts": parts,
        }

    def status_code(self, form: dict[str, str], number: str, fault: Fault | None) -> int:
        if fault is not None and fault.kind == "no_balance":
            return 405
        if fault is not None and fault.kind == "status":
            return fault.code or 500
        if self.senders is not None and form.get("from") not in self.senders:
            return 402
        if not re.fullmatch(r"\+[1-9]\d{6,14}", number, re.ASCII):
            return 403
        return 406 if number in self.opted_out else 101

    def answer(self, call: Call, verdicts: list[dict[str, Any]]) -> Reply:
        refused = {verdict["status"] for verdict in verdicts if verdict["statusCode"] != 101}
        taken = [verdict for verdict in verdicts if verdict["statusCode"] == 101]
        if not taken and len(refused) == 1 and refused <= {"InvalidPhoneNumber", "InvalidSenderId"}:
            # When all fail alike, the list is empty and the reason stands alone.
            data: dict[str, Any] = {"Message": refused.pop(), "Recipients": []}
        else:
            total = _money(sum(verdict["messageParts"] for verdict in taken))
            data = {"Message": f"Sent to {len(taken)}/{len(verdicts)} Total Cost: {total}", "Recipients": verdicts}
        if "json" not in call.headers.get("accept", ""):
            body = f"<AfricasTalkingResponse><SMSMessageData><Message>{data['Message']}</Message></SMSMessageData></AfricasTalkingResponse>"
            return Reply(201, body.encode(), "application/xml")
        return reply({"SMSMessageData": data}, 201)

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        """`error_code` is the failureReason here."""
        if not self.plan.url:
            raise ValueError("no plan says where reports go: POST /_sim/receipts with a url")
        form = {"id": message.id, "status": status, "phoneNumber": message.to, "networkCode": "63902", "retryCount": "0"}
        if status in {"Rejected", "Failed"}:
            form["failureReason"] = error_code or "DeliveryFailure"
        return await self.poster.post(self.plan.url, form)

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender, to, text."""
        form = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "from": fields["sender"],
            "id": f"{self._prefix}-in-{next(self._numbers)}",
            "linkId": "SampleLinkId123",
            "text": fields["text"],
            "to": fields.get("to", "12345"),
            "networkCode": "63902",
        }
        return await self.poster.post(fields["url"], form)

    async def post_opt_out(self, url: str, number: str, sender: str = "AFRICASTKNG") -> Posted:
        self.opted_out.add(number)
        return await self.poster.post(url, {"senderId": sender, "phoneNumber": number})


def _money(parts: int) -> str:
    return f"KES {parts * PRICE // 10_000}.{parts * PRICE % 10_000:04d}"


if __name__ == "__main__":
    run(AfricasTalkingSimulator, __doc__)
