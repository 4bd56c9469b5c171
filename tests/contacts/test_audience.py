"""Whom a campaign reaches."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.contacts.builders import make_contact, make_group, make_workspace
from tidings.contacts.audience import START, Audience, AudienceCount, audience_page, count_audience
from tidings.db.database import Database


async def addresses(database: Database, workspace_id: UUID, audience: Audience, *, page: int = 2) -> list[str]:
    """Walk the audience to its end in small pages."""
    found: list[str] = []
    after = START
    async with database.pool.acquire() as connection:
        while rows := await audience_page(connection, workspace_id, audience, "sms", after, page):
            found += [row["address"] for row in rows]
            after = rows[-1]["contact_point_id"]
    return found


@pytest.mark.parametrize("members_claimed", [0, 60_000], ids=["from its members", "by a walk over all points"])
async def test_an_audience_has_each_address_once_however_many_ways_lead_to_it(database: Database, members_claimed: int) -> None:
    pool = database.pool
    workspace_id = await make_workspace(database)
    ann = await make_contact(pool, workspace_id, "Ann", "+254700000001", "+254700000002")
    bob = await make_contact(pool, workspace_id, "Bob", "+254700000003")
    await make_contact(pool, workspace_id, "Cid", "+254700000004")
    dan = await make_contact(pool, workspace_id, "Dan", "+254700000005")
    friends = await make_group(pool, workspace_id, "Friends", ann, bob)
    family = await make_group(pool, workspace_id, "Family", bob)
    await pool.execute("UPDATE groups SET contact_count = contact_count + $1", members_claimed)

    both = Audience(groups=(friends, family), contacts=(dan, ann))
    assert await addresses(database, workspace_id, both) == ["+254700000001", "+254700000002", "+254700000003", "+254700000005"]
    assert len(await addresses(database, workspace_id, Audience(all=True, groups=(friends,)))) == 5
    assert await addresses(database, workspace_id, Audience()) == []


async def test_an_audience_never_reaches_into_another_workspace(database: Database) -> None:
    pool = database.pool
    mine, theirs = await make_workspace(database), await make_workspace(database, name="Other")
    stranger = await make_contact(pool, theirs, "Eve", "+254700000009")
    group = await make_group(pool, theirs, "Theirs", stranger)

    audience = Audience(groups=(group,), contacts=(stranger,))
    assert await addresses(database, mine, audience) == []
    assert await count_audience_of(database, mine, audience) == AudienceCount(recipients=0, opted_out=0, without_address=0)


async def test_counts_tell_opted_out_and_unreachable_contacts_apart(database: Database) -> None:
    pool = database.pool
    workspace_id = await make_workspace(database)
    ann = await make_contact(pool, workspace_id, "Ann", "+254700000001", "+254700000002")
    bob = await make_contact(pool, workspace_id, "Bob")
    await make_contact(pool, workspace_id, "Cid", "+254700000004")
    group = await make_group(pool, workspace_id, "Friends", ann, bob)
    await pool.execute(
        "INSERT INTO opt_outs (workspace_id, medium, address, source) VALUES ($1, 'sms', '+254700000002', 'keyword'), "
        "($1, 'sms', '+254799999999', 'keyword')",
        workspace_id,
    )
    chosen = await count_audience_of(database, workspace_id, Audience(groups=(group,), contacts=(ann,)))
    assert chosen == AudienceCount(recipients=2, opted_out=1, without_address=1)
    everybody = await count_audience_of(database, workspace_id, Audience(all=True))
    assert everybody == AudienceCount(recipients=3, opted_out=1, without_address=1)


async def count_audience_of(database: Database, workspace_id: UUID, audience: Audience) -> AudienceCount:
    async with database.pool.acquire() as connection:
        return await count_audience(connection, workspace_id, audience, "sms")
