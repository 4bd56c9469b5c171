"""Follows routed messages: makes the next try where one is due, takes back what is not needed any more, and says who is counted.

Whatever ends a try leaves a row in `fallbacks` in its own transaction (a trigger sees to it); overdue receipts have one with their
time. Workers take these rows, lock all tries of a message, decide by what the ledger says at that moment, and write the decision in
the same transaction. Killed in the middle, nothing has happened; looked at twice, the second look finds nothing to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from tidings.contacts.reach import Reach, read_reach
from tidings.core.clock import utc_now
from tidings.core.ids import new_id
from tidings.db.sql import NamedSql
from tidings.delivery.content import Content, read_content
from tidings.delivery.wake import wake
from tidings.messages.carrying import can_carry
from tidings.messages.conversations import Place
from tidings.messages.windows import closed_places, needs_window
from tidings.routes.rules import Choice, Decision, Situation, Step, Try, choose, decide, may_have_arrived, skipped_as_kept
from tidings.routes.steps import RouteKey, read_steps
from tidings.templates.rendering import CannotRender, render

if TYPE_CHECKING:
    import asyncpg

_SQL = NamedSql("tidings.messages", "fallbacks.sql")
PAGE = 500
_MOST_PAGES = 20
"""Pages of one turn, so that what a turn holds up is bounded."""

Key = tuple[UUID, UUID]
"""Workspace and first try."""


async def follow_routes(pool: asyncpg.Pool, *, links: bool = True) -> int:
    """Look at every routed message that is due to be looked at; return how many further tries were made.

    `links` says whether a provider could fetch an uploaded file from this installation.
    """
    made = 0
    for _ in range(_MOST_PAGES):
        async with pool.acquire() as connection:
            async with connection.transaction():
                page = await _follow_page(connection, links=links)
            for channel_id in sorted(set(page.channels)):
                await wake(connection, channel_id)
        made += len(page.channels)
        if not page.more:
            break
    return made


@dataclass(frozen=True, slots=True)
class _Page:
    more: bool = False
    """Another page may find more to do."""
    channels: Sequence[UUID] = ()
    """Of each further try."""


@dataclass(slots=True)
class _Plan:
    """What is to be written of a page."""

    changes: list[tuple[UUID, UUID, bool, bool, bool]] = field(default_factory=list)
    """Workspace, try, cancel, superseded, ended."""
    nexts: list[tuple[Any, ...]] = field(default_factory=list)
    looks: list[tuple[UUID, UUID, UUID, datetime]] = field(default_factory=list)


async def _follow_page(connection: asyncpg.Connection, *, links: bool) -> _Page:
    await connection.execute(_SQL.plan_anew)
    due = await connection.fetch(_SQL.due, PAGE)
    stranded = await connection.fetch(_SQL.stranded, PAGE)
    wanted = {(row["workspace_id"], row["message_id"]) for row in (*due, *stranded)}
    if not wanted:
        return _Page()
    chains = await _lock(connection, wanted)
    missing = [(row["workspace_id"], row["id"]) for row in due if (row["workspace_id"], row["message_id"]) not in chains]
    if missing:
        await connection.execute(_SQL.forget_gone, *_columns(missing))
    steps = await read_steps(connection, {_route(rows) for rows in chains.values() if rows[0]["route_id"] is not None})
    now = utc_now()
    decisions = {key: decide(_tries(rows), _situation(rows, steps, now)) for key, rows in chains.items()}
    plan = await _plan(connection, chains, decisions, _Ground(steps, now, links))
    channels = await _write(connection, list(chains), plan)
    # Those that are stranded and have to stay would fill every page: another one only where some could go.
    return _Page(len(due) == PAGE or (len(stranded) == PAGE and bool(channels)), channels)


async def _lock(connection: asyncpg.Connection, wanted: Iterable[Key]) -> dict[Key, list[asyncpg.Record]]:
    """The tries of those messages that nobody else is writing at just now, in order."""
    firsts = await connection.fetch(_SQL.lock_first, *_columns(sorted(wanted)))
    if not firsts:
        return {}
    found: dict[Key, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch(_SQL.tries, *_columns([(row["workspace_id"], row["id"]) for row in firsts])):
        found[row["workspace_id"], row["first_id"]].append(row)
    return {key: rows for key, rows in found.items() if len(rows) == rows[0]["tries"]}


def _route(rows: Sequence[asyncpg.Record]) -> RouteKey:
    return rows[0]["workspace_id"], rows[0]["route_id"]


def _tries(rows: Sequence[asyncpg.Record]) -> list[Try]:
    return [
        Try(
            id=row["id"], channel_id=row["channel_id"], status=row["status"], due_at=row["due_at"], superseded=row["superseded"],
            error_code=row["error_code"], begun_at=row["begun_at"], sent_at=row["sent_at"], settled_at=row["settled_at"],
            expires_at=row["expires_at"],
        )
        for row in rows
    ]  # fmt: skip


def _situation(rows: Sequence[asyncpg.Record], steps: Mapping[RouteKey, Sequence[Step]], now: datetime) -> Situation:
    return Situation(
        now=now,
        steps={one.channel_id: one for one in steps.get(_route(rows), ())},
        held=rows[0]["held"],
        cancelled=rows[0]["source_cancelled"],
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a next step is chosen on."""

    steps: Mapping[RouteKey, Sequence[Step]]
    now: datetime
    links: bool


