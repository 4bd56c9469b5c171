"""The doctor finds what is wrong and says how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from tidings.channels.vault import KEY_FILE, load_keys
from tidings.commands import doctor_machine
from tidings.commands.doctor_database import look_at_database
from tidings.commands.doctor_machine import disk_space, home_folder, python_version, secret_keys
from tidings.settings import Settings


@pytest.fixture
def given(tmp_path) -> Settings:
    return Settings(home=tmp_path, _env_file=None)


async def _found(given, url) -> dict[str, tuple[str, str]]:
    return {each.name: (str(each.state), each.detail) for each in await look_at_database(given, url)}


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def test_a_migrated_database_is_well_but_wants_a_worker(given, database_url):
    found = await _found(given, database_url)
    assert {name for name, (state, _) in found.items() if state != "ok"} == {"worker"}
    await _run(database_url, "INSERT INTO worker_heartbeats (worker_id, version) VALUES (new_id(), '1')")
    assert (await _found(given, database_url))["worker"] == ("ok", "1 alive")


async def test_a_silent_worker_is_no_worker(given, database_url):
    await _run(
        database_url, "INSERT INTO worker_heartbeats (worker_id, version, seen_at) VALUES (new_id(), '1', now() - interval '3 minutes')"
    )
    state, detail = (await _found(given, database_url))["worker"]
    assert state == "warn"
    assert "3 min ago" in detail


async def test_a_wall_between_workspaces_that_is_down_is_found(given, database_url):
    await _run(database_url, "ALTER TABLE contacts DISABLE ROW LEVEL SECURITY")
    state, detail = (await _found(given, database_url))["row-level security"]
    assert state == "bad"
    assert "contacts" in detail


async def test_a_stopped_channel_and_credentials_nobody_can_open_are_found(given, database_url):
    load_keys(given)
    await _run(
        database_url,
        "INSERT INTO workspaces (id, name) VALUES ('01900000-0000-7000-8000-000000000001', 'Green')",
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, stopped_code, stopped_detail, stopped_at) "
        "VALUES ('01900000-0000-7000-8000-000000000001', new_id(), 'Twilio 1', 'twilio', 'sms', 'not ours', 'token', "
        "'invalid_credentials', 'The key was refused.', now())",
    )
    found = await _found(given, database_url)
    assert found["channel"] == ("bad", "“Twilio 1” of Green was stopped: The key was refused.")
    assert found["credentials"][0] == "bad"
    assert found["public address"][0] == "warn"
    (given.home / KEY_FILE).unlink()
    found = await _found(given, database_url)
    assert found["credentials"][0] == "bad"
    assert f"{given.home / KEY_FILE} is missing" in found["credentials"][1]
    assert not (given.home / KEY_FILE).exists()


async def test_a_database_behind_is_bad_and_nothing_further_is_looked_at(given, postgres):
    admin = await asyncpg.connect(postgres.superuser_url)
    await admin.execute("CREATE DATABASE behind OWNER tidings")
    try:
        found = await _found(given, postgres.url("behind"))
    finally:
        await admin.execute("DROP DATABASE behind WITH (FORCE)")
        await admin.close()
    assert found["schema"][0] == "bad"
    assert "roles" not in found


async def test_a_superuser_is_told(given, database_url):
    found = await _found(given, database_url.replace("//tidings:", "//postgres:"))
    assert found["roles"][0] == "warn"


async def test_an_unreachable_database_is_told_without_its_password(given):
    found = await _found(given, "postgresql://me:hunter2@127.0.0.1:1/x")
    assert found["database"][0] == "bad"
    assert "hunter2" not in found["database"][1]


def test_an_old_python_is_bad():
    assert python_version((3, 10)).state == "bad"
    assert python_version((3, 11)).state == "ok"


@pytest.mark.parametrize(("gib", "state"), [(0.1, "bad"), (1, "warn"), (5, "ok")])
def test_little_room_is_told_before_it_is_none(monkeypatch, tmp_path, gib, state):
    monkeypatch.setattr(doctor_machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=int(gib * doctor_machine.GIB)))
    assert disk_space(tmp_path / "not" / "yet").state == state


def test_a_home_that_is_a_file_is_bad(tmp_path):
    (tmp_path / "file").touch()
    assert home_folder(tmp_path / "file").state == "bad"
    assert home_folder(tmp_path / "new" / "deep").state == "ok"


def test_a_home_that_cannot_be_looked_into_is_told(tidings, tmp_path):
    told = tidings("doctor", "--json", TIDINGS_HOME=str(tmp_path / ("x" * 300)))
    assert told.returncode == 1
    findings = {each["name"]: each for each in json.loads(told.stdout)["findings"]}
    assert findings["home"]["state"] == "bad"
    assert findings["database"]["state"] == "skipped"


def test_keys_that_others_may_read_or_that_are_none_are_told(given):
    assert secret_keys(given).state == "ok"
    load_keys(given)
    (given.home / KEY_FILE).chmod(0o644)
    assert secret_keys(given).state == "warn"
    (given.home / KEY_FILE).write_text("rubbish")
    assert secret_keys(given).state == "bad"


def test_it_changes_nothing_where_nothing_is(tidings, home: Path):
    told = tidings("doctor", "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout)["healthy"] is True
    assert not home.exists()


@pytest.mark.parametrize("address", ["tidings", "mysql://me@127.0.0.1/tidings"])
def test_a_database_address_of_another_kind_is_never_tried(tidings, address):
    refused = tidings("migrate", DATABASE_URL=address)
    assert refused.returncode == 1
    assert "DATABASE_URL: write it as postgresql://" in refused.stderr


def test_settings_that_cannot_be_used_are_named(tidings):
    refused = tidings("doctor", TIDINGS_PORT="many", TIDINGS_LOG_FORMAT="xml")
    assert refused.returncode == 1
    assert "TIDINGS_PORT" in refused.stderr
    assert "TIDINGS_LOG_FORMAT" in refused.stderr
