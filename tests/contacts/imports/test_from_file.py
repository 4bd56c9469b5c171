"""Imports from a file on this machine, as the command line and the demo do them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contacts.builders import make_workspace
from tests.contacts.imports import files
from tidings.contacts.imports import run
from tidings.contacts.imports.service import Import, ImportStatus, Limits, Mapping, import_file
from tidings.db.database import Database
from tidings.errors import Invalid, TooLarge
from tidings.workspaces.access import system_access

LIMITS = Limits(upload_bytes=1_000_000, rows=1000)


async def test_a_file_is_imported_whole_with_progress(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "AT_ONCE", 5)
    monkeypatch.setattr(run, "STEP", 10)
    access = system_access(await make_workspace(database), "tidings import")
    path = tmp_path / "people.csv"
    path.write_bytes(files.csv("Tel;Who\n" + "".join(f"0712000{n:03};N{n}\n" for n in range(30)) + "12;Bad\n"))
    seen: list[Import] = []
    done, errors = await import_file(database, access, path, "Everyone", Mapping(name="Who"), limits=LIMITS, progress=seen.append)
    assert (done.status, done.created_count, done.error_count, done.group_name) == (ImportStatus.DONE, 30, 1, "Everyone")
    assert [row.row for row in errors] == [32]
    assert [one.created_count for one in seen] == [0, 0, 10, 20, 30, 30]


async def test_a_file_that_is_not_there_or_too_large_is_told(database: Database, tmp_path: Path) -> None:
    access = system_access(await make_workspace(database), "tidings import")
    with pytest.raises(Invalid, match="cannot be read"):
        await import_file(database, access, tmp_path / "nothing.xlsx", limits=LIMITS)
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * 1_000_001)
    with pytest.raises(TooLarge, match="MB"):
        await import_file(database, access, large, limits=LIMITS)
