"""What Twilio posts to a channel's hook: word on a message sent, or a message from a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tidings.providers.base import (
    ChannelConfig,
    ErrorCode,
    HookAnswer,
    HookRefused,
    HookRequest,
    Inbound,
    Receipt,
    ReceivedMedia,
    media_kind,
)
from tidings.providers.twilio.errors import CODES
from tidings.providers.twilio.signature import SHA1, SHA256, algorithm_of, body_matches, is_signed

# Specs: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
# Whatever Twilio knows a message by, it has taken: "queued" settles the doubt after a lost answer as well as "sent" does.
STATUSES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "accepted": "sent",
    "scheduled": "sent",
    "queued": "sent",
    "sending": "sent",
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
KEYWORDS: dict[str, Literal["stop", "start", "help"]] = {"STOP": "stop", "START": "start", "HELP": "help"}
REFERENCE = "m"
"""The query parameter in which a status callback brings our own message id back."""
MOST_MEDIA = 10  # files in one message (Twilio's own limit)
MOST_FIELDS = 200  # of a form; Twilio sends some thirty
NO_REPLY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


def read_hook(channel: ChannelConfig, request: HookRequest) -> HookAnswer:
    """Check the signature over the raw form, then say what it holds."""
    try:
        pairs = _checked_pairs(channel, request)
    except ValueError:  # an address with an impossible port, or text that no encoding holds
        raise HookRefused("The call cannot be read.", status_code=400) from None
    form = dict(pairs)
    if form.get("MessageStatus", "") in STATUSES:
        return HookAnswer(callbacks=[_receipt(form, request.url)])
    if form.get("From") and ("Body" in form or "NumMedia" in form):
        return HookAnswer(callbacks=[_inbound(form)], body=NO_REPLY, content_type="text/xml")
    raise HookRefused("This is neither a message status nor an incoming message.", status_code=400)


def _checked_pairs(channel: ChannelConfig, request: HookRequest) -> list[tuple[str, str]]:
    signature = request.headers.get("x-twilio-signature", "")
    algorithm = algorithm_of(request.headers.get("x-twilio-webhooks-signature-settings", ""))
    secret = channel.credentials.get({SHA1: "auth_token", SHA256: "webhook_key"}.get(algorithm, ""), "")
    if not secret:
        raise HookRefused(f"The call is signed with {algorithm}, for which this channel holds no key.")
    pairs = _form_pairs(request)
    if pairs is None and not body_matches(request.url, request.body):
        raise HookRefused("The body is not the one that was signed.")
    if not is_signed(secret, request.url, pairs or [], signature, algorithm):
        raise HookRefused("The signature does not fit. Is the public address of this installation set as Twilio calls it?")
    return pairs or parse_qsl(urlsplit(request.url).query, keep_blank_values=True)


def _form_pairs(request: HookRequest) -> list[tuple[str, str]] | None:
    """The form's pairs; None for a body of another kind, which is signed by its hash instead."""
    if "bodySHA256=" in request.url and not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    try:
        return parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HookRefused("The body is not a form.", status_code=400) from None


def _receipt(form: Mapping[str, str], url: str) -> Receipt:
    status = form["MessageStatus"]
    sid = form.get("MessageSid") or form.get("SmsSid")
    if not sid:
        raise HookRefused("The status names no message.", status_code=400)
    number = form.get("ErrorCode", "")
    failed = STATUSES[status] == "failed"
    return Receipt(
        provider_message_id=sid,
        status=STATUSES[status],
        provider_status=status,
        reference=parse_qs(urlsplit(url).query).get(REFERENCE, [None])[0],
        code=_code(number) if failed else None,
        detail=_detail(status, number, form.get("ErrorMessage", "")) if failed else None,
    )


def _code(number: str) -> ErrorCode:
    return CODES.get(int(number), ErrorCode.UNREACHABLE) if number.isdecimal() and len(number) < 10 else ErrorCode.UNREACHABLE


def _detail(status: str, number: str, message: str) -> str:
    told = f"Twilio: {status}" + (f", error {number}" if number else "") + (f": {message}" if message else "")
    return told + (f" (https://www.twilio.com/docs/errors/{number})" if number.isdecimal() else "")


def _inbound(form: Mapping[str, str]) -> Inbound:
    sid = form.get("MessageSid") or form.get("SmsSid")
    if not sid:
        raise HookRefused("The incoming message has no id.", status_code=400)
    count = form.get("NumMedia", "0")
    media = range(min(int(count), MOST_MEDIA)) if count.isdecimal() and len(count) < 4 else range(0)
    return Inbound(
        provider_message_id=sid,
        sender=form["From"],
        recipient=form.get("To") or None,
        text=form.get("Body", ""),
        keyword=KEYWORDS.get(form.get("OptOutType", "").upper()),
        media=tuple(
            ReceivedMedia(kind=media_kind(content_type), url=url, content_type=content_type)
            for url, content_type in ((form.get(f"MediaUrl{index}"), form.get(f"MediaContentType{index}", "")) for index in media)
            if url
        ),
        sender_name=form.get("ProfileName", ""),
    )
