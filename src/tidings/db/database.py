"""The pools of one process, and the only ways to open a transaction.

`workspace()` sees one tenant, by row-level security; `system()` sees all and is for the worker and for the few doors that
come before a workspace is known. Either commits when the block ends well and rolls back when it does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from tidings.db.urls import asyncpg_url, sqlalchemy_url

if TYPE_CHECKING:
    from types import TracebackType

    from asyncpg.pool import PoolConnectionProxy

APP_ROLE = "tidings_app"
ENGINE_ROLE = "tidings_engine"
_AFTER_COMMIT = "tidings.after_commit"

AfterCommit = Callable[[], Awaitable[None]]


class Database:
    """Connections to one PostgreSQL. Made once per process, closed at its end."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self._app = _engine(url, APP_ROLE, pool_size)
        self._system = _engine(url, ENGINE_ROLE, max(2, pool_size // 2))
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._wakes: asyncpg.Pool | None = None

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            asyncpg_url(self.url),
            min_size=1,
            max_size=self._pool_size,
            command_timeout=60,
            reset=_leave_as_it_is,
            server_settings={"role": ENGINE_ROLE, "application_name": "tidings", "timezone": "UTC"},
        )
        self._wakes = await asyncpg.create_pool(
            asyncpg_url(self.url),
            min_size=0,
            max_size=4,
            command_timeout=20,
            reset=_leave_as_it_is,
            server_settings={
                "role": ENGINE_ROLE, "application_name": "tidings-wakes", "timezone": "UTC", "synchronous_commit": "off",
            },
        )  # fmt: skip
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pool in (self._wakes, self._pool):
            if pool is not None:
                await pool.close()
        await self._app.dispose()
        await self._system.dispose()

    @property
    def pool(self) -> asyncpg.Pool:
        """Bare asyncpg connections with the engine's rights, for set-based SQL. As under a session, JSON goes in and out as text."""
        if self._pool is None:
            raise RuntimeError("Database is not open: use it as an async context manager.")
        return self._pool

    @property
    def wakes(self) -> asyncpg.Pool:
        """The same for wake-ups alone: they do not wait for the disk. One lost in a crash of the database is found again by the sweep."""
        if self._wakes is None:
            raise RuntimeError("Database is not open: use it as an async context manager.")
        return self._wakes

    @asynccontextmanager
    async def workspace(self, workspace_id: UUID) -> AsyncIterator[AsyncSession]:
        """A transaction that sees one workspace and nothing else."""
        async with self._transaction(self._app) as session:
            await session.execute(_NAME_WORKSPACE, {"id": str(workspace_id)})
            yield session

    @asynccontextmanager
    async def system(self) -> AsyncIterator[AsyncSession]:
        """A transaction that sees every workspace. The caller names the workspace in each statement."""
        async with self._transaction(self._system) as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            async with session.begin():
                yield session
            for act in session.info.pop(_AFTER_COMMIT, {}).values():
                await act()


async def _leave_as_it_is(_: PoolConnectionProxy) -> None:
    """Nothing that uses the pool changes a session, so nothing has to be reset: a round trip less for every claim and settlement.

    Transactions are not its business: asyncpg rolls back what is left open before it comes here.
    """


_NAME_WORKSPACE = text("SELECT set_config('tidings.workspace_id', :id, true)")


def after_commit(session: AsyncSession, key: str, act: AfterCommit) -> None:
    """Have `act` run once, after this transaction has committed. A second call with the same key replaces the first.

    Only for what may be lost without harm, because a crash between commit and act loses it.
    """
    session.info.setdefault(_AFTER_COMMIT, {})[key] = act


async def raw_connection(session: AsyncSession) -> asyncpg.Connection:
    """The asyncpg connection under a session, inside its transaction, for named SQL and COPY."""
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    if not driver.is_in_transaction():
        # SQLAlchemy tells the server of its transaction with the first statement of its own. Without one, each of ours would
        # be committed by itself.
        await connection.exec_driver_sql("SELECT 1")
    return driver


def _engine(url: str, role: str, pool_size: int) -> AsyncEngine:
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
        connect_args={"server_settings": {"role": role, "application_name": "tidings", "timezone": "UTC"}, "command_timeout": 60},
    )
