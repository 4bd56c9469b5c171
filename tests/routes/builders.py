"""A workspace with a route over three channels, and what happens to its messages, by the engine's own statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from tidings.campaigns import service as campaigns
from tidings.campaigns.fan_out import fan_out
from tidings.contacts.audience import Audience
from tidings.core.ids import new_id
from tidings.db.database import Database
from tidings.delivery import queries
from tidings.delivery.queries import Ended
from tidings.delivery.rules import RetryPolicy, settle
from tidings.messages.apply_receipts import Heard, apply_receipts
from tidings.messages.models import Message
from tidings.messages.service import SendMessage, send_message
from tidings.providers.base import Outcome, Receipt
from tidings.routes.service import RouteInput, StepInput, create_route
from tidings.workspaces.access import system_access

MEDIUMS = ("sms", "whatsapp", "telegram")
POLICY = RetryPolicy()


@dataclass(frozen=True)
class Place:
    """A workspace, its channels by medium, its route."""

    database: Database
    workspace_id: UUID
    channels: dict[str, UUID]
    route_id: UUID

    @property
    def access(self):
        return system_access(self.workspace_id, "test")


async def place(database: Database, *steps: tuple[str, str, int | None]) -> Place:
    """`steps` are medium, wish and seconds; by default SMS that has to arrive within a minute, then WhatsApp, then Telegram."""
    steps = steps or (("sms", "delivered", 60), ("whatsapp", "delivered", 60), ("telegram", "sent", None))
    workspace_id = new_id()
    channels = {medium: new_id() for medium in MEDIUMS}
    async with database.pool.acquire() as db:
        await db.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", workspace_id)
        for medium, channel_id in channels.items():
            await db.execute(
                "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token) "
                "VALUES ($1, $2, $3, 'sandbox', $3, '', $4)",
                workspace_id, channel_id, medium, str(channel_id),
            )  # fmt: skip
    async with database.workspace(workspace_id) as session:
        wanted = [StepInput(channel_id=channels[medium], wished=wish, wait_seconds=seconds) for medium, wish, seconds in steps]  # type: ignore[arg-type]
        known = await create_route(session, system_access(workspace_id, "test"), RouteInput(name="Main", steps=wanted))
    return Place(database, workspace_id, channels, known.route.id)


async def contact(at: Place, number: int, *mediums: str, **attributes: str) -> UUID:
    contact_id = new_id()
    async with at.database.pool.acquire() as db:
        await db.execute(
            "INSERT INTO contacts (workspace_id, id, name, attributes) VALUES ($1, $2, $3, $4)",
            at.workspace_id, contact_id, f"Person {number}", msgspec.json.encode(attributes).decode(),
        )  # fmt: skip
        for medium in mediums or MEDIUMS:
            await db.execute(
                "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, $4, $5)",
                at.workspace_id, new_id(), contact_id, medium, f"+2547{number:08}" if medium != "telegram" else str(10_000 + number),
            )  # fmt: skip
    return contact_id


async def send(at: Place, contact_id: UUID, **more) -> Message:
    async with at.database.workspace(at.workspace_id) as session:
        command = SendMessage(to="", contact_id=contact_id, route_id=at.route_id, **{"text": "Hello", **more})
        return await send_message(session, at.access, at.database, command, now=datetime.now(UTC), region="KE")


async def campaign(at: Place) -> UUID:
    """A campaign to everybody by the route, written out."""
    async with at.database.workspace(at.workspace_id) as session:
        wanted = campaigns.CampaignInput(name="Sale", text="Hello {{ name }}", audience=Audience(all=True), route_id=at.route_id)
        made = await campaigns.create_campaign(session, at.access, wanted, now=datetime.now(UTC))
        await campaigns.launch_campaign(session, at.access, made.id, now=datetime.now(UTC))
    await fan_out(at.database, at.workspace_id, made.id)
    return made.id


async def go(at: Place, medium: str, outcome: Outcome, count: int = 100) -> int:
    """Claim what is due at a channel and have it end like this; how many there were."""
    async with at.database.pool.acquire() as db:
        claimed, _ = await queries.claim(db, at.channels[medium], at.workspace_id, count)
        return await settled(db, at, medium, claimed, outcome)


async def settled(db: asyncpg.Connection, at: Place, medium: str, claimed: list[queries.Claimed], outcome: Outcome) -> int:
    if claimed:
        ended = [
            Ended(
                one, settle(named(outcome, one.id), failures=one.failures, delivery=one.delivery, policy=POLICY, now=datetime.now(UTC)), 5
            )
            for one in claimed
        ]
        await queries.settle_many(db, at.workspace_id, at.channels[medium], ended)
    return len(claimed)


def named(outcome: Outcome, message_id: UUID) -> Outcome:
    """With a provider's id of its own for each message."""
    return msgspec.structs.replace(outcome, provider_message_id=f"P{message_id}") if hasattr(outcome, "provider_message_id") else outcome


async def hear(at: Place, medium: str, message_id: UUID, status: str) -> None:
    async with at.database.pool.acquire() as db, db.transaction():
        receipt = Receipt(provider_message_id=f"P{message_id}", status=status, provider_status=status)  # type: ignore[arg-type]
        await apply_receipts(db, [Heard(at.workspace_id, at.channels[medium], receipt)])


async def pass_time(at: Place, seconds: int = 3600) -> None:
    """As if so much time had gone by for whatever is on its way."""
    async with at.database.pool.acquire() as db:
        await db.execute(
            "UPDATE messages SET sent_at = sent_at - $2::interval, settled_at = settled_at - $2::interval, due_at = due_at - $2::interval, "
            "claimed_at = claimed_at - $2::interval WHERE workspace_id = $1",
            at.workspace_id, timedelta(seconds=seconds),
        )  # fmt: skip
        await db.execute("UPDATE attempts SET at = at - $2::interval WHERE workspace_id = $1", at.workspace_id, timedelta(seconds=seconds))
        await db.execute(
            "UPDATE fallbacks SET due_at = due_at - $2::interval WHERE workspace_id = $1", at.workspace_id, timedelta(seconds=seconds)
        )


async def tries(at: Place, first_id: UUID) -> list[tuple[str, str, bool]]:
    """Medium, status and whether it is counted, of each try in order."""
    rows = await at.database.pool.fetch(
        "SELECT medium, status, NOT superseded AS counted FROM messages WHERE workspace_id = $1 AND coalesce(try_of, id) = $2 ORDER BY id",
        at.workspace_id, first_id,
    )  # fmt: skip
    return [tuple(row) for row in rows]


async def last_of(at: Place, first_id: UUID) -> UUID:
    found: UUID = await at.database.pool.fetchval(
        "SELECT id FROM messages WHERE workspace_id = $1 AND coalesce(try_of, id) = $2 ORDER BY id DESC LIMIT 1", at.workspace_id, first_id
    )
    return found
