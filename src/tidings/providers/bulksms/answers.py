"""What BulkSMS answers to a submission: one message for each that was taken, or one problem for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from tidings.providers.amounts import micros
from tidings.providers.base import Accepted, Cost, ErrorCode, Outcome, Outgoing, SendFailed, SendUncertain
from tidings.providers.bulksms.errors import FAILURES, PROBLEMS, STATUSES
from tidings.providers.bulksms.marks import pack
from tidings.providers.http import Answer, BadAnswer
from tidings.providers.outcomes import by_status


class Status(msgspec.Struct):
    """Where a message stands. A subtype comes with FAILED only."""

    type: str = ""
    subtype: str | None = None
    id: str = ""


class Message(msgspec.Struct, rename="camel"):
    """The part of their message resource that we read. Addresses have no plus."""

    id: str
    type: str = ""
    sender: str | None = msgspec.field(default=None, name="from")
    to: str = ""
    body: str = ""
    status: Status = msgspec.field(default_factory=Status)
    user_supplied_id: str | None = None
    related_sent_message_id: str | None = None
    number_of_parts: int | None = None
    credit_cost: Decimal | None = None
    submission: dict[str, str | None] | None = None


class Problem(msgspec.Struct):
    """Their error body: `type` is an address whose fragment names the error."""

    type: str = ""
    title: str = ""
    detail: str | None = None


MESSAGES = msgspec.json.Decoder(list[Message])
_PROBLEM = msgspec.json.Decoder(Problem)


def read_send(answer: Answer, batch: Sequence[Outgoing]) -> list[Outcome]:
    """One outcome for each message of the batch."""
    if not 200 <= answer.status < 300:
        return [read_refusal(answer)] * len(batch)
    taken = answer.decode(MESSAGES)
    marked = {one.user_supplied_id: one for one in taken if one.user_supplied_id}
    in_order = taken if len(taken) == len(batch) else [None] * len(batch)
    return [_one(marked.get(pack(message.id) or ""), same_place, message) for message, same_place in zip(batch, in_order, strict=True)]


def _one(marked: Message | None, same_place: Message | None, message: Outgoing) -> Outcome:
    """By our mark where they give it back; otherwise by the place in the answer, if the number there is the right one."""
    found = marked
    if found is None and same_place is not None and not same_place.user_supplied_id and same_place.to.lstrip("+") == message.to.lstrip("+"):
        found = same_place
    if found is None:
        detail = "BulkSMS's answer does not mention this message. Its deduplication number may have met another submission's."
        return SendUncertain(detail=detail, code=ErrorCode.PROVIDER_UNAVAILABLE)
    if not found.id:
        return SendUncertain(detail="BulkSMS's answer gives this message no id.", code=ErrorCode.PROVIDER_UNAVAILABLE)
    if STATUSES.get(found.status.type) == "failed":
        return SendFailed(code=failure(found.status), detail=told(found.status), provider_code=found.status.id or found.status.type)
    return Accepted(provider_message_id=found.id, segments=found.number_of_parts or None, cost=cost(found))


def read_refusal(answer: Answer) -> SendFailed | SendUncertain:
    """What an answer that is no success means."""
    try:
        problem = answer.decode(_PROBLEM)
    except BadAnswer:
        return by_status(answer)
    words = f"{problem.title}: {problem.detail}" if problem.detail else problem.title
    by_http = by_status(answer, words or None)
    name = problem.type.rpartition("#")[2] if "#" in problem.type else ""
    if not name or isinstance(by_http, SendUncertain):
        return by_http
    return SendFailed(
        code=PROBLEMS.get(name, by_http.code),
        detail=f"BulkSMS: {words or name}",
        retryable=by_http.retryable,
        retry_after=by_http.retry_after,
        provider_code=name,
    )


def failure(status: Status) -> ErrorCode:
    """Why a failed message failed."""
    return FAILURES.get(status.subtype or "", ErrorCode.UNREACHABLE)


def told(status: Status) -> str:
    """A failed message's status, for people."""
    return f"BulkSMS: {status.id or status.type}"


def cost(message: Message) -> Cost | None:
    """What it cost, in BulkSMS's own credits; told in receipts, not in the answer to a submission."""
    amount = None if message.credit_cost is None else credits_of(message.credit_cost)
    return None if amount is None else Cost(micros=amount, currency="credits")


def credits_of(number: Decimal) -> int | None:
    """Millionths of a credit."""
    # A number such as 1e999999999 is JSON too, and would be written out in full.
    return micros(format(number, "f")) if number.is_finite() and abs(number.adjusted()) < 16 else None
