"""`tidings up` as a user lives with it: it comes up, what dies comes back, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.commands.conftest import wait_until
from tidings.channels.vault import KEY_FILE
from tidings.commands.api import held_port
from tidings.commands.supervise import restart_wait
from tidings.db.embedded import start_embedded

pytestmark = pytest.mark.timeout(300)  # each starts several processes, several times


def _family(pid: int) -> dict[str, psutil.Process]:
    """Who runs under `tidings up`, by what they are."""
    found = {}
    for process in psutil.Process(pid).children(recursive=True):
        line = " ".join(process.cmdline())
        found["server" if "multiprocessing" in line or process.ppid() != pid else "api" if " api" in line else "worker"] = process
    return found


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _runs(pid: int) -> bool:
    """A process that ended and that nobody has waited for yet does not run."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _postmaster(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().split("\n")[0])


def test_it_comes_up_says_where_and_leaves_nothing_behind(start, home, port):
    up = start("up", "--port", str(port))
    up.wait_for("Tidings is up")
    assert f"http://127.0.0.1:{port}" in up.said
    assert _answers(port)
    family = list(_family(up.process.pid).values())
    database = _postmaster(home)

    assert up.stop() == 0
    assert "Traceback" not in up.said
    assert not _listens(port)
    assert not [process for process in family if _runs(process.pid)]
    assert not _runs(database)


def test_one_ctrl_c_for_all_ends_in_order(start, port):
    """A terminal sends it to the whole process group at once."""
    up = start("up", "--port", str(port))
    up.wait_for("Tidings is up")
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(60) == 0
    assert "Stopped." in up.said
    assert "Traceback" not in up.said
    assert "process_died" not in up.said


def test_what_dies_is_started_again(start, home, port):
    up = start("up", "--port", str(port))
    up.wait_for("Tidings is up")
    before = _family(up.process.pid)
    for name in ("api", "worker"):
        before[name].kill()
    os.kill(_postmaster(home), signal.SIGKILL)
    wait_until(lambda: "database_died" in up.said, 20, lambda: up.said)
    wait_until(lambda: _answers(port) and {"api", "worker"} <= _family(up.process.pid).keys(), 60, lambda: up.said)
    after = _family(up.process.pid)
    assert after["api"].pid != before["api"].pid
    assert after["worker"].pid != before["worker"].pid
    assert up.stop() == 0


def test_after_kill_9_nobody_holds_the_port_and_the_next_start_finds_the_database(start, home, port):
    first = start("up", "--port", str(port))
    first.wait_for("Tidings is up")
    family = list(_family(first.process.pid).values())
    database = _postmaster(home)
    first.process.kill()
    wait_until(lambda: not _listens(port), 15)

    second = start("up", "--port", str(port))
    second.wait_for("Tidings is up")
    assert _postmaster(home) == database
    wait_until(lambda: not [process for process in family if _runs(process.pid)], 60)
    assert second.stop() == 0
    assert not _runs(database)


def test_a_taken_port_is_one_sentence(tidings, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = tidings("up", "--port", str(port))
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", ["up", "api"])
def test_keys_that_are_none_are_one_sentence_and_not_a_restart_for_ever(tidings, port, database_url, command):
    refused = tidings(command, "--port", str(port), DATABASE_URL=database_url, TIDINGS_SECRET_KEYS="rubbish")
    assert refused.returncode == 1
    assert "TIDINGS_SECRET_KEYS must hold" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "process_died" not in refused.stderr


@pytest.mark.parametrize("command", [("up",), ("migrate",)])
def test_the_database_of_a_newer_tidings_is_one_sentence(tidings, port, database_url, command):
    async def act() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await connection.close()

    asyncio.run(act())
    refused = tidings(*command, DATABASE_URL=database_url, TIDINGS_PORT=str(port))
    assert refused.returncode == 1
    assert "made by a newer Tidings" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_lost_key_file_is_told_at_the_start(start, tidings, home, port):
    assert tidings("workspace", "create", "Green").returncode == 0
    _seal_a_channel(home)
    up = start("up", "--port", str(port))
    up.wait_for("Tidings is up")
    assert f"The key file {home / KEY_FILE} is missing" in up.said
    assert up.stop() == 0


def _seal_a_channel(home: Path) -> None:
    server = start_embedded(home)

    async def act() -> None:
        connection = await asyncpg.connect(server.url())
        await connection.execute(
            "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token) "
            "SELECT id, new_id(), 'Sandbox', 'sandbox', 'sms', 'sealed', 'token' FROM workspaces"
        )
        await connection.close()

    try:
        asyncio.run(act())
    finally:
        server.release()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no two servers share a port")
@pytest.mark.parametrize("command", ["up", "api"])
def test_of_two_that_start_at_once_on_one_port_only_one_does(tidings, port, database_url, command):
    with held_port("127.0.0.1", port):
        refused = tidings(command, "--port", str(port), DATABASE_URL=database_url)
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr


def test_a_command_beside_a_running_one_leaves_its_database_running(start, tidings, home, port):
    up = start("up", "--port", str(port))
    up.wait_for("Tidings is up")
    database = _postmaster(home)
    assert tidings("migrate", "--check").returncode == 0
    assert _runs(database)
    assert up.stop() == 0


@pytest.mark.parametrize("folder", ["with space and ünïcode", "x" * 120])
def test_the_embedded_database_starts_under_any_path(home, folder):
    server = start_embedded(home / folder)
    try:
        assert server.is_running()
        assert (home / folder / "postgres").stat().st_mode & 0o077 == 0
    finally:
        server.stop()
    assert not server.is_running()


def test_a_leftover_pid_file_of_another_program_is_not_taken_for_the_database(home):
    start_embedded(home).stop()
    mine = f"{os.getpid()}\n{home}/postgres\n1\n5432\n/nowhere\n\n1 1\nready\n"
    (home / "postgres" / "postmaster.pid").write_text(mine)
    server = start_embedded(home)
    assert server.pid != os.getpid()
    assert "/nowhere" not in server.url()
    server.stop()


def test_restarts_wait_longer_and_longer_but_never_for_ever():
    waits = [restart_wait(deaths) for deaths in range(1, 40)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits == sorted(waits)
    assert waits[-1] == 30.0
