"""What people write to us: kept once, with the contact it comes from, and obeyed where it is a STOP, START or HELP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from unicodedata import normalize
from uuid import UUID

import structlog

from tidings.contacts.optouts import Source
from tidings.contacts.service import find_or_create_by_addresses, opt_in, opt_out
from tidings.core.addresses import BadAddress, clean_address
from tidings.core.clock import utc_now
from tidings.core.ids import new_id, show_id
from tidings.core.keywords import Keyword, confirmation, keyword_language, read_keyword
from tidings.db.database import raw_connection
from tidings.errors import TidingsError
from tidings.messages.conversations import Wrote, note_inbound
from tidings.messages.linking import follow_link
from tidings.messages.received import LONGEST_NAME, LONGEST_TEXT, clean, pack_content
from tidings.messages.service import SendMessage, send_message
from tidings.outbox.service import NewEvent, emit
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

    from tidings.db.database import Database
    from tidings.providers.base import Inbound

log = structlog.get_logger(__name__)

ANSWER_VALIDITY = timedelta(hours=1)
"""An answer to a STOP that comes later than this would be one more unwanted message."""
HELP_EVERY = timedelta(hours=1)
"""A machine that answers our help with HELP gets no second one sooner."""
LONGEST_ADDRESS = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message from a person, and the channel by which it came."""

    workspace_id: UUID
    channel_id: UUID
    medium: str
    inbound: Inbound
    link_code: str = ""
    """What the link carried through which the person opened the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fresh:
    """A message that was not here before, read as it is kept."""

    id: UUID
    arrived: Arrived
    address: str
    text: str
    at: datetime
    """When the person wrote it; now where that is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut:
    """A provider tells that a person opted out at its side."""

    workspace_id: UUID
    medium: str
    address: str
    channel_name: str


async def receive_inbound(session: AsyncSession, database: Database, arrived: Sequence[Arrived]) -> list[UUID]:
    """Write down what people sent, in the caller's transaction; return the ids of the messages that are new.

    What a provider brings twice is one message and is answered once.
    """
    if not arrived:
        return []
    connection = await raw_connection(session)
    made = {new_id(): one for one in arrived}
    new = set(await _not_seen(connection, made))
    now = utc_now()
    fresh = [_read(message_id, one, now) for message_id, one in made.items() if message_id in new]
    for one in fresh:
        if one.arrived.link_code:
            where = one.arrived
            await follow_link(
                session, connection, workspace_id=where.workspace_id, channel_id=where.channel_id, medium=where.medium,
                address=one.address, code=where.link_code,
            )  # fmt: skip
    # Strangers become contacts.
    contacts = await find_or_create_by_addresses(connection, {_point(one): _name(one.arrived.inbound.sender_name) for one in fresh})
    await _write(connection, fresh, contacts)
    for one in fresh:
        keyword = one.arrived.inbound.keyword or read_keyword(one.text)
        contact_id = contacts[_point(one)]
        if keyword is not None and await _obey(connection, keyword, one.arrived, one.address, contact_id):
            await _answer(session, database, one.arrived, _confirmation(keyword, one.arrived, one.address, contact_id))
    return [one.id for one in fresh]


async def note_opt_outs(session: AsyncSession, told: Sequence[OptedOut]) -> None:
    """Take over opt-outs that providers tell of. They have answered the person themselves."""
    connection = await raw_connection(session)
    for one in sorted(told, key=lambda one: (one.workspace_id, one.medium, one.address)):
        await opt_out(
            connection, one.workspace_id, one.medium, _address(one.address, one.medium), "provider", f"told by {one.channel_name}"
        )


async def _not_seen(connection: asyncpg.Connection, made: dict[UUID, Arrived]) -> list[UUID]:
    rows = await connection.fetch(
        _SEEN, list(made), [one.workspace_id for one in made.values()], [one.channel_id for one in made.values()],
        [clean(one.inbound.provider_message_id, 255) for one in made.values()],
    )  # fmt: skip
    return [row["message_id"] for row in rows]


_SEEN = """
    INSERT INTO inbound_seen (workspace_id, channel_id, provider_message_id, message_id)
    SELECT workspace_id, channel_id, provider_message_id, message_id
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS t (message_id, workspace_id, channel_id, provider_message_id)
    ORDER BY workspace_id, channel_id, provider_message_id, message_id
    ON CONFLICT DO NOTHING
    RETURNING message_id
"""


def _read(message_id: UUID, one: Arrived, now: datetime) -> _Fresh:
    at = one.inbound.at
    return _Fresh(
        id=message_id,
        arrived=one,
        address=_address(one.inbound.sender, one.medium),
        text=clean(one.inbound.text, LONGEST_TEXT),
        # A clock that runs ahead must not hold a window open.
        at=min(at, now) if at is not None and at.tzinfo is not None else now,
    )


