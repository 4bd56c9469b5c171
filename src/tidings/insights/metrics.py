"""`/metrics` for Prometheus: requests to this process, and what the counters in the database say of the whole installation."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from tidings.core.ids import show_id
from tidings.errors import Unauthenticated
from tidings.insights.health import DATABASE_TROUBLE, WORKER_SILENCE
from tidings.insights.queries import SQL

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tidings.db.database import Database

router = APIRouter(tags=["Operation"])
MOST_CHANNELS = 100
"""Channels whose waiting messages are told, those with the most first: series must not grow with the tenants."""
_KEPT_SECONDS = 5.0
_PATIENCE = 5.0
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The numbers of all workspaces together."""

    messages: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    worker_ages: list[float] = field(default_factory=list)
    stopped_channels: int = 0
    open_alerts: int = 0
    database_up: bool = True


class Metrics:
    """One process's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        labels = ("method", "route")
        self.requests = Counter("tidings_http_requests", "Requests answered by this process.", (*labels, "status"), registry=self.registry)
        self.seconds = Histogram(
            "tidings_http_request_seconds", "Time until the answer began.", labels, buckets=_BUCKETS, registry=self.registry
        )
        self._installation = Installation()
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def installation(self, database: Database) -> Installation:
        """The numbers, at most a few seconds old, however many ask."""
        async with self._lock:
            if time.monotonic() - self._read_at > _KEPT_SECONDS:
                self._installation = await read_installation(database)
                self._read_at = time.monotonic()
        return self._installation


async def read_installation(database: Database) -> Installation:
    """Ask the database; where it does not answer, say so."""
    try:
        async with asyncio.timeout(_PATIENCE), database.pool.acquire() as connection:
            trouble = await connection.fetchrow(SQL.trouble)
            return Installation(
                messages={row["status"]: row["n"] for row in await connection.fetch(SQL.messages_of_all)},
                waiting={show_id("chn", row["channel_id"]): row["n"] for row in await connection.fetch(SQL.waiting_of_all, MOST_CHANNELS)},
                worker_ages=[row["age"] for row in await connection.fetch(SQL.workers)],
                stopped_channels=trouble["stopped_channels"],
                open_alerts=trouble["open_alerts"],
            )
    except DATABASE_TROUBLE:
        return Installation(database_up=False)


class _InstallationCollector(Collector):
    """An installation's numbers in Prometheus' form."""

    def __init__(self, found: Installation) -> None:
        self._found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = self._found
        yield GaugeMetricFamily("tidings_database_up", "Whether the database answers.", value=float(found.database_up))
        if not found.database_up:
            return
        yield _by_label("tidings_messages", "Messages by the state they are in.", "status", found.messages)
        yield _by_label("tidings_messages_waiting", "Messages still to go, of the channels with the most.", "channel", found.waiting)
        alive = [age for age in found.worker_ages if age <= WORKER_SILENCE]
        yield GaugeMetricFamily("tidings_workers", "Workers heard of in the last 10 seconds.", value=len(alive))
        if found.worker_ages:
            yield GaugeMetricFamily(
                "tidings_worker_heartbeat_age_seconds", "Time since any worker was heard of.", value=found.worker_ages[0]
            )
        yield GaugeMetricFamily("tidings_channels_stopped", "Channels that wait to be mended.", value=found.stopped_channels)
        yield GaugeMetricFamily("tidings_alerts_open", "Alerts nobody has resolved.", value=found.open_alerts)


def _by_label(name: str, text: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}, 401: {"description": "A token is needed."}}
)
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus. Where the operator has set `TIDINGS_METRICS_TOKEN`, it must come as `Authorization: Bearer …`."""
    state = request.app.state
    token = state.settings.metrics_token
    if token is not None and not _matches(request.headers.get("Authorization", ""), token.get_secret_value()):
        raise Unauthenticated("The metrics of this installation need its token, as `Authorization: Bearer …`.")
    numbers = CollectorRegistry(auto_describe=False)
    numbers.register(_InstallationCollector(await state.metrics.installation(state.database)))
    return Response(generate_latest(state.metrics.registry) + generate_latest(numbers), media_type=CONTENT_TYPE_LATEST)


def _matches(header: str, token: str) -> bool:
    return secrets.compare_digest(header.encode(), f"Bearer {token}".encode())


class Measure:
    """Counts requests and times them until the answer begins, by route and not by path: ids would make a series each."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        told = False

        async def note(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start" and not told:
                told = True
                self._note(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        try:
            await self._app(scope, receive, note)
        except BaseException:
            if not told:
                self._note(scope, 500, time.perf_counter() - begun)
            raise

    def _note(self, scope: Any, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _route(scope)
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)


def _route(scope: Any) -> str:
    """The route's path with its parameters' names. An included router's own route knows only its end; FastAPI keeps the whole apart."""
    whole = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(whole, "path", None) or getattr(scope.get("route"), "path", None) or "none"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Anybody may send any word as a method; only these become series."""
