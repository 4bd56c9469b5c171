"""Chooses the channel of messages that are to go by a route, when they are accepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text as sql

from tidings.contacts.reach import Reach, read_reach
from tidings.core.addresses import BadAddress, clean_address
from tidings.db.database import raw_connection
from tidings.errors import FieldError, Invalid, TidingsError
from tidings.messages import queries
from tidings.messages.carrying import can_carry
from tidings.messages.conversations import Place
from tidings.messages.windows import closed_places, needs_window
from tidings.routes.rules import SKIP_WORDS, Choice, Step, choose
from tidings.routes.service import find_route_of_class, route_for_sending

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.delivery.content import Content
    from tidings.messages.models import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who is to be reached by which route, and with what."""

    route_id: UUID | None
    message_class: str
    medium: str | None
    """The one that was asked for; None where none was."""
    contact_id: UUID | None
    to: str
    """An address of `medium`; empty where a contact or `addresses` are given."""
    addresses: Mapping[str, str]
    """By medium."""
    text: str
    content: Content | None
    links: bool = True
    """Whether a provider could fetch an uploaded file from this installation."""
    leaves_now: bool = True
    """Not so, whether a window is open at its time is not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """By which channel a message begins, and what later tries need to know."""

    route_id: UUID
    step: Step
    choice: Choice
    contact_id: UUID | None
    addresses: dict[str, str] = field(default_factory=dict)


async def choose_channels(
    session: AsyncSession, workspace_id: UUID, wanted: Mapping[int, Wanted], region: str, *, now: datetime
) -> dict[int, Routed | TidingsError]:
    """For each, by its place, the channel to begin with, or why there is none."""
    found: dict[int, Routed | TidingsError] = {}
    named: dict[int, dict[str, str]] = {}
    for place, one in wanted.items():
        try:
            named[place] = _clean(one, region)
        except Invalid as error:
            found[place] = error
    owners = await queries.contacts_of_addresses(session, workspace_id, {pair for place in named for pair in named[place].items()})
    contacts = {place: wanted[place].contact_id or _owner(named[place], owners) for place in named}
    reach = await read_reach(await raw_connection(session), [(workspace_id, one) for one in contacts.values() if one is not None])
    routes: dict[tuple[UUID | None, str, str | None], tuple[UUID, list[Step]] | TidingsError] = {}
    ready: dict[int, _Ready] = {}
    for place, addresses in named.items():
        one = wanted[place]
        key = (one.route_id, one.message_class, one.medium)
        if key not in routes:
            routes[key] = await _route(session, workspace_id, *key)
        route, known = routes[key], None if (owner := contacts[place]) is None else reach.get((workspace_id, owner))
        if isinstance(route, TidingsError):
            found[place] = route
        elif known is None and one.contact_id is not None:
            found[place] = Invalid("There is no such contact in this workspace.", errors=(FieldError("to", "no such contact"),))
        else:
            ready[place] = _Ready(route, contacts[place], known or Reach(), addresses)
    closed = await _closed(session, workspace_id, wanted, ready, now)
    return found | {place: _choose(wanted[place], one, closed) for place, one in ready.items()}


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a channel is chosen by."""

    route: tuple[UUID, list[Step]]
    contact_id: UUID | None
    reach: Reach
    named: dict[str, str]

    @property
    def addresses(self) -> dict[str, str]:
        return {**self.reach.addresses, **self.named}


async def _closed(
    session: AsyncSession, workspace_id: UUID, wanted: Mapping[int, Wanted], ready: Mapping[int, _Ready], now: datetime
) -> set[Place]:
    """Where free texts that would leave now are not taken."""
    places = {
        (step.channel_id, one.addresses[step.medium]): (workspace_id, step.provider)
        for place, one in ready.items()
        if wanted[place].leaves_now and needs_window(wanted[place].content)
        for step in one.route[1]
        if step.medium in one.addresses
    }
    return await closed_places(await raw_connection(session), places, now=now)


def _clean(one: Wanted, region: str) -> dict[str, str]:
    given = {**one.addresses, **({one.medium or "sms": one.to} if one.to else {})}
    cleaned = {}
    for medium, address in given.items():
        try:
            cleaned[medium] = clean_address(medium, address, region)
        except BadAddress as error:
            field_name = f"to.{medium}" if one.addresses else "to"
            raise Invalid(f"The address for {medium} {error.reason}.", errors=(FieldError(field_name, error.reason),)) from error
    return cleaned


def _owner(addresses: Mapping[str, str], owners: Mapping[tuple[str, str], UUID]) -> UUID | None:
    """Whose the addresses are; nobody's where they are of several people."""
    found = {owners[pair] for pair in addresses.items() if pair in owners}
    return found.pop() if len(found) == 1 else None


async def _route(
    session: AsyncSession, workspace_id: UUID, route_id: UUID | None, message_class: str, medium: str | None
) -> tuple[UUID, list[Step]] | TidingsError:
    try:
        chosen = route_id or await find_route_of_class(session, workspace_id, message_class, medium)
        return chosen, await route_for_sending(session, workspace_id, chosen)
    except TidingsError as error:
        return error


def _choose(one: Wanted, ready: _Ready, closed: set[Place]) -> Routed | TidingsError:
    holds = one.leaves_now and needs_window(one.content)
    choice = choose(
        ready.route[1],
        addresses=ready.addresses,
        preferred=ready.reach.preferred,
        carries=lambda step: can_carry(step, one.text, one.content, links=one.links),
        is_open=lambda step, address: not holds or (step.channel_id, address) not in closed,
    )
    if choice.step is not None:
        return Routed(route_id=ready.route[0], step=choice.step, choice=choice, contact_id=ready.contact_id, addresses=ready.named)
    needs_template = any(each.reason == "template_required" for each in choice.skipped)
    return Invalid(
        f"No channel of the route can take this message: {_reasons(choice)}. Nothing was sent.",
        errors=(FieldError("text" if needs_template else "to", _reasons(choice)),),
        code="template_required" if needs_template else None,
    )


def _reasons(choice: Choice) -> str:
    return "; ".join(dict.fromkeys(SKIP_WORDS[one.reason] for one in choice.skipped)) or "it has no channels"


async def await_receipts(session: AsyncSession, messages: Collection[tuple[Message, Step]]) -> None:
    """Have those looked at that are to be sent within a time. The other wishes are counted from when a message has left."""
    timed = [(one, step.wait_seconds) for one, step in messages if step.wished == "sent" and step.wait_seconds is not None]
    if timed:
        await session.execute(
            _AWAIT,
            [
                {"workspace_id": one.workspace_id, "id": one.id, "source_id": _NO_SOURCE, "due_at": one.due_at + timedelta(seconds=seconds)}
                for one, seconds in timed
            ],
        )


_NO_SOURCE = UUID(int=0)
_AWAIT = sql("INSERT INTO fallbacks (workspace_id, message_id, source_id, due_at) VALUES (:workspace_id, :id, :source_id, :due_at)")
