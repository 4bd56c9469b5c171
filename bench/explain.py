"""Says how the statements behind a call are executed: records them as they run, then asks PostgreSQL to explain each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
from sqlalchemy import Engine, event

Statement = tuple[str, tuple[Any, ...]]
_WORDS = ("SELECT", "WITH", "UPDATE", "INSERT", "DELETE")


async def explain_call(connection: asyncpg.Connection, call: Callable[[], Awaitable[Any]]) -> str:
    """The plans of everything that `call` runs on this connection, in whose transaction it is."""
    with _recorded(connection) as statements:
        await call()
    plans = []
    for sql, arguments in statements:
        if sql.lstrip().upper().startswith(_WORDS):
            lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *arguments)
            plans.append(sql.strip() + "\n" + "\n".join(f"    {line[0]}" for line in lines))
    return "\n\n".join(plans)


@contextmanager
def _recorded(connection: asyncpg.Connection) -> Iterator[list[Statement]]:
    statements: list[Statement] = []

    def by_driver(query: asyncpg.connection.LoggedQuery) -> None:
        statements.append((query.query, tuple(query.args or ())))

    def by_sqlalchemy(_c: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:  # noqa: FBT001
        statements.append((sql, tuple(parameters or ())))

    connection.add_query_logger(by_driver)
    event.listen(Engine, "before_cursor_execute", by_sqlalchemy)
    try:
        yield statements
    finally:
        connection.remove_query_logger(by_driver)
        event.remove(Engine, "before_cursor_execute", by_sqlalchemy)
