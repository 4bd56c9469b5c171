"""Runs the Celery worker of `bench.celery_plain` against the stub and says how fast it is; start-up is not counted."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from bench.net import free_port, get_json, post_empty
from bench.processes import Process

_START_SECONDS = 60.0
_LONGEST_SILENCE = 30.0


def is_available() -> bool:
    """Whether this machine has what it needs."""
    try:
        import celery
        import redis
        import requests
    except ImportError:
        return False
    return bool(celery and redis and requests) and shutil.which("redis-server") is not None


async def run_celery(folder: Path, stub_url: str, count: int) -> dict[str, Any]:
    """Send `count` messages through it, from the first enqueued task to the last request's answer."""
    port = free_port()
    redis_server = Process("redis", ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"], folder)
    environment = {"BENCH_REDIS_URL": f"redis://127.0.0.1:{port}/0", "BENCH_STUB_URL": stub_url, "C_FORCE_ROOT": "1"}
    arguments = ["-A", "bench.celery_plain", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "ERROR"]
    async with redis_server, Process.python("celery", "celery", arguments, folder, environment) as worker:
        await _wait_until_ready(worker, environment)
        await post_empty(f"{stub_url}/_sim/reset")
        async with Process.python("enqueue", "bench.celery_plain", ["-n", str(count)], folder, environment) as producer:
            said = await producer.line()
            counted = await _wait_until_counted(worker, stub_url, count)
    seconds = counted["last"] - said["begun"]
    return {"count": count, "seconds": seconds, "per_second": count / seconds, "enqueue_seconds": said["enqueued"] - said["begun"]}


async def _wait_until_ready(worker: Process, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        worker.check()
        ping = await asyncio.create_subprocess_exec(
            sys.executable, "-c",
            "import sys, redis; sys.exit(0 if redis.from_url(sys.argv[1]).exists('_kombu.binding.bench') else 1)",
            environment["BENCH_REDIS_URL"], stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await ping.wait() == 0:
            await asyncio.sleep(1.0)
            return
        await asyncio.sleep(0.2)
    raise RuntimeError(f"The Celery worker did not begin. Its log ends:\n{worker.words()}")


async def _wait_until_counted(worker: Process, stub_url: str, count: int) -> dict[str, Any]:
    seen, moved_at = 0, time.monotonic()
    while True:
        counted: dict[str, Any] = await get_json(f"{stub_url}/_sim/count")
        if counted["count"] >= count:
            return counted
        if counted["count"] > seen:
            seen, moved_at = counted["count"], time.monotonic()
        if time.monotonic() - moved_at > _LONGEST_SILENCE:
            raise RuntimeError(f"The Celery worker stands still at {seen} of {count}. Its log ends:\n{worker.words()}")
        worker.check()
        await asyncio.sleep(0.2)
