"""What Africa's Talking answers to a send: one verdict for each number, or one word for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from tidings.providers.africastalking.errors import CODES, NAMES, RETRYABLE, TAKEN
from tidings.providers.amounts import price
from tidings.providers.base import Accepted, Cost, ErrorCode, Outcome, Outgoing, SendFailed, SendUncertain
from tidings.providers.http import Answer
from tidings.providers.outcomes import by_status

_SENT_TO = re.compile(r"Sent to (\d+)/\d+")


class Recipient(msgspec.Struct):
    """One number's verdict. A refused one has the id "None"."""

    number: str
    status: str = ""
    statusCode: int = 0  # noqa: N815 - its name on the wire
    messageId: str = ""  # noqa: N815
    cost: str = ""
    messageParts: int | None = None  # noqa: N815


class MessageData(msgspec.Struct):
    """The answer's one object."""

    Message: str = ""
    Recipients: list[Recipient] = []


class Envelope(msgspec.Struct):
    """The answer."""

    SMSMessageData: MessageData


_ENVELOPE = msgspec.json.Decoder(Envelope)


def read_send(answer: Answer, batch: Sequence[Outgoing]) -> list[Outcome]:
    """One outcome for each message of the batch, whose numbers are all different."""
    if not 200 <= answer.status < 300:
        return [by_status(answer)] * len(batch)
    data = answer.decode(_ENVELOPE).SMSMessageData
    if not data.Recipients:
        return [_for_all(data.Message)] * len(batch)
    verdicts = {_plain(recipient.number): recipient for recipient in data.Recipients}
    return [_for_one(verdicts.get(_plain(message.to))) for message in batch]


def _for_all(message: str) -> SendFailed | SendUncertain:
    """With no recipient listed, nothing was taken and the reason stands in the message."""
    sent = _SENT_TO.match(message)
    if sent is not None and int(sent[1]) > 0:
        return SendUncertain(detail=f"Africa's Talking: “{message}”, but it names no recipient.", code=ErrorCode.PROVIDER_UNAVAILABLE)
    return _refused(NAMES.get(message.strip()), message)


def _for_one(verdict: Recipient | None) -> Outcome:
    if verdict is None:
        return SendUncertain(detail="Africa's Talking's answer does not mention this number.", code=ErrorCode.PROVIDER_UNAVAILABLE)
    if verdict.statusCode not in TAKEN:
        return _refused(verdict.statusCode, verdict.status)
    if verdict.messageId in {"", "None"}:
        return SendUncertain(detail=f"Africa's Talking: “{verdict.status}”, but without a message id.", code=ErrorCode.PROVIDER_UNAVAILABLE)
    cost = price(verdict.cost)
    return Accepted(
        provider_message_id=verdict.messageId,
        segments=verdict.messageParts or None,
        cost=Cost(micros=cost[0], currency=cost[1]) if cost else None,
    )


def _refused(number: int | None, words: str) -> SendFailed:
    return SendFailed(
        code=CODES.get(number or 0, ErrorCode.INTERNAL),
        detail=f"Africa's Talking: {words or 'refused without a reason'}",
        retryable=number in RETRYABLE,
        provider_code=str(number) if number is not None else None,
    )


def _plain(number: str) -> str:
    return number.strip().lstrip("+")