async def _plan(
    connection: asyncpg.Connection, chains: Mapping[Key, Sequence[asyncpg.Record]], decisions: Mapping[Key, Decision], ground: _Ground
) -> _Plan:
    going = [key for key, decision in decisions.items() if decision.goes_on]
    choices = await _choices(connection, {key: chains[key] for key in going}, ground)
    usable = {
        row["id"] for row in await connection.fetch(_SQL.lock_channels, [one.step.channel_id for one in choices.values() if one.step])
    }
    plan = _Plan()
    for key, decision in decisions.items():
        rows, choice = chains[key], choices.get(key)
        step = choice.step if choice is not None else None
        look_at = decision.look_at
        if step is not None and step.channel_id not in usable:
            step, look_at = None, ground.now  # deleted since: the next look finds another
        elif step is not None and decision.only_if_up and step.health != "up":
            step = None
        ended = decision.goes_on and _is_at_its_end(choice)
        if step is not None and choice is not None:
            _plan_next(plan, rows, step, choice, ground.now)
        elif look_at is not None and not ended:
            plan.looks.append((*key, rows[0]["source_id"], look_at))
        _plan_changes(plan, rows, decision, goes_on=step is not None, ended=ended)
    return plan


_FOR_GOOD = frozenset({"no_address", "unsupported", "template_required"})


def _is_at_its_end(choice: Choice | None) -> bool:
    """No other channel of the route will ever take it: those left over lack the address, cannot carry it, or take no free text."""
    return choice is not None and choice.step is None and all(one.reason in _FOR_GOOD for one in choice.skipped)


def _plan_next(plan: _Plan, rows: Sequence[asyncpg.Record], step: Step, choice: Choice, now: datetime) -> None:
    first, latest = rows[0], rows[-1]
    leaves_copy = any(may_have_arrived(one) for one in _tries(rows))
    plan.nexts.append(
        (
            first["workspace_id"],
            first["id"],
            latest["number"] + 1,
            new_id(),
            step.channel_id,
            step.medium,
            choice.address,
            step.position,
            _json(skipped_as_kept(choice.skipped)),
            leaves_copy,
        )
    )
    if step.wished == "sent" and step.wait_seconds is not None:
        plan.looks.append((first["workspace_id"], first["id"], first["source_id"], now + timedelta(seconds=step.wait_seconds)))


