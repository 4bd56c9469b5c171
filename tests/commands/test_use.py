"""Users, workspaces, keys, imports and sends from the command line, against a database of its own."""

from __future__ import annotations

import asyncio
import functools
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tidings.channels.vault import KEY_FILE, open_vault
from tidings.settings import Settings


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("Name,Phone\nAda,0712 000 001\nBob,+254712000002\nEve,nobody\nAda again,0712000001\n")
    return str(path)


@pytest.fixture
def ready(tidings, database_url):
    """A workspace in Kenya with one owner."""
    call = functools.partial(tidings, DATABASE_URL=database_url)
    assert call("user", "create", "ada@example.com", "--generate").returncode == 0
    assert call("workspace", "create", "Green", "--owner", "ada@example.com", "--region", "ke").returncode == 0
    return call


def _json(ended):
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_people_workspaces_and_keys_are_made_and_told_once(ready):
    assert [each["name"] for each in _json(ready("workspace", "list", "--json"))] == ["Green"]
    key = ready("api-key", "create", "shop", "--scope", "messages:send")
    assert key.stdout.strip().startswith("tdk_")
    assert "\n" not in key.stdout.strip()
    twice = ready("user", "create", "ADA@example.com", "--generate")
    assert twice.returncode == 1
    assert "has an account already" in twice.stderr
    assert _json(ready("user", "create", "bob@example.com", "--generate", "--json"))["password"]


def test_who_forgot_a_password_gets_a_new_one(ready):
    changed = ready("user", "password", "ADA@example.com", "--generate")
    assert changed.returncode == 0, changed.stderr
    assert "shown this once" in changed.stdout
    unknown = ready("user", "password", "nobody@example.com", "--generate")
    assert (unknown.returncode, "no user nobody@example.com" in unknown.stderr) == (1, True)


def test_a_colleague_is_taken_into_a_workspace_in_a_role(ready):
    made = _json(ready("user", "create", "bob@example.com", "--generate", "--role", "agent", "--json"))
    assert (made["workspace"], made["role"]) == ("Green", "agent")
    refused = ready("user", "create", "eve@example.com", "--generate", "--workspace", "Green")
    assert refused.returncode == 1
    assert "--role" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("workspace", "create", "X", "--timezone", "Mars/Base"), "timezone"),
        (("workspace", "create", "X", "--region", "Kenya"), "region"),
        (("workspace", "create", "X", "--owner", "nobody@example.com"), "no user nobody@example.com"),
        (("user", "create", "not-an-address", "--generate"), "e-mail"),
        (("user", "create", "eve@example.com"), "--password-stdin"),
        (("api-key", "create", "x", "--workspace", "Blue"), "no workspace “Blue”"),
        (("send", "hi"), "--to or --group"),
        (("send", "hi", "--to", "0712000001", "--channel", "none"), "no channel “none”"),
        (("send", "hi", "--group", "none"), "no group “none”"),
        (("import", "missing.xlsx"), "no file missing.xlsx"),
    ],
)
def test_what_is_refused_is_one_sentence(ready, arguments, words):
    refused = ready(*arguments)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "bug" not in refused.stderr


@pytest.mark.parametrize("command", ["import", "backup", "restore"])
def test_a_place_that_the_system_refuses_is_one_sentence(tidings, tmp_path, command):
    refused = tidings(command, str(tmp_path / ("x" * 300)))
    assert refused.returncode == 1
    assert "File name too long" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "bug" not in refused.stderr


def test_with_two_workspaces_one_must_be_named(ready):
    ready("workspace", "create", "Blue")
    refused = ready("api-key", "create", "x")
    assert refused.returncode == 1
    assert "Blue" in refused.stderr
    assert "Green" in refused.stderr
    assert ready("api-key", "create", "x", "-w", "Green").returncode == 0


def test_a_sheet_is_judged_then_imported_and_twice_is_once(ready, sheet):
    judged = _json(ready("import", sheet, "--dry-run", "--json"))
    assert (judged["valid"], judged["duplicates_in_file"], judged["invalid"], judged["contacts_created"]) == (2, 1, 1, 0)
    assert judged["errors"][0]["phone"] == "nobody"
    first = _json(ready("import", sheet, "--group", "Friends", "--json"))
    assert first["contacts_created"] == 2
    again = _json(ready("import", sheet, "--group", "Friends", "--json"))
    assert again["contacts_created"] == 0
    assert again["existing"] == 2
    said = ready("import", sheet)
    assert "nobody" in said.stdout
    assert "0 contacts made, 2 existed already" in said.stdout


