"""Tells the story of one message in sentences: why it was sent, by which channel, every attempt and receipt, or why not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from tidings.core.ids import show_id
from tidings.delivery.rules import WAITING, Status
from tidings.messages.models import Attempt, Message, Receipt
from tidings.routes.rules import SKIP_WORDS, SkipReason
from tidings.ui.words import find_reason

Kind = Literal["accepted", "received", "scheduled", "attempt", "under_way", "receipt", "ended", "waiting", "other_try"]
_BARELY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, or that is awaited."""

    at: datetime
    kind: Kind
    sentence: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """Where the message stands, and how it came there."""

    summary: str
    steps: list[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What keeps, or does not keep, a waiting message from leaving."""

    channel_name: str
    held: bool = False
    disabled: bool = False
    stopped: str | None = None
    """Why the channel was stopped."""
    paused_until: datetime | None = None
    pause_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ToldTry:
    """Another try for the same recipient, by another channel of the route."""

    message: Message
    channel_name: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A channel of the route that was not taken when this message's was chosen."""

    channel_name: str
    reason: SkipReason


def tell(
    message: Message,
    *,
    attempts: Sequence[Attempt],
    receipts: Sequence[Receipt],
    source_name: str,
    standing: Standing,
    now: datetime,
    tries: Sequence[ToldTry] = (),
    passed_over: Sequence[PassedOver] = (),
    clock: tzinfo = UTC,
) -> Story:
    """Put what is known of a message in the order in which it happened; sentences name moments by `clock`."""
    steps = [_beginning(message, source_name, standing, clock), *_passed_over(message, passed_over)]
    steps += sorted([*_attempts(message, attempts), *_receipts(receipts, clock), *_tries(message, tries)], key=lambda step: step.at)
    last = _last(message, standing, now, clock)
    if last is not None:
        steps.append(last)
    return Story(_summary(message, last), steps)


def _beginning(message: Message, source_name: str, standing: Standing, clock: tzinfo) -> Step:
    if message.direction == "in":
        return Step(message.created_at, "received", f"Came in from {message.address} by {standing.channel_name}.")
    if message.resend_of is not None:
        reason = f"Sent again, in the campaign “{source_name}”, because {show_id('msg', message.resend_of)} did not surely arrive"
    elif message.campaign_id is not None:
        reason = f"Written for the campaign “{source_name}” ({show_id('cmp', message.campaign_id)}), whose audience {message.address} is in"
    elif message.is_confirmation:
        reason = "Written by Tidings as the one answer that a STOP or START is owed"
    else:
        reason = f"Accepted from {message.created_by}" if message.created_by else "Accepted"
    when = f", for {_moment(message.due_at, clock)}" if message.due_at - message.created_at > _BARELY and not message.attempt else ""
    return Step(message.created_at, "accepted", f"{reason}, to go to {message.address} by {standing.channel_name}{when}.")


def _passed_over(message: Message, passed_over: Sequence[PassedOver]) -> Iterator[Step]:
    for one in passed_over:
        yield Step(message.created_at, "other_try", f"The route passed over the channel “{one.channel_name}”: {SKIP_WORDS[one.reason]}.")


def _attempts(message: Message, attempts: Sequence[Attempt]) -> Iterator[Step]:
    for one in attempts:
        is_last = one.number >= message.attempt
        yield Step(
            one.at, "attempt", f"Attempt {one.number}: {_outcome(one)} {_consequence(message, one, is_last=is_last)}".rstrip(), one.number
        )


def _outcome(attempt: Attempt) -> str:
    took = f" after {attempt.latency_ms} ms" if attempt.latency_ms is not None else ""
    detail = (attempt.detail or "").rstrip(".")
    code = f", code {attempt.provider_code}" if attempt.provider_code else ""
    if attempt.outcome == "accepted":
        name = f" as {attempt.provider_message_id}" if attempt.provider_message_id else ""
        return f"the provider took it{name}{took}."
    if attempt.outcome == "failed":
        return f"the provider refused it{took} ({attempt.code}{code}): {detail or 'it gave no reason'}."
    return f"the request left, but no answer that can be trusted came ({attempt.code}): {detail or 'nothing more is known'}."


def _consequence(message: Message, attempt: Attempt, *, is_last: bool) -> str:
    if attempt.outcome == "accepted" or (is_last and message.status in {Status.FAILED, Status.UNKNOWN}):
        return ""
    if attempt.outcome == "uncertain":
        return "It was to be sent again, so a second copy is possible." if message.possible_duplicate else ""
    return "It was to be tried again."


def _receipts(receipts: Sequence[Receipt], clock: tzinfo) -> Iterator[Step]:
    for one in receipts:
        reason = f" ({one.code}): {one.detail}" if one.code and one.detail else f" ({one.code})" if one.code else ""
        said = f", dated {_moment(one.reported_at, clock)}" if one.reported_at else ""
        yield Step(
            one.received_at, "receipt", f"The provider reported it {one.status}{reason}; its own word was {one.provider_status}{said}."
        )


def _tries(message: Message, tries: Sequence[ToldTry]) -> Iterator[Step]:
    for one in tries:
        name = f"{show_id('msg', one.message.id)} by the channel “{one.channel_name}”"
        earlier = one.message.created_at < message.created_at
        double = {one.message.status, message.status} <= {"delivered", "read"}
        end = " Both arrived: a double delivery." if double else ""
        sentence = f"The route tried {name} before this: that one is {one.message.status}." if earlier else ""
        sentence = sentence or f"The route went on with {name}: that one is {one.message.status}."
        yield Step(max(one.message.created_at, message.created_at), "other_try", sentence + end)


def _last(message: Message, standing: Standing, now: datetime, clock: tzinfo) -> Step | None:
    at = message.settled_at or now
    match message.status:
        case Status.SUPPRESSED:
            return Step(at, "ended", f"Not sent, on purpose. {find_reason(message.suppression or '').meaning}")
        case Status.CANCELLED:
            by_route = message.superseded
            why = (
                "Taken back before it left: another try of its route took its place."
                if by_route
                else "Cancelled by a person before it left."
            )
            return Step(at, "ended", why)
        case Status.EXPIRED:
            until = f" at {_moment(message.expires_at, clock)}" if message.expires_at else ""
            return Step(at, "ended", f"Its time to be useful passed{until} before it could leave.")
        case Status.FAILED:
            return Step(at, "ended", f"Failed for good. {find_reason(message.error_code or '').meaning}")
        case Status.UNKNOWN:
            return Step(at, "ended", "Whether it arrived is not known. It is not sent again on a guess; a late receipt may still tell.")
        case status if status in WAITING:
            return _awaited(message, standing, now, clock)
        case _:
            return None


def _awaited(message: Message, standing: Standing, now: datetime, clock: tzinfo) -> Step:
    if message.status == Status.SENDING:
        return Step(message.claimed_at or now, "under_way", f"Attempt {message.attempt} is under way.", message.attempt)
    if standing.stopped is not None:
        reason = f"Waits: {standing.channel_name} is stopped until somebody mends it. {standing.stopped}"
    elif standing.disabled:
        reason = f"Waits: {standing.channel_name} is disabled."
    elif standing.held:
        reason = "Waits: its campaign is paused or was cancelled."
    elif message.due_at > now:
        reason = f"Waits for {'its next attempt' if message.attempt else 'its time'}, {_moment(message.due_at, clock)}."
    elif standing.paused_until is not None:
        why = f": {standing.pause_reason}" if standing.pause_reason else "."
        reason = f"Waits: {standing.channel_name} rests until {_moment(standing.paused_until, clock)}{why}"
    else:
        reason = f"Waits for its turn at {standing.channel_name}."
    return Step(now, "waiting", reason)


def _summary(message: Message, last: Step | None) -> str:
    if last is not None:
        return last.sentence
    copy = " A second copy is possible." if message.possible_duplicate else ""
    match message.status:
        case Status.SENT:
            return f"The provider took it. Whether it arrived has not been told.{copy}"
        case Status.DELIVERED:
            return f"It arrived, as the provider says.{copy}"
        case Status.READ:
            return f"It arrived and was opened.{copy}"
        case _:
            return f"Came in from {message.address}."


def _moment(moment: datetime, clock: tzinfo) -> str:
    """With the zone's name where it is not the reader's own clock."""
    zone = " UTC" if clock is UTC else ""
    return moment.astimezone(clock).strftime("%Y-%m-%d %H:%M:%S" if zone else "%d %b %Y, %H:%M:%S") + zone