def _plan_changes(plan: _Plan, rows: Sequence[asyncpg.Record], decision: Decision, *, goes_on: bool, ended: bool) -> None:
    taken_back = decision.cancel if goes_on or not decision.goes_on else ()
    for row in rows:
        cancel = row["id"] in taken_back
        superseded = goes_on or row["id"] != decision.speaks
        ends = ended and row["id"] == rows[-1]["id"] and row["route_step"] is not None
        if cancel or ends or superseded != row["superseded"]:
            plan.changes.append((row["workspace_id"], row["id"], cancel, superseded, ends))


async def _choices(connection: asyncpg.Connection, chains: Mapping[Key, Sequence[asyncpg.Record]], ground: _Ground) -> dict[Key, Choice]:
    """The next step for each message that goes on."""
    reach = await read_reach(connection, [(key[0], rows[0]["contact_id"]) for key, rows in chains.items() if rows[0]["contact_id"]])
    templates = await _templates(connection, chains)
    wanted = {
        key: _wanted(rows, ground.steps.get(_route(rows), ()), reach.get((key[0], rows[0]["contact_id"])) or Reach(), templates)
        for key, rows in chains.items()
    }
    places = {
        (step.channel_id, one.addresses[step.medium]): (key[0], step.provider)
        for key, one in wanted.items()
        if needs_window(one.content)
        for step in one.steps
        if step.medium in one.addresses
    }
    closed = await closed_places(connection, places, now=ground.now)
    return {key: _choice(chains[key], one, closed, links=ground.links) for key, one in wanted.items()}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the next step of a message is chosen by."""

    steps: Sequence[Step]
    addresses: Mapping[str, str]
    preferred: str | None
    text: str
    content: Content | None


def _wanted(rows: Sequence[asyncpg.Record], steps: Sequence[Step], reach: Reach, templates: Mapping[Key, _Frozen]) -> _Wanted:
    first = rows[0]
    named = msgspec.json.decode(first["addresses"]) if first["addresses"] else {}
    addresses = {**reach.addresses, first["medium"]: first["address"], **named}
    template, content = templates.get((first["workspace_id"], first["source_id"]), ("", None))
    content = read_content(first["content"]) if first["content"] else content
    return _Wanted(steps, addresses, reach.preferred, _text(first, template), content)


def _choice(rows: Sequence[asyncpg.Record], one: _Wanted, closed: set[Place], *, links: bool) -> Choice:
    return choose(
        one.steps,
        addresses=one.addresses,
        preferred=one.preferred,
        tried={row["channel_id"] for row in rows},
        carries=lambda step: can_carry(step, one.text, one.content, links=links),
        is_open=lambda step, address: not needs_window(one.content) or (step.channel_id, address) not in closed,
    )


_Frozen = tuple[str, Content | None]


async def _templates(connection: asyncpg.Connection, chains: Mapping[Key, Sequence[asyncpg.Record]]) -> dict[Key, _Frozen]:
    """The frozen contents of campaigns, by workspace and source."""
    sources = {(key[0], rows[0]["source_id"]) for key, rows in chains.items() if rows[0]["text"] is None}
    if not sources:
        return {}
    return {
        (row["workspace_id"], row["source_id"]): (row["text"], read_content(row["content"]) if row["content"] else None)
        for row in await connection.fetch(_SQL.contents, *_columns(sorted(sources)))
    }


def _text(first: asyncpg.Record, template: str) -> str:
    """As its recipient is to read it; empty where it cannot be filled in, which its next try will say."""
    if first["text"] is not None:
        return str(first["text"])
    try:
        return render(template, msgspec.json.decode(first["variables"] or "{}"))
    except CannotRender:
        return ""


async def _write(connection: asyncpg.Connection, keys: Sequence[Key], plan: _Plan) -> list[UUID]:
    if plan.changes:
        await connection.execute(_SQL.change, *_columns(plan.changes))
    channels: list[UUID] = []
    if plan.nexts:
        channels = [row["channel_id"] for row in await connection.fetch(_SQL.go_on, *_columns(plan.nexts))]
    if keys:
        await connection.execute(_SQL.forget, *_columns(keys))
    if plan.looks:
        await connection.execute(_SQL.look_again, *_columns(plan.looks))
    return channels


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
