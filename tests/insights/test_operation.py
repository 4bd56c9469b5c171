"""What load balancers, Prometheus and a worried operator ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from tests.messages.site import Api, until
from tidings.app import create_app
from tidings.insights.health import read_readiness
from tidings.settings import Settings


async def test_alive_needs_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_not_ready_without_a_worker_and_says_so(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/ready")
    assert answer.status_code == 503
    found = answer.json()
    assert (found["ready"], found["database"]["ok"], found["migrations"]["ok"], found["worker"]["ok"]) == (False, True, True, False)
    assert "tidings worker" in found["worker"]["detail"]


async def test_ready_once_a_worker_is_heard_of(client: httpx2.AsyncClient, worker: None) -> None:
    async def ready() -> Any:
        answer = await client.get("/ready")
        return answer.json() if answer.status_code == 200 else None

    found = await until(ready)
    assert found["ready"]


async def test_a_worker_silent_for_too_long_counts_as_gone(client: httpx2.AsyncClient, app: FastAPI) -> None:
    await app.state.database.pool.execute(
        "INSERT INTO worker_heartbeats (worker_id, version, seen_at) VALUES (gen_random_uuid(), '0', now() - interval '30 seconds')"
    )
    answer = await client.get("/ready")
    assert answer.status_code == 503
    assert "the last one was heard of 3" in answer.json()["worker"]["detail"]


async def test_a_schema_of_another_version_is_not_ready(client: httpx2.AsyncClient, app: FastAPI, worker: None) -> None:
    connection = app.state.database.pool
    await until(lambda: connection.fetchval("SELECT count(*) FROM worker_heartbeats"))
    async with connection.acquire() as one:
        await one.execute("SET ROLE NONE")
        await one.execute("UPDATE alembic_version SET version_num = '0000'")
    found = (await client.get("/ready")).json()
    assert (found["migrations"]["ok"], found["worker"]["ok"]) == (False, True)
    assert "tidings migrate" in found["migrations"]["detail"]


async def test_without_its_database_it_is_alive_and_not_ready(client: httpx2.AsyncClient, app: FastAPI, database_url: str) -> None:
    await app.state.database.pool.expire_connections()
    pool = app.state.database.pool
    await pool.close()
    answer = await client.get("/ready")
    assert answer.status_code == 503
    assert not answer.json()["database"]["ok"]
    assert (await client.get("/health")).status_code == 200
    families = parse((await client.get("/metrics")).text)
    assert families["tidings_database_up"] == {(): 0.0}
    assert not (await read_readiness(app.state.database)).ready


async def test_prometheus_reads_requests_by_route_and_messages_by_status(api: Api, client: httpx2.AsyncClient) -> None:
    made = await api.post("/messages", {"to": "+254711000001", "text": "Hello"})
    for _ in range(2):
        await api.get(f"/messages/{made['id']}")
    await api.ask("GET", "/messages/msg_nonsense", 404)
    await client.request("BREW", "/nowhere")
    await api.ask("GET", "/campaigns/nonsense/recipients", 404)
    await client.get("/health")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = parse(answer.text)
    requests = families["tidings_http_requests_total"]
    route = "/api/v1/messages/{message_id}"
    assert requests["GET", route, "200"] == 2
    assert requests["GET", route, "404"] == 1
    assert requests["POST", "/api/v1/messages", "202"] == 1
    assert requests["GET", "/api/v1/campaigns/{campaign_id}/recipients", "404"] == 1
    assert requests["GET", "/health", "200"] == 1
    assert families["tidings_http_request_seconds_count"]["GET", route] == 3
    assert families["tidings_messages"] == {("queued",): 1.0}
    assert families["tidings_messages_waiting"] == {(api.channel,): 1.0}
    assert families["tidings_workers"] == {(): 0.0}
    assert families["process_resident_memory_bytes"][()] > 0
    assert not any("msg_" in str(labels) or "nowhere" in str(labels) or "BREW" in str(labels) for labels in requests)


def parse(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_numbers_are_read_once_in_a_while_however_often_they_are_asked(api: Api, client: httpx2.AsyncClient) -> None:
    await client.get("/metrics")
    await api.post("/messages", {"to": "+254711000001", "text": "Hello"})
    assert "tidings_messages" not in parse((await client.get("/metrics")).text)


@pytest.mark.parametrize(
    ("header", "status"), [({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer s3cret"}, 200)]
)
async def test_a_token_keeps_metrics_from_strangers(database_url: str, tmp_path: Path, header: dict[str, str], status: int) -> None:
    app = create_app(Settings(_env_file=None, home=tmp_path, metrics_token="s3cret"), database_url)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as opened:
            assert (await opened.get("/metrics", headers=header)).status_code == status