def test_a_file_without_one_usable_row_is_refused_and_says_why(ready, tmp_path):
    (tmp_path / "notes.csv").write_text("Name,Phone\nAda,tomorrow\nBob,\n")
    refused = ready("import", str(tmp_path / "notes.csv"), "--group", "Friends")
    assert refused.returncode == 1
    assert "No row of notes.csv can be used (2 were read), so nothing was imported." in refused.stderr
    assert "row 2: The number contains letters." in refused.stderr
    assert "no group “Friends”" in ready("send", "hi", "--group", "Friends").stderr


def test_a_file_that_is_no_sheet_is_one_sentence(ready, tmp_path):
    (tmp_path / "list.xlsx").write_bytes(b"%PDF-1.7 not a sheet")
    refused = ready("import", str(tmp_path / "list.xlsx"))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_a_message_and_a_campaign_are_accepted_though_no_worker_runs(ready, sheet, home, database_url):
    import asyncio

    from tidings.channels.service import CreateChannel, create_channel
    from tidings.channels.vault import open_vault
    from tidings.core.ids import read_id
    from tidings.db.database import Database
    from tidings.settings import Settings
    from tidings.workspaces.access import system_access

    workspace = _json(ready("workspace", "list", "--json"))[0]

    async def make_channel() -> None:
        given = Settings(home=home, _env_file=None)
        async with Database(database_url) as database:
            owner = read_id("wrk", workspace["id"])
            async with database.workspace(owner) as session:
                wish = CreateChannel(name="Sandbox", provider="sandbox", fields={})
                await create_channel(session, system_access(owner, "test"), open_vault(given), given, wish)

    asyncio.run(make_channel())
    sent = ready("send", "Ready", "--to", "0712 000 001", "--wait", "5", "--json")
    assert _json(sent)["status"] == "queued"
    assert "No worker runs" in sent.stderr
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    later = _json(ready("send", "Later", "--to", "0712000001", "--at", tomorrow, "--json"))
    assert later["status"] == "scheduled"
    ready("import", sheet, "--group", "Friends")
    campaign = _json(ready("send", "Hello {{ first_name }}", "--group", "friends", "--channel", "sandbox", "--json"))
    assert campaign["id"].startswith("cmp_")
    assert campaign["status"] == "launching"


def test_rotated_keys_open_what_older_ones_sealed(ready, home):
    ready("rotate-keys")
    before = (home / KEY_FILE).read_text().splitlines()
    assert ready("rotate-keys").returncode == 0
    after = (home / KEY_FILE).read_text().splitlines()
    assert len(after) == len(before) + 1
    assert set(before) < set(after)
    fixed = ready("rotate-keys", TIDINGS_SECRET_KEYS=after[1])
    assert "TIDINGS_SECRET_KEYS" in fixed.stderr


def test_no_key_is_made_in_the_place_of_a_lost_file(ready, home, database_url):
    ready("rotate-keys")
    asyncio.run(_seal_a_channel(database_url, open_vault(Settings(home=home, _env_file=None)).seal({})))
    keys = (home / KEY_FILE).rename(home / "kept elsewhere")
    refused = ready("rotate-keys")
    assert refused.returncode == 1
    assert "Bring it back" in refused.stderr
    assert not (home / KEY_FILE).exists()
    keys.rename(home / KEY_FILE)
    assert ready("rotate-keys").returncode == 0


async def _seal_a_channel(url: str, sealed: bytes) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token) "
        "SELECT id, new_id(), 'Sandbox', 'sandbox', 'sms', $1, 'token' FROM workspaces",
        sealed,
    )
    await connection.close()


def test_the_api_is_described_without_a_database(tidings, home):
    described = json.loads(tidings("openapi", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none").stdout)
    assert described["openapi"].startswith("3.1")
    assert len(described["paths"]) > 10
    assert not (home / "postgres").exists()


@pytest.mark.parametrize("arguments", [(), ("up",), ("api-key", "create"), ("restore",), ("send",)])
def test_help_teaches_by_example(tidings, arguments):
    told = tidings(*arguments, "--help")
    assert told.returncode == 0
    assert not arguments or "Examples" in told.stdout


def test_an_unknown_option_is_exit_code_2(tidings):
    assert tidings("up", "--faster").returncode == 2


def test_a_home_that_cannot_be_made_is_one_sentence(tidings, tmp_path):
    (tmp_path / "file").touch()
    refused = tidings("workspace", "list", TIDINGS_HOME=str(tmp_path / "file" / "home"))
    assert (refused.returncode, "cannot be made" in refused.stderr, "TIDINGS_HOME" in refused.stderr) == (1, True, True)
    assert "Traceback" not in refused.stderr
