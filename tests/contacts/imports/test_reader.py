"""The reader's process: how many at once, how long, and that it takes nothing with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.contacts.builders import make_workspace
from tests.contacts.imports import files
from tidings.contacts.imports import reader
from tidings.contacts.imports.service import Limits, Reading, Upload, start_import
from tidings.db.database import Database
from tidings.errors import Invalid, Unavailable
from tidings.workspaces.access import Access, system_access

LIMITS = Limits(upload_bytes=10**7, rows=100_000)
SHEET = files.csv("".join(f"N{n},07120{n:05}\n" for n in range(2000)))


async def upload(database: Database, access: Access, content: bytes = SHEET) -> int:
    async with database.workspace(access.workspace_id) as session:
        return (await start_import(session, access, Upload(filename="x", content=content), Reading(), LIMITS)).row_count


async def test_a_few_read_a_few_wait_and_the_rest_is_asked_to_come_again(database: Database) -> None:
    access = system_access(await make_workspace(database), "test")
    ends = await asyncio.gather(*(upload(database, access) for _ in range(5)), return_exceptions=True)
    assert ends.count(2000) == reader.AT_ONCE + reader.WAITING
    (refused,) = [one for one in ends if isinstance(one, BaseException)]
    assert isinstance(refused, Unavailable)
    assert refused.retry_after
    assert await upload(database, access) == 2000, "the turns are given back"


async def test_a_file_that_takes_too_long_is_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "READ_SECONDS", 0.05)
    access = system_access(await make_workspace(database), "test")
    with pytest.raises(Invalid, match="too long"):
        await upload(database, access)
    assert await database.pool.fetchval("SELECT count(*) FROM imports") == 0


async def test_a_reader_that_dies_is_told_in_a_sentence(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\necho '1\tAnn\t1\t\\N\t\\N\t\\N\t{}\tbad'\nkill -SEGV $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(reader.sys, "executable", str(dying))
    access = system_access(await make_workspace(database), "test")
    with pytest.raises(Invalid, match="could not be read"):
        await upload(database, access)
    assert await database.pool.fetchval("SELECT count(*) FROM import_rows") == 0


def test_the_reader_is_not_told_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_SECRET_KEYS", "key")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:password@h/d")
    given = reader._harmless_environment()
    assert "TIDINGS_SECRET_KEYS" not in given
    assert "DATABASE_URL" not in given
    assert "PATH" in given
