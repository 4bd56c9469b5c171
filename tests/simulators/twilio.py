"""Twilio's messaging API as its public documentation and OpenAPI describe it (twilio-oai, twilio_api_v2010.json).

python -m tests.simulators.twilio --port 0
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from typing import Any

import smsutil
from twilio.request_validator import RequestValidator

from tests.simulators.base import Simulator, Taken, run
from tests.simulators.callbacks import Posted
from tests.simulators.faults import Fault
from tests.simulators.wire import Call, Reply, reply

ACCOUNT_SID = "AC" + "5" * 32
AUTH_TOKEN = "simulated-auth-token-of-twilio"
SENDER = "+15005550006"
_PATH = re.compile(r"^/2010-04-01/Accounts/(?P<account>AC[0-9a-fA-F]{32})(?P<rest>/Messages|/Messages/\w+|/Balance|)\.json$")

# Source: twilio.com/docs/iam/test-credentials
MAGIC_TO = {"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614}
MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
MESSAGES = {
    20003: (401, "Authenticate"),
    20005: (403, "Account not active"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    21211: (400, "Invalid 'To' Phone Number"),
    21212: (400, "Invalid From Number"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination."),
    21609: (400, "Invalid 'StatusCallback' url"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (400, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "The 'To' phone number is not currently reachable via SMS"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
}


class TwilioSimulator(Simulator):
    """One account with one token, which may be told apart from others in a test."""

    def __init__(self, port: int = 0, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> None:
        super().__init__(port)
        self.account_sid = account_sid
        self.auth_token = auth_token
        self._validator = RequestValidator(auth_token)

    def forget(self) -> None:
        super().forget()
        self.opted_out: set[str] = set()
        self.status = "active"
        self.balance = "42.50"
        # A start of its own for each simulator, so that two of them never give the same sid.
        self._numbers = count(int.from_bytes(os.urandom(8)) << 64)

    async def api(self, call: Call) -> Reply:
        path = _PATH.match(call.path)
        if path is None:
            return problem(20404)
        wanted = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {wanted}":
            return problem(20003)
        if path["account"] != self.account_sid:
            return problem(20404)
        match call.method, path["rest"]:
            case "POST", "/Messages":
                return await self.send(call)
            case "GET", "/Balance":
                return reply({"account_sid": self.account_sid, "balance": self.balance, "currency": "USD"})
            case "GET", "":
                return reply({"sid": self.account_sid, "friendly_name": "Simulated", "status": self.status, "type": "Full"})
            case "GET", rest if rest.removeprefix("/Messages/") in self.messages:
                return reply(self.resource(self.messages[rest.removeprefix("/Messages/")]))
            case _:
                return problem(20404)

    async def send(self, call: Call) -> Reply:
        if not call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return reply({"code": 20415, "message": "Unsupported Media Type", "status": 415}, 415)
        form = call.form
        entry = self.arrived(form.get("To", ""), form)
        fault = self.faults.next(form.get("To", ""))
        if fault is not None:
            entry["fault"] = fault.kind
        wrong = self.refusal(form)
        answer = None if wrong is None else problem(wrong)
        if wrong is not None:
            entry["outcome"] = str(wrong)
        elif self.takes(fault):
            message = self.message(form)
            self.take(message, entry)
            await self.follow_up(message)
            answer = reply(self.resource(message), 201)
        return await self.spoiled(fault, answer) if fault is not None else answer or problem(20404)

    async def spoiled(self, fault: Fault, answer: Reply | None) -> Reply:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
                return answer or problem(20404)
            case "wrong_credentials":
                return problem(20003)
            case "no_balance":
                return problem(20005)
            case "status":
                return problem(fault.code or 21211)
            case "rate_limited":
                return problem(20429, **({"Retry_After": fault.retry_after} if fault.retry_after is not None else {}))
            case _:
                return await self.spoil(fault)

    def refusal(self, form: dict[str, str]) -> int | None:
        """The first reason to refuse this form, in the order Twilio looks."""
        to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
        callback = form.get("StatusCallback", "")
        reasons = [
            (not to, 21604),
            (not (sender or form.get("MessagingServiceSid")), 21603),
            (not (body or form.get("MediaUrl") or form.get("ContentSid")), 21602),
            (len(body) > 1600, 21617),
            (to in MAGIC_TO, MAGIC_TO.get(to, 0)),
            (sender in MAGIC_FROM, MAGIC_FROM.get(sender, 0)),
            (not re.fullmatch(r"\+[1-9]\d{6,14}", to, re.ASCII), 21211),
            (to in self.opted_out, 21610),
            (bool(callback) and not re.match(r"https?://[^/]+", callback), 21609),
            (self.status != "active", 20005),
        ]
        return next((code for holds, code in reasons if holds), None)

    def message(self, form: dict[str, str]) -> Taken:
        sid = f"SM{next(self._numbers):032x}"
        return Taken(sid, form["To"], form.get("From", SENDER), form.get("Body", ""), form.get("StatusCallback"), form)

    def resource(self, message: Taken) -> dict[str, Any]:
        now = format_datetime(datetime.now(UTC))
        service = (message.form or {}).get("MessagingServiceSid")
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": message.text,
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if service else message.sender,
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else str(len(smsutil.split(message.text).parts)),
            "price": None,
            "price_unit": "USD",
            "sid": message.id,
            "status": "accepted" if service else "queued",
            "subresource_uris": {"media": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{message.id}/Media.json"},
            "to": message.to,
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{message.id}.json",
        }

    async def post_status(self, message: Taken, status: str, error_code: str | None = None) -> Posted:
        url = message.callback_url or self.plan.url
        if not url:
            raise ValueError("the message was sent without a StatusCallback")
        form = {
            "MessageSid": message.id,
            "SmsSid": message.id,
            "MessageStatus": status,
            "SmsStatus": status,
            "To": message.to,
            "From": message.sender,
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
        }
        if status in {"failed", "undelivered"}:
            form["ErrorCode"] = error_code or "30003"
        return await self.post_signed(url, form)

    async def post_inbound(self, **fields: str) -> Posted:
        """Fields: url, sender, to, text, and if wanted opt_out_type and media (one address)."""
        if fields["text"].strip().upper() == "STOP":
            self.opted_out.add(fields["sender"])
        sid = f"SM{next(self._numbers):032x}"
        form = {
            "ToCountry": "US",
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "AccountSid": self.account_sid,
            "From": fields["sender"],
            "To": fields.get("to", SENDER),
            "Body": fields["text"],
            "NumMedia": "1" if "media" in fields else "0",
            "NumSegments": "1",
            "ApiVersion": "2010-04-01",
        }
        if "opt_out_type" in fields:
            form["OptOutType"] = fields["opt_out_type"]
        if "media" in fields:
            form |= {"MediaUrl0": fields["media"], "MediaContentType0": "image/jpeg"}
        return await self.post_signed(fields["url"], form)

    async def post_signed(self, url: str, form: dict[str, str]) -> Posted:
        # The signature is the official library's, not ours.
        return await self.poster.post(url, form, {"X-Twilio-Signature": self._validator.compute_signature(url, form)})


def problem(code: int, **headers: str) -> Reply:
    status, message = MESSAGES.get(code, (400, "Refused"))
    body = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return reply(body, status, **headers)


if __name__ == "__main__":
    run(TwilioSimulator, __doc__)
