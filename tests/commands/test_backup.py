"""A backup brings back what was there, or changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from tests.commands.conftest import Ended
from tidings.channels.vault import KEY_FILE
from tidings.commands.archive import write_archive
from tidings.db.embedded import EmbeddedServer, start_embedded
from tidings.errors import Unavailable


@pytest.fixture
def server(home: Path, tidings) -> Iterator[EmbeddedServer]:
    """The installation's database, kept running so that each command does not start it anew."""
    running = start_embedded(home)
    assert tidings("migrate").returncode == 0
    yield running
    running.release()


def _do(server: EmbeddedServer, *statements: str) -> list[str]:
    """Run the statements, then tell the names of the workspaces."""

    async def act() -> list[str]:
        connection = await asyncpg.connect(server.url())
        for statement in statements:
            await connection.execute(statement)
        found = [row[0] for row in await connection.fetch("SELECT name FROM workspaces ORDER BY name")]
        await connection.close()
        return found

    return asyncio.run(act())


def _schema(server: EmbeddedServer) -> str:
    """All of it: tables, functions, triggers, policies, grants."""
    command = [server.bin_path / "pg_dump", "--schema-only", "--restrict-key=test", server.url()]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_was_backed_up_comes_back_with_schema_rows_and_keys(tidings, server, home, tmp_path):
    names = _do(server, "INSERT INTO workspaces (id, name) VALUES (new_id(), 'Ünï & Söhne'), (new_id(), 'Zweite')")
    (home / KEY_FILE).write_text("first keys\n")
    schema = _schema(server)

    written = json.loads(tidings("backup", str(tmp_path / "one.backup"), "--json").stdout)
    assert (tmp_path / "one.backup").stat().st_mode & 0o077 == 0
    assert set(written["sha256"]) == {"database.dump", "secret_keys"}

    _do(server, "DELETE FROM workspaces", "INSERT INTO workspaces (id, name) VALUES (new_id(), 'Later')")
    (home / KEY_FILE).write_text("later keys\n")
    refused = tidings("restore", str(tmp_path / "one.backup"))
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert _do(server) == ["Later"]

    restored = tidings("restore", str(tmp_path / "one.backup"), "--force")
    assert restored.returncode == 0, restored.stderr
    assert _do(server) == names == ["Zweite", "Ünï & Söhne"]
    assert (home / KEY_FILE).read_text() == "first keys\n"
    assert (home / f"{KEY_FILE}.before-restore").read_text() == "later keys\n"
    assert _schema(server) == schema


def test_a_damaged_backup_changes_nothing(tidings, server, tmp_path):
    _do(server, "INSERT INTO workspaces (id, name) VALUES (new_id(), 'Mine')")
    whole = tmp_path / "whole.backup"
    assert tidings("backup", str(whole)).returncode == 0

    short = tmp_path / "short.backup"
    short.write_bytes(whole.read_bytes()[:5000])
    changed = tmp_path / "changed.backup"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) + (b"x" if name == "database.dump" else b""))
    for broken in (short, changed, tmp_path / "missing.backup"):
        refused = tidings("restore", str(broken), "--force")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
    assert _do(server) == ["Mine"]


def test_a_dump_that_breaks_off_while_loading_leaves_the_database_as_it_was(tidings, server, tmp_path):
    """The archive is sound but its dump is not: the one transaction must not commit what came before the break."""
    _do(server, "INSERT INTO workspaces (id, name) VALUES (new_id(), 'Mine')")
    whole = tmp_path / "whole.backup"
    tidings("backup", str(whole))
    broken = tmp_path / "broken.backup"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(broken, "w") as target:
        dump = source.read("database.dump")[:-20000]
        manifest = msgspec.json.decode(source.read("manifest.json"))
        manifest["sha256"] = {"database.dump": hashlib.sha256(dump).hexdigest()}
        target.writestr("database.dump", dump)
        target.writestr("manifest.json", msgspec.json.encode(manifest))
    refused = tidings("restore", str(broken), "--force")
    assert refused.returncode == 1
    assert "as it was before" in refused.stderr
    assert _do(server) == ["Mine"]


def test_no_restore_under_a_running_tidings(tidings, server, tmp_path):
    tidings("backup", str(tmp_path / "one.backup"))

    async def while_connected(url: str) -> Ended:
        connection = await asyncpg.connect(url, server_settings={"application_name": "tidings"})
        try:
            return await asyncio.to_thread(tidings, "restore", str(tmp_path / "one.backup"), "--force")
        finally:
            await connection.close()

    refused = asyncio.run(while_connected(server.url()))
    assert refused.returncode == 1
    assert "Stop it first" in refused.stderr


def test_a_backup_never_overwrites(tidings, tmp_path):
    (tmp_path / "one.backup").write_text("precious")
    refused = tidings("backup", str(tmp_path / "one.backup"))
    assert refused.returncode == 1
    assert (tmp_path / "one.backup").read_text() == "precious"


def test_a_backup_that_finds_no_room_is_one_sentence_and_leaves_nothing(tidings, server, tmp_path):
    refused = tidings("backup", "/proc/tidings.backup")
    assert refused.returncode == 1
    assert "cannot be written to /proc/tidings.backup" in refused.stderr
    assert "Traceback" not in refused.stderr
    with pytest.raises(Unavailable, match="No space left on device"), write_archive(tmp_path / "x.backup") as archive:
        archive.add("dump", _full_disk())
    assert list(tmp_path.iterdir()) == []


def _full_disk() -> Iterator[bytes]:
    yield b"a little"
    with Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"more")


def test_uploaded_files_come_back_with_the_rest(tidings, server, home, tmp_path):
    content = b"a picture, as far as a backup cares"
    digest = hashlib.sha256(content).hexdigest()
    place = home / "files" / ("0a" * 16) / digest[:2] / digest
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    (home / "files" / "incoming").mkdir()
    (home / "files" / "incoming" / "half").write_bytes(b"on its way")
    _do(server, "INSERT INTO workspaces (id, name) VALUES (new_id(), 'Mine')")
    written = json.loads(tidings("backup", str(tmp_path / "one.backup"), "--json").stdout)
    assert written["uploaded_files"] == 1

    place.write_bytes(b"other")
    later = home / "files" / ("0b" * 16) / "ff" / ("ff" * 32)
    later.parent.mkdir(parents=True)
    later.write_bytes(b"made since")
    restored = tidings("restore", str(tmp_path / "one.backup"), "--force")
    assert restored.returncode == 0, restored.stderr
    assert place.read_bytes() == content
    assert not later.exists()
    assert (home / "files.before-restore" / later.relative_to(home / "files")).read_bytes() == b"made since"

    tampered = tmp_path / "tampered.backup"
    with zipfile.ZipFile(tmp_path / "one.backup") as source, zipfile.ZipFile(tampered, "w") as target:
        manifest = msgspec.json.decode(source.read("manifest.json"))
        manifest["sha256"]["files/../../evil"] = hashlib.sha256(b"x").hexdigest()
        for name in source.namelist():
            target.writestr(name, msgspec.json.encode(manifest) if name == "manifest.json" else source.read(name))
        target.writestr("files/../../evil", b"x")
    refused = tidings("restore", str(tampered), "--force")
    assert refused.returncode == 1
    assert "never writes" in refused.stderr
    assert not (home.parent / "evil").exists()
    assert place.read_bytes() == content
