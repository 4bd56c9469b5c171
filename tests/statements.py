"""Counts what a page asks the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Engine

_counting: ContextVar[list[str] | None] = ContextVar("counting", default=None)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that the block asks for, SQLAlchemy's and asyncpg's own; not those of a worker that runs beside it."""
    seen: list[str] = []
    token = _counting.set(seen)

    def note(statement: str) -> None:
        if _counting.get() is seen:
            seen.append(statement)

    def through_sqlalchemy(_: Any, __: Any, statement: str, *___: Any) -> None:
        note(statement)

    execute = asyncpg.Connection._execute

    async def through_asyncpg(self: asyncpg.Connection, query: str, *arguments: Any, **named: Any) -> Any:
        note(query)
        return await execute(self, query, *arguments, **named)

    event.listen(Engine, "before_cursor_execute", through_sqlalchemy)
    try:
        with patch.object(asyncpg.Connection, "_execute", through_asyncpg):
            yield seen
    finally:
        _counting.reset(token)
        event.remove(Engine, "before_cursor_execute", through_sqlalchemy)
