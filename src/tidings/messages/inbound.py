"""What people write to us: kept once, with the contact it comes from, and obeyed where it is a STOP, START or HELP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import structlog

from tidings.contacts.optouts import Source
from tidings.contacts.service import find_or_create_by_address, opt_in, opt_out
from tidings.core.addresses import BadAddress, clean_address
from tidings.core.clock import utc_now
from tidings.core.ids import new_id
from tidings.core.keywords import Keyword, confirmation, keyword_language, read_keyword
from tidings.db.database import raw_connection
from tidings.errors import TidingsError
from tidings.messages.service import SendMessage, send_message
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
LONGEST_TEXT = 20_000
LONGEST_ADDRESS = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message from a person, and the channel by which it came."""

    workspace_id: UUID
    channel_id: UUID
    medium: str
    inbound: Inbound


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
    fresh = set(await _not_seen(connection, made))
    for message_id, one in made.items():
        if message_id in fresh:
            await _receive(session, connection, database, message_id, one)
    return [message_id for message_id in made if message_id in fresh]


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
        [_clean(one.inbound.provider_message_id, 255) for one in made.values()],
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


async def _receive(session: AsyncSession, connection: asyncpg.Connection, database: Database, message_id: UUID, one: Arrived) -> None:
    inbound = one.inbound
    address = _address(inbound.sender, one.medium)
    text = _clean(inbound.text, LONGEST_TEXT)
    contact_id = await find_or_create_by_address(connection, one.workspace_id, one.medium, address)
    variables = _more(inbound)
    await connection.execute(
        _INSERT, one.workspace_id, message_id, contact_id, one.channel_id, one.medium, address, text, variables,
        _clean(inbound.provider_message_id, 255),
    )  # fmt: skip
    keyword = inbound.keyword or read_keyword(text)
    if keyword is not None and await _obey(connection, keyword, one, address, contact_id):
        await _answer(session, database, one, _confirmation(keyword, one, address, contact_id))


_INSERT = """
    INSERT INTO messages (workspace_id, id, direction, contact_id, channel_id, medium, address, text, variables, status,
                          provider_message_id, settled_at)
    VALUES ($1, $2, 'in', $3, $4, $5, $6, $7, $8::text::jsonb, 'received', $9, now())
"""


def _more(inbound: Inbound) -> str | None:
    """What came beside the text, as JSON; None where there was nothing."""
    more = {
        "media": [{name: value for name, value in asdict(one).items() if value} for one in inbound.media],
        "location": asdict(inbound.location) if inbound.location else None,
        "button": inbound.button,
        "reply_to": inbound.reply_to,
        "sender_name": inbound.sender_name,
    }
    told = {name: value for name, value in more.items() if value}
    return _clean(msgspec.json.encode(told).decode(), LONGEST_TEXT).replace("\\u0000", "") if told else None


async def _obey(connection: asyncpg.Connection, keyword: Keyword, one: Arrived, address: str, contact_id: UUID) -> bool:
    """Do as the person asks, and say whether they are owed an answer: not where nothing changed, nor where the provider gave one."""
    by_provider = one.inbound.keyword is not None
    if keyword == "stop":
        source: Source = "provider" if by_provider else "keyword"
        owed = await opt_out(connection, one.workspace_id, one.medium, address, source, _clean(one.inbound.text, 100))
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
    cleaned = _clean(text, LONGEST_ADDRESS).strip()
    if medium == "sms" and not cleaned.startswith("+"):
        return cleaned
    try:
        return clean_address(medium, cleaned, "US")  # with a plus the region does not matter
    except BadAddress:
        return cleaned


def _clean(text: str, longest: int) -> str:
    """Text from outside as PostgreSQL takes it: it has no NUL, and a lone surrogate is no character."""
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode()
