"""Finds contacts by a fragment of name or number, quickly at a million (docs/decisions/0003-contact-search.md).

First come those that begin with it, by name and then by number, in alphabetical order: two index ranges, however many there are. Then
those that have it somewhere inside, newest first: a frequent fragment among the newest contacts, a rare one by its letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tidings.contacts.fragments import Fragment, read_fragment
from tidings.core.cursor import read_cursor, write_cursor
from tidings.db.database import raw_connection
from tidings.db.sql import NamedSql
from tidings.errors import Invalid

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy.ext.asyncio import AsyncSession

_SQL = NamedSql("tidings.contacts", "search.sql")
_NIL: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)
_ALL: Final = 2**31 - 1
_LOOKED_AT: Final = 15_000
"""Newest contacts that are looked through before the token index is asked: some 8 ms. What is frequent fills its page among them."""
_SMALL_GROUP: Final = 5_000
"""Members of a group that are looked through one by one: some 15 ms."""
_MIDDLE: Final = 99
"""The stage after all those that begin with the fragment."""
_BY_AGE: Final = 100
"""The one stage of lists that are gone through from the newest to the oldest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of contacts is narrowed to."""

    search: str = ""
    group_id: UUID | None = None
    opted_out: bool | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a list left off: the stage of the search, its sort key, the contact."""

    stage: int
    key: str
    contact_id: UUID


async def find_contacts(
    session: AsyncSession, workspace_id: UUID, filters: Filters, *, region: str, cursor: str | None, limit: int
) -> tuple[list[UUID], str | None]:
    """The ids of a page of contacts and the cursor of the next."""
    if "\0" in filters.search:
        raise Invalid("A search cannot hold NUL characters.")
    place = _Place(*read_cursor(cursor, tuple[int, str, UUID])) if cursor else None
    search = _Search(await raw_connection(session), workspace_id, filters, limit + 1)
    found = await search.run(region, place)
    page = found[:limit]
    more = len(found) > limit
    return [one.contact_id for one in page], write_cursor(page[-1].stage, page[-1].key, page[-1].contact_id) if more else None


class _Search:
    """One search on one connection."""

    def __init__(self, connection: asyncpg.Connection, workspace_id: UUID, filters: Filters, quantity: int) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        self._group_id = filters.group_id
        self._opted_out = filters.opted_out
        self._text = filters.search
        self._quantity = quantity

    async def run(self, region: str, place: _Place | None) -> list[_Place]:
        """The contacts after `place`, each with its own."""
        plain = await self._connection.fetchval(_SQL.plain, self._text) if self._text.strip() else ""
        fragment = read_fragment(plain, region)
        if place.stage == _BY_AGE if place else fragment is None or await self._is_small():
            ids = await self._by_age(fragment, place.contact_id if place else _LAST)
            return [_Place(_BY_AGE, "", one) for one in ids]
        return await self._staged(fragment, place) if fragment else []

    async def _is_small(self) -> bool:
        """Whether the filters leave so few that they are gone through one by one."""
        if self._opted_out:
            return True
        if self._group_id is None:
            return False
        return (await self._connection.fetchval(_SQL.group_size, self._workspace_id, self._group_id) or 0) <= _SMALL_GROUP

    async def _by_age(self, fragment: Fragment | None, before: UUID) -> list[UUID]:
        words, starts = (fragment.word_patterns, fragment.start_patterns) if fragment else ([], [])
        if self._opted_out:
            return await self._ids(_SQL.opted_out, before, words, starts, self._group_id, self._quantity)
        if self._group_id is not None:
            return await self._ids(_SQL.members, before, words, starts, self._group_id, self._opted_out, self._quantity)
        return await self._ids(_SQL.newest, before, _ALL, [], [], None, self._opted_out, self._quantity)

    async def _staged(self, fragment: Fragment, place: _Place | None) -> list[_Place]:
        """Beginnings first, then middles, from `place` on. Each stage leaves out what an earlier one showed."""
        found: list[_Place] = []
        patterns = fragment.start_patterns
        for stage in range(len(patterns)):
            if place is None or place.stage <= stage:
                found += await self._beginnings(fragment, stage, place if place and place.stage == stage else None)
                if len(found) >= self._quantity:
                    return found[: self._quantity]
        if fragment.words:
            before = place.contact_id if place and place.stage == _MIDDLE else _LAST
            found += [_Place(_MIDDLE, "", one) for one in await self._middles(fragment, before)]
        return found[: self._quantity]

    async def _beginnings(self, fragment: Fragment, stage: int, place: _Place | None) -> list[_Place]:
        start = fragment.number_starts[stage - 1] if stage else fragment.name_start
        key, contact_id = (place.key, place.contact_id) if place else (start, _NIL)
        filters = (self._group_id, self._opted_out, self._quantity)
        if stage == 0:
            rows = await self._fetch(_SQL.by_name, start, key, contact_id, *filters)
        else:
            rows = await self._fetch(_SQL.by_number, start, key, contact_id, *filters, fragment.start_patterns[:stage])
        return [_Place(stage, row["key"], row["id"]) for row in rows]

    async def _middles(self, fragment: Fragment, before: UUID) -> list[UUID]:
        patterns, shown = fragment.word_patterns, fragment.start_patterns
        filters = (self._group_id, self._opted_out)
        ids = await self._ids(_SQL.newest, before, _LOOKED_AT, patterns, shown, *filters, self._quantity)
        if len(ids) == self._quantity:
            return ids
        rows = await self._connection.fetch(_SQL.by_tokens, list(fragment.words), patterns, shown, *filters, before, self._quantity)
        return [row["id"] for row in rows]

    async def _ids(self, statement: str, *values: object) -> list[UUID]:
        return [row["id"] for row in await self._fetch(statement, *values)]

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._connection.fetch(statement, self._workspace_id, *values)
        return rows
