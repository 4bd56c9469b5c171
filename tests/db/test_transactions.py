"""A transaction is one, whichever way its statements take to the server."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tidings.db.database import Database, raw_connection

_NOTE = "INSERT INTO worker_heartbeats (worker_id, version) VALUES ($1, 'test')"
_NOTED = "SELECT count(*) FROM worker_heartbeats WHERE version = 'test'"


async def test_bare_statements_of_a_system_transaction_stand_or_fall_together(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  (the error ends the transaction)
        async with database.system() as session:
            connection = await raw_connection(session)
            await connection.execute(_NOTE, uuid4())
            await connection.execute(_NOTE, uuid4())
            raise ZeroDivisionError
    assert await database.pool.fetchval(_NOTED) == 0


async def test_nobody_sees_them_before_the_end(database: Database) -> None:
    async with database.system() as session:
        connection = await raw_connection(session)
        await connection.execute(_NOTE, uuid4())
        assert await database.pool.fetchval(_NOTED) == 0
    assert await database.pool.fetchval(_NOTED) == 1
