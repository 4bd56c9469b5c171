"""Runs the real program in a home of its own."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plain_logs import plain_logs
from tidings.cli import main
from tidings.db.embedded import start_embedded
from tidings.db.postgres_files import postgres_files
from tidings.settings import settings

Tidings = Callable[..., "Ended"]


@pytest.fixture
def home() -> Iterator[Path]:
    """An installation's home with nothing in it; its database is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-cli-"))
    yield folder / "home"
    if (folder / "home" / "postgres").exists():
        start_embedded(folder / "home").stop()
        socket_folder = postgres_files(folder / "home").socket_folder()
        if socket_folder.parent == Path("/tmp"):
            shutil.rmtree(socket_folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a fresh shell has, and this home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_") and name != "DATABASE_URL"}
    return {**kept, "TIDINGS_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200", **more}


@dataclass(frozen=True)
class Ended:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def tidings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tidings]:
    """`tidings …` as a user types it, in this process: the imports are paid for once."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def call(*arguments: str, **more: str) -> Ended:
        monkeypatch.setattr(os, "environ", environment(home, **more))
        monkeypatch.setattr(sys, "argv", ["tidings", *arguments])
        settings.cache_clear()
        stdout, stderr, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Ended(code, stdout.getvalue(), stderr.getvalue())

    yield call
    settings.cache_clear()
    plain_logs()
    root.handlers[:], root.level = handlers, level


class Running:
    """A `tidings …` that stays, with what it has said so far."""

    def __init__(self, arguments: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tidings.cli", *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str, seconds: float = 120) -> None:
        wait_until(lambda: words in self.said or self.process.poll() is not None, seconds, lambda: self.said)
        assert words in self.said, self.said

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def destroy(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Running]]:
    """Start a `tidings …` that stays; it is gone when the test ends."""
    started: list[Running] = []

    def begin(*arguments: str, **more: str) -> Running:
        running = Running(list(arguments), environment(home, **more), home.parent / f"log-{len(started)}")
        started.append(running)
        return running

    yield begin
    for each in started:
        each.destroy()


def wait_until(true: Callable[[], bool], seconds: float, explain: Callable[[], str] = lambda: "") -> None:
    """Look again and again; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)