_Point = tuple[UUID, str, str]
"""Workspace, medium, address."""


def _point(one: _Fresh) -> _Point:
    return one.arrived.workspace_id, one.arrived.medium, one.address


async def _write(connection: asyncpg.Connection, fresh: Sequence[_Fresh], contacts: dict[_Point, UUID]) -> None:
    """The messages, the conversations they belong to, and the events that tell of them."""
    if not fresh:
        return
    rows = [
        (one.arrived.workspace_id, one.id, contacts[_point(one)], one.arrived.channel_id, one.arrived.medium, one.address, one.text,
         pack_content(one.arrived.inbound), clean(one.arrived.inbound.provider_message_id, 255))
        for one in fresh
    ]  # fmt: skip
    await connection.execute(_INSERT, *(list(column) for column in zip(*rows, strict=True)))
    wrote = [
        Wrote(
            workspace_id=one.arrived.workspace_id, channel_id=one.arrived.channel_id, medium=one.arrived.medium, address=one.address,
            contact_id=contacts[_point(one)], at=one.at,
        )
        for one in fresh
    ]  # fmt: skip
    conversations = await note_inbound(connection, wrote)
    await emit(connection, [_event(one, contacts[_point(one)], conversations) for one in fresh])


_INSERT = """
    INSERT INTO messages (workspace_id, id, direction, contact_id, channel_id, medium, address, text, variables, status,
                          provider_message_id, settled_at)
    SELECT workspace_id, id, 'in', contact_id, channel_id, medium, address, text, variables::jsonb, 'received', provider_message_id, now()
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
         AS t (workspace_id, id, contact_id, channel_id, medium, address, text, variables, provider_message_id)
"""


def _event(one: _Fresh, contact_id: UUID, conversations: dict[tuple[UUID, UUID, str], UUID]) -> NewEvent:
    where = one.arrived
    data = {
        "message": show_id("msg", one.id),
        "conversation": show_id("cnv", conversations[where.workspace_id, where.channel_id, one.address]),
        "contact": show_id("con", contact_id),
        "channel": show_id("chn", where.channel_id),
        "medium": where.medium,
        "from": one.address,
        "text": one.text,
        "button": clean(where.inbound.button, 2_000) if where.inbound.button else None,
    }
    return NewEvent(workspace_id=where.workspace_id, kind="message.received", at=one.at, data=data)


def _name(text: str) -> str:
    """What somebody calls themself, in a length that a contact's name may have."""
    return normalize("NFC", clean(text, 10 * LONGEST_NAME))[:LONGEST_NAME]


async def _obey(connection: asyncpg.Connection, keyword: Keyword, one: Arrived, address: str, contact_id: UUID) -> bool:
    """Do as the person asks, and say whether they are owed an answer: not where nothing changed, nor where the provider gave one."""
    by_provider = one.inbound.keyword is not None
    if keyword == "stop":
        source: Source = "provider" if by_provider else "keyword"
        owed = await opt_out(connection, one.workspace_id, one.medium, address, source, clean(one.inbound.text, 100))
    elif keyword == "start":
        owed = await opt_in(connection, one.workspace_id, one.medium, address)
    else:
        owed = not await connection.fetchval(_HELPED, one.workspace_id, contact_id, HELP_EVERY)
    return owed and not by_provider


_HELPED = """
    SELECT EXISTS (SELECT FROM messages m WHERE m.workspace_id = $1 AND m.contact_id = $2 AND m.is_confirmation
                   AND m.id > id_floor(now() - $3::interval))
"""


def _confirmation(keyword: Keyword, one: Arrived, address: str, contact_id: UUID) -> SendMessage:
    return SendMessage(
        to=address,
        text=confirmation(keyword, keyword_language(one.inbound.text)),
        channel_id=one.channel_id,
        medium=one.medium,
        contact_id=contact_id,
        validity=ANSWER_VALIDITY,
        is_confirmation=keyword != "start",
    )


async def _answer(session: AsyncSession, database: Database, one: Arrived, answer: SendMessage) -> None:
    access = system_access(one.workspace_id, "answers to keywords")
    try:
        await send_message(session, access, database, answer, now=utc_now(), region="US")
    except TidingsError as error:
        # A disabled channel, a sender that is no number: the wish is obeyed, only the answer cannot go.
        log.warning("keyword_not_answered", channel_id=str(one.channel_id), detail=error.detail)


def _address(text: str, medium: str) -> str:
    """The sender as contacts are kept; a short code or a name stays as it came."""
    cleaned = clean(text, LONGEST_ADDRESS).strip()
    if medium == "sms" and not cleaned.startswith("+"):
        return cleaned
    try:
        return clean_address(medium, cleaned, "US")  # with a plus the region does not matter
    except BadAddress:
        return cleaned
