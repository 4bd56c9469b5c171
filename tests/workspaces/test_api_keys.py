"""API keys: who they let in, and who they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidings.db.database import Database
from tidings.errors import Forbidden, Unauthenticated
from tidings.workspaces.access import Access, system_access
from tidings.workspaces.api_keys import access_of_key
from tidings.workspaces.rules import PERMISSIONS, Permission, Role
from tidings.workspaces.service import NewApiKey, create_api_key, create_workspace, revoke_api_key


@pytest.fixture
async def key(database: Database) -> NewApiKey:
    async with database.system() as session:
        workspace = await create_workspace(session, name="Acme")
        return await create_api_key(session, system_access(workspace.id, "test"), name="Shop", scopes={Permission.MESSAGES_SEND})


async def test_a_key_opens_its_workspace_with_its_scopes_only(database: Database, key: NewApiKey) -> None:
    access = await access_of_key(database, key.secret, "10.0.0.1")
    assert (access.workspace_id, access.actor_kind, access.actor_id, access.actor_label) == (
        key.key.workspace_id,
        "api_key",
        key.key.id,
        "Shop",
    )
    assert access.permissions == {Permission.MESSAGES_SEND}


async def test_only_its_hash_is_kept(database: Database, key: NewApiKey) -> None:
    rows = await database.pool.fetch("SELECT k::text AS row FROM api_keys k UNION ALL SELECT a::text FROM audit_log a")
    assert len(rows) == 3
    assert not any(key.secret in row["row"] or key.secret[4:] in row["row"] for row in rows)
    assert key.secret not in repr(key)


async def test_a_revoked_key_is_refused(database: Database, key: NewApiKey) -> None:
    async with database.workspace(key.key.workspace_id) as session:
        await revoke_api_key(session, system_access(key.key.workspace_id, "test"), key.key.id)
    with pytest.raises(Unauthenticated):
        await access_of_key(database, key.secret, None)


async def test_an_expired_key_is_refused(database: Database, key: NewApiKey) -> None:
    await database.pool.execute("UPDATE api_keys SET expires_at = $1", datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await access_of_key(database, key.secret, None)


async def test_an_unknown_key_is_refused(database: Database, key: NewApiKey) -> None:
    with pytest.raises(Unauthenticated):
        await access_of_key(database, key.secret + "x", None)


async def test_use_is_noted_at_most_once_a_minute(database: Database, key: NewApiKey) -> None:
    async def noted() -> datetime | None:
        return await database.pool.fetchval("SELECT last_used_at FROM api_keys")

    assert await noted() is None
    await access_of_key(database, key.secret, None)
    first = await noted()
    await access_of_key(database, key.secret, None)
    assert await noted() == first is not None
    await database.pool.execute("UPDATE api_keys SET last_used_at = now() - interval '61 seconds'")
    await access_of_key(database, key.secret, None)
    assert await noted() >= first


async def test_a_key_cannot_carry_more_than_its_maker_may(database: Database, key: NewApiKey) -> None:
    agent = Access(
        workspace_id=key.key.workspace_id, actor_kind="user", actor_id=None, actor_label="a", permissions=PERMISSIONS[Role.AGENT]
    )
    with pytest.raises(Forbidden, match="channels:write"):
        async with database.workspace(agent.workspace_id) as session:
            await create_api_key(session, agent, name="x", scopes={Permission.CHANNELS_WRITE})
    assert await database.pool.fetchval("SELECT count(*) FROM api_keys") == 1
