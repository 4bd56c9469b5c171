"""The apprise library, called in threads of its own because it waits for the network as it goes.

It says whether all went well, and hands on the lines that the plugin logged. Of those only `error=` and an HTTP status is
read, for the service's own sentence might hold a secret.
"""

from __future__ import annotations

import importlib
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
THREADS = 8
POOL = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")
"""Its own, so that a slow service never keeps the process from looking up names."""
_STATUS = re.compile(r"\berror=(\d{3})\b")


class Missing(Exception):
    """The optional library is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of one message."""

    taken: bool
    begun: bool = True
    """False when apprise refused the message before it asked the service."""
    statuses: tuple[int, ...] = ()
    """HTTP statuses that the service refused with."""
    targets: int = 1
    """How many the address names: with more than one, some may have got it."""


def library() -> Any:
    """The library. Raises `Missing`."""
    try:
        apprise = importlib.import_module("apprise")
    except ImportError:
        raise Missing from None
    # Below a warning both write whole addresses, tokens and all.
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return apprise


def instance_of(apprise: Any, url: str) -> Any | None:
    """The service of an address, with our own patience; None where the address is not understood."""
    # Nothing is kept on disk, and all is done in this thread.
    asset = apprise.AppriseAsset(async_mode=False, storage_mode=apprise.PersistentStoreMode.MEMORY, app_id="Tidings")
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is not None:
        service.socket_connect_timeout, service.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
    return service


def notify(apprise: Any, service: Any, title: str, body: str) -> Told:
    """Send one message. Runs in a thread of the pool."""
    sender = apprise.Apprise(asset=service.asset)
    sender.add(service)
    result = sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    statuses = [int(status) for entry in result.logs() for status in _STATUS.findall(entry.message)]
    return Told(
        taken=result.status is apprise.AppriseResultStatus.SUCCESS,
        begun=bool(result.results),
        statuses=tuple(statuses),
        targets=len(service),
    )
