"""Row-level security: the second lock, tried from behind the services' backs."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.contacts.builders import make_contact, make_group, make_workspace
from tidings.core.ids import new_id
from tidings.db.database import APP_ROLE, Database
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import create_api_key, create_user, create_workspace

TENANT_TABLES = """
SELECT c.oid::regclass::text AS name, c.relrowsecurity AS guarded,
       (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = c.oid AND polroles = ARRAY['tidings_app'::regrole::oid]) AS rule,
       (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid AND ('tidings_app'::regrole::oid = ANY (polroles) OR polroles = '{0}')) AS policies
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


async def test_every_table_that_names_a_workspace_shows_only_one(database: Database) -> None:
    tables = await database.pool.fetch(TENANT_TABLES)
    assert {"contacts", "messages", "channels", "campaigns", "api_keys", "audit_log", "idempotency_keys"} <= {one["name"] for one in tables}
    for table in tables:
        assert table["guarded"], f"{table['name']} has no row-level security"
        assert table["policies"] == 1, table["name"]
        assert "workspace_id = ( SELECT current_workspace()" in table["rule"], table["name"]


async def test_partitions_cannot_be_read_around_their_table(database: Database) -> None:
    open_ones = await database.pool.fetch(
        "SELECT oid::regclass::text FROM pg_class WHERE relispartition AND has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE')",
        APP_ROLE,
    )
    assert await database.pool.fetchval("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'") > 0
    assert open_ones == []


@pytest.fixture
async def two(database: Database) -> tuple:
    """Two workspaces, each with a contact in a group, an owner and a key."""
    made = []
    for name in ("Acme", "Other"):
        async with database.system() as session:
            owner = await create_user(session, email=f"{name}@x.example", name=name, password="correct horse")
            workspace = await create_workspace(session, name=name, owner_id=owner.id)
            await create_api_key(session, system_access(workspace.id, "t"), name="k", scopes={Permission.CONTACTS_READ})
        contact = await make_contact(database.pool, workspace.id, name, f"+25471100000{len(made)}")
        await make_group(database.pool, workspace.id, "Friends", contact)
        made.append(workspace.id)
    return tuple(made)


SEEN = ("contacts", "contact_points", "groups", "group_members", "members", "api_keys", "audit_log", "workspaces", "users")


@pytest.mark.parametrize("table", SEEN)
async def test_a_query_that_forgets_its_workspace_sees_one_workspace_or_none(database: Database, two: tuple, table: str) -> None:
    columns = "id, email" if table == "users" else "*"
    query = text(f"SELECT count(*) FROM (SELECT {columns} FROM {table}) seen")
    async with database.system() as session:
        everything = await session.scalar(query)
    seen = []
    for workspace_id in two:
        async with database.workspace(workspace_id) as session:
            seen.append(await session.scalar(query))
    async with database.workspace(new_id()) as session:
        seen.append(await session.scalar(query))
    async with database._transaction(database._app) as session:  # nobody named a workspace
        seen.append(await session.scalar(query))
    assert seen == [everything / 2, everything / 2, 0, 0]
    assert everything >= 2


async def test_nothing_can_be_changed_in_or_moved_to_another_workspace(database: Database, two: tuple) -> None:
    mine, theirs = two
    async with database.workspace(mine) as session:
        for statement in ("UPDATE contacts SET name = 'x' WHERE workspace_id = :id", "DELETE FROM contacts WHERE workspace_id = :id"):
            assert (await session.execute(text(statement), {"id": theirs})).rowcount == 0
    for statement in ("UPDATE contacts SET workspace_id = :id", "INSERT INTO groups (workspace_id, id, name) VALUES (:id, new_id(), 'x')"):
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with database.workspace(mine) as session:
                await session.execute(text(statement), {"id": theirs})


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password_hash FROM users",
        "SELECT * FROM users",
        "UPDATE users SET email = 'x'",
        "SELECT token_hash FROM login_sessions",
        "SELECT token_hash FROM refresh_tokens",
        "DELETE FROM audit_log",
        "UPDATE audit_log SET actor_label = 'nobody'",
        "INSERT INTO workspaces (id, name) VALUES (new_id(), 'x')",
        "DELETE FROM workspaces",
        "ALTER TABLE contacts DISABLE ROW LEVEL SECURITY",
        "TRUNCATE contacts",
    ],
)
async def test_what_the_apis_role_may_not_do_at_all(database: Database, two: tuple, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        async with database.workspace(two[0]) as session:
            await session.execute(text(statement))


async def test_the_workspace_of_a_transaction_does_not_stay_on_its_connection(database: Database) -> None:
    workspace_id = await make_workspace(database)
    for _ in range(10):
        async with database.workspace(workspace_id) as session:
            assert await session.scalar(text("SELECT current_workspace()")) == workspace_id
        async with database._transaction(database._app) as session:
            assert await session.scalar(text("SELECT current_workspace()")) is None
