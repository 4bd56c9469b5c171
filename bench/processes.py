"""Child processes of a benchmark: started, watched, and ended in good order whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

ROOT = Path(__file__).resolve().parent.parent
_STOP_SECONDS = 45.0
"""A worker may need that long to finish what is in the air."""


class Process:
    """One child. Its words go to a log file, shown when it fails; its first line of output may be JSON that says where it listens."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = arguments
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self._child: asyncio.subprocess.Process | None = None

    @classmethod
    def python(cls, name: str, module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Self:
        """A module of ours or of an installed package, run by this interpreter."""
        return cls(name, [sys.executable, "-m", module, *arguments], folder, environment)

    async def __aenter__(self) -> Self:
        with self.log.open("ab") as words:
            # Not from the checkout: a developer's .env there must not change what is measured.
            self._child = await asyncio.create_subprocess_exec(
                *self._arguments, cwd=self._folder, env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=words
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        child = self._running()
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(child.communicate(), _STOP_SECONDS)
            except TimeoutError:
                child.kill()
                await child.communicate()
        else:
            await child.communicate()

    @property
    def pid(self) -> int:
        return self._running().pid

    async def line(self, seconds: float = 60.0) -> dict[str, Any]:
        """The next line it prints, as JSON. Raises RuntimeError with its log when it ends or stays silent instead."""
        stdout = self._running().stdout
        assert stdout is not None
        try:
            text = await asyncio.wait_for(stdout.readline(), seconds)
        except TimeoutError:
            text = b""
        if not text:
            raise RuntimeError(f"{self.name} said nothing. Its log ends:\n{self.words()}")
        value: dict[str, Any] = json.loads(text)
        return value

    def check(self) -> None:
        """Raises RuntimeError with its log when it has ended."""
        if self._running().returncode is not None:
            raise RuntimeError(f"{self.name} ended with code {self._running().returncode}. Its log ends:\n{self.words()}")

    def words(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def _running(self) -> asyncio.subprocess.Process:
        assert self._child is not None, f"{self.name} was not started"
        return self._child


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def rss_mb(pid: int) -> float:
    """Resident memory of a process and all that it started, in MB (10⁶ bytes)."""
    total = 0
    for one in tree(pid):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all that it started, ended children included."""
    total = 0.0
    for one in tree(pid):
        try:
            used = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


class Memory:
    """Samples the resident memory of some processes until its block ends."""

    def __init__(self, pids: Mapping[str, int], seconds: float = 1.0) -> None:
        self._pids = pids
        self._seconds = seconds
        self._begun = time.monotonic()
        self.samples: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
        """By name: seconds since the start, MB."""

    async def __aenter__(self) -> Self:
        self._begun = time.monotonic()
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self._take()

    def peak(self, name: str) -> float:
        """The most that was seen, in MB."""
        return max(mb for _, mb in self.samples[name])

    def peak_together(self) -> float:
        """The most that all of them held at one moment, in MB."""
        return max(sum(mb for _, mb in moment) for moment in zip(*self.samples.values(), strict=True))

    def slope(self, name: str, skip: float = 0.25) -> float:
        """MB an hour by least squares, the first `skip` of the time left out: a process that warms up grows honestly."""
        points = self.samples[name]
        points = [one for one in points if one[0] >= points[-1][0] * skip]
        if len(points) < 3:
            return 0.0
        mean_t = sum(t for t, _ in points) / len(points)
        mean_m = sum(m for _, m in points) / len(points)
        spread = sum((t - mean_t) ** 2 for t, _ in points)
        return 3600 * sum((t - mean_t) * (m - mean_m) for t, m in points) / spread if spread else 0.0

    async def _sample(self) -> None:
        while True:
            self._take()
            await asyncio.sleep(self._seconds)

    def _take(self) -> None:
        at = time.monotonic() - self._begun
        for name, pid in self._pids.items():
            self.samples[name].append((at, rss_mb(pid)))
