"""Lists by channel and state: page after page they show every message once, wherever in time it lies and however counters were folded."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.channels import builders as channels
from tests.contacts.builders import make_workspace
from tidings.core.ids import id_floor
from tidings.db.database import Database
from tidings.insights import housekeeping
from tidings.messages.queries import MessageFilter, list_messages

STATUSES = ("queued", "sent", "delivered", "read")
_INSERT = """
    INSERT INTO messages (workspace_id, id, channel_id, medium, address, text, status, created_at)
    SELECT $1, m.id, m.channel_id, 'sms', '+254711000123', 'Hello', m.status, m.at
    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) AS m (id, channel_id, status, at)
"""


def _id(at: datetime, dice: random.Random) -> UUID:
    return UUID(int=id_floor(at).int | dice.getrandbits(62))


async def _fill(database: Database, workspace_id: UUID, of_channels: list[UUID]) -> list[tuple[UUID, UUID, str]]:
    """A burst of the last minutes, some a few hours and some weeks old, the newest first."""
    dice = random.Random(7)
    now = datetime.now(UTC)
    ages = [timedelta(seconds=dice.uniform(0, 600)) for _ in range(60)]
    ages += [timedelta(hours=dice.uniform(0, 30)) for _ in range(60)]
    ages += [timedelta(days=dice.uniform(5, 24)) for _ in range(120)]
    made = [(_id(now - age, dice), dice.choice(of_channels), dice.choice(STATUSES), now - age) for age in ages]
    await database.pool.execute(_INSERT, workspace_id, *map(list, zip(*made, strict=True)))
    return sorted(((id_, channel, status) for id_, channel, status, _ in made), reverse=True)


@pytest.mark.parametrize("folded", [False, True])
async def test_page_after_page_shows_each_once(database: Database, folded: bool) -> None:
    workspace_id = await make_workspace(database)
    one, two = [(await channels.channel(database.pool, workspace_id, vault=channels.vault())).id for _ in range(2)]
    everything = await _fill(database, workspace_id, [one, two])
    if folded:
        await housekeeping.fold_counts(database.pool)
        await housekeeping.prune(database.pool)
    for wanted in (
        MessageFilter(channel_id=one),
        MessageFilter(statuses=("delivered",)),
        MessageFilter(statuses=("sent", "read")),
        MessageFilter(channel_id=two, statuses=("queued",)),
    ):
        expected = [
            id_ for id_, channel, status in everything
            if wanted.channel_id in {None, channel} and (not wanted.statuses or status in wanted.statuses)
        ]  # fmt: skip
        shown: list[UUID] = []
        async with database.workspace(workspace_id) as session:
            while page := await list_messages(session, workspace_id, wanted, before=shown[-1] if shown else None, limit=7):
                shown += [message.id for message in page]
        assert shown == expected


async def test_a_channel_never_used_shows_nothing(database: Database) -> None:
    workspace_id = await make_workspace(database)
    async with database.workspace(workspace_id) as session:
        assert await list_messages(session, workspace_id, MessageFilter(channel_id=uuid4()), limit=10) == []
