"""The calls whose time must not grow with the ledger: what the engine does all day, and what people look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from bench.traffic import address, sid
from tidings.campaigns import queries as campaign_queries
from tidings.campaigns import service as campaigns
from tidings.delivery import queries as engine
from tidings.delivery.rules import Settlement, Status
from tidings.insights import service as insights
from tidings.messages import reading as messages
from tidings.messages.queries import MessageFilter
from tidings.workspaces.access import system_access

BATCH = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look."""

    workspace_id: UUID
    bulk: UUID
    """The channel with the campaign that waits."""
    quick: UUID
    """One with a single message to send."""
    unused: UUID
    """One that has never sent anything."""
    old_campaign: UUID
    waiting_campaign: UUID
    contact_id: UUID


OnConnection = Callable[[asyncpg.Connection, Place], Awaitable[Any]]
OnSession = Callable[[AsyncSession, Place], Awaitable[Any]]


async def claim(connection: asyncpg.Connection, place: Place) -> None:
    taken, _ = await engine.claim(connection, place.bulk, place.workspace_id, BATCH)
    assert len(taken) == BATCH


async def claim_quick(connection: asyncpg.Connection, place: Place) -> None:
    taken, _ = await engine.claim(connection, place.quick, place.workspace_id, BATCH)
    assert len(taken) == 1


async def has_due(connection: asyncpg.Connection, place: Place) -> None:
    assert await engine.has_due(connection, place.workspace_id, place.bulk)


async def sweep(connection: asyncpg.Connection, place: Place) -> None:
    assert place.bulk in await engine.channels_to_sweep(connection)


async def recover(connection: asyncpg.Connection, place: Place) -> None:
    await engine.recover(connection, place.bulk, place.workspace_id, 3)


async def settle(connection: asyncpg.Connection, place: Place) -> None:
    """After a claim of the same transaction, which is not timed."""
    taken, _ = await engine.claim(connection, place.bulk, place.workspace_id, BATCH)
    settle.ended = [  # type: ignore[attr-defined]
        engine.Ended(one, Settlement(status=Status.SENT, outcome="accepted", provider_message_id=sid(index + 10**12), segments=1), 12)
        for index, one in enumerate(taken)
    ]


ENGINE: dict[str, OnConnection] = {
    "claim 200": claim, "claim of a channel with one message": claim_quick, "is anything due": has_due,
    "sweep of all channels": sweep, "recovery of a channel": recover,
}  # fmt: skip


def listed(wanted: Callable[[Place], MessageFilter]) -> OnSession:
    """A page of messages with their texts, as the API and the dashboard show them."""

    async def look(session: AsyncSession, place: Place) -> None:
        found = await messages.list_messages(session, place.workspace_id, wanted(place), limit=51)
        await messages.show_messages(session, place.workspace_id, found)

    return look


def recipients(*words: str) -> OnSession:
    """A page of a campaign's ledger."""

    async def look(session: AsyncSession, place: Place) -> None:
        await campaigns.list_recipients(session, place.workspace_id, place.old_campaign, words=words, limit=100)

    return look


async def ledgers(session: AsyncSession, place: Place) -> None:
    found = await campaigns.list_campaigns(session, place.workspace_id, limit=50)
    await campaigns.ledgers(session, place.workspace_id, found)


async def dashboard(session: AsyncSession, place: Place) -> None:
    await insights.read_dashboard(session, system_access(place.workspace_id, "bench"), now=datetime.now(UTC))


async def stats(session: AsyncSession, place: Place) -> None:
    await insights.read_stats(session, system_access(place.workspace_id, "bench"), now=datetime.now(UTC))


async def finish_done(session: AsyncSession, _: Place) -> None:
    await campaign_queries.finish_done(session)


PAGES: dict[str, OnSession] = {
    "dashboard": dashboard,
    "stats of 30 days": stats,
    "50 campaigns with their ledgers": ledgers,
    "campaigns that are done": finish_done,
    "recipients of a campaign": recipients(),
    "recipients of a campaign: failed": recipients("failed"),
    "recipients of a campaign: delivered": recipients("delivered"),
    "recipients of a campaign: waiting": recipients("waiting"),
    "messages": listed(lambda _: MessageFilter()),
    "messages: failed": listed(lambda _: MessageFilter(statuses=("failed",))),
    "messages: delivered": listed(lambda _: MessageFilter(statuses=("delivered",))),
    "messages: queued": listed(lambda _: MessageFilter(statuses=("queued",))),
    "messages: read, of which there are none": listed(lambda _: MessageFilter(statuses=("read",))),
    "messages: inbound": listed(lambda _: MessageFilter(direction="in")),
    "messages: of a campaign": listed(lambda place: MessageFilter(campaign_id=place.old_campaign)),
    "messages: of a campaign, failed": listed(lambda place: MessageFilter(campaign_id=place.old_campaign, statuses=("failed",))),
    "messages: of a contact": listed(lambda place: MessageFilter(contact_id=place.contact_id)),
    "messages: of an address": listed(lambda _: MessageFilter(address=address(4711))),
    "messages: of a channel": listed(lambda place: MessageFilter(channel_id=place.quick)),
    "messages: of a channel never used": listed(lambda place: MessageFilter(channel_id=place.unused)),
    "messages: of a channel, failed": listed(lambda place: MessageFilter(channel_id=place.quick, statuses=("failed",))),
    "messages: of a reference": listed(lambda _: MessageFilter(reference="order-4710")),
    "messages: of a day two weeks ago": listed(
        lambda _: MessageFilter(since=datetime.now(UTC) - timedelta(days=15), until=datetime.now(UTC) - timedelta(days=14))
    ),
}
