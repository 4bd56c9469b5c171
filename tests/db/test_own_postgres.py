"""A PostgreSQL of one's own, with a role that may do no more than docs/operating.md asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tidings.db.database import Database
from tidings.db.embedded import EmbeddedServer
from tidings.db.migrate import migrate
from tidings.errors import Conflict


@pytest.fixture
async def admin(postgres: EmbeddedServer) -> AsyncIterator[asyncpg.Connection]:
    """A superuser beside a role `shop` that owns a database and may create no roles."""
    connection = await asyncpg.connect(postgres.superuser_url)
    await connection.execute("CREATE ROLE shop LOGIN")
    await connection.execute("CREATE DATABASE shop OWNER shop")
    yield connection
    await connection.execute("DROP DATABASE shop WITH (FORCE)")
    await connection.execute("DROP ROLE shop")
    await connection.close()


@pytest.fixture
def url(postgres: EmbeddedServer) -> str:
    return postgres.url("shop").replace("//tidings:", "//shop:")


async def test_roles_that_an_administrator_made_and_gave_are_enough(admin, url):
    await admin.execute("GRANT tidings_app, tidings_engine TO shop")
    assert await migrate(url)
    async with Database(url, pool_size=2) as database, database.system() as session:
        assert session


async def test_without_them_it_says_what_to_ask_the_administrator_for(admin, url):
    with pytest.raises(Conflict, match="GRANT tidings_app, tidings_engine TO shop"):
        await migrate(url)
    await admin.execute("GRANT tidings_app, tidings_engine TO shop")
    assert await migrate(url)


async def test_a_database_of_somebody_elses_is_one_sentence(admin, url):
    await admin.execute("GRANT tidings_app, tidings_engine TO shop")
    await admin.execute("ALTER DATABASE shop OWNER TO tidings")
    with pytest.raises(Conflict, match="nothing was changed"):
        await migrate(url)
