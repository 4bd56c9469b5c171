"""Every connection is an open file, and many systems allow a process 1,024 of them unless it asks for more."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)

OTHER_FILES = 800
"""Sends, the database, logs: what is not a run's."""


def capacity(wanted: int) -> int:
    """How many runs the open files allow, after asking for as many as they need."""
    try:
        import resource  # noqa: PLC0415 - Windows has no such module, and no such limit
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        soft = max(soft, most)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = max(1, soft - OTHER_FILES)
    log.warning(
        "few_open_files", limit=soft, wanted=needed, runs=allowed, help="raise the limit (ulimit -n) for as many as TIDINGS_WORKER_RUNS"
    )
    return allowed
