"""(b) Transactional latency: from the POST of a message to the moment when the provider has read the request for it.

The message is posted over HTTP to the API, goes through the database, a worker claims it and posts it to the stub. Both ends
read the clock of one machine; a reference in the text tells which arrival belongs to which POST. Posts come at a steady 20 a
second, whether or not the ones before have arrived (so a stall is counted by everything that it holds up).

idle              nothing else is going on
beside_campaign   a campaign is being fanned out and sent by another channel of the same workspace
same_channel      the same, by the channel that the messages go by too
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bench.api_server import ApiServer, add_api_key, api_server
from bench.campaign_run import settled, start_campaign, wait_for_worker, wait_until_settled
from bench.channel_seed import add_channel
from bench.installation import installation, open_database
from bench.net import get_json, post_empty
from bench.options import Options
from bench.raw_client import Connection, request_bytes
from bench.report import Report, percentile
from bench.seed import add_people, add_workspace
from bench.traffic import address
from tidings.core.ids import show_id
from tidings.db.database import Database

DEFAULT_N = 100_000
PER_SECOND = 20
IDLE_SAMPLES = 500
_CONNECTIONS = 20
_ARRIVAL_SECONDS = 30.0


@dataclass
class Samples:
    """One phase: when each message was posted, how long its POST took, and what the campaign beside it did."""

    posted: dict[str, float] = field(default_factory=dict)
    answered_ms: list[float] = field(default_factory=list)
    refused: int = 0
    campaign_done_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a phase needs."""

    database: Database
    api: ApiServer
    key: str
    stub_url: str
    workspace_id: UUID


async def run(options: Options) -> Report:
    """Idle, beside a campaign on another channel, and on the campaign's own."""
    count = options.n or DEFAULT_N
    report = Report("latency", details={"campaign": count, "posts_per_second": PER_SECOND})
    async with (
        installation() as inst,
        inst.stub("--log") as stub,
        open_database(inst.url) as database,
    ):
        url = f"http://127.0.0.1:{(await stub.line())['port']}"
        async with inst.worker(url) as worker, api_server(inst, url) as api:
            workspace_id = await add_workspace(database)
            await add_people(database, workspace_id, count)
            bulk = await add_channel(inst, database, workspace_id, url, name="Bulk")
            quick = await add_channel(inst, database, workspace_id, url, name="Quick")
            await wait_for_worker(database, worker)
            site = Site(database, api, await add_api_key(database, workspace_id), url, workspace_id)
            await _post_for(site, quick, Samples(), wanted=_CONNECTIONS)  # opens connections, fills caches
            idle = Samples()
            await _post_for(site, quick, idle, wanted=min(IDLE_SAMPLES, count))
            await _tell(report, site, "idle", idle)
            for name, channel in (("beside_campaign", quick), ("same_channel", bulk)):
                samples = Samples()
                campaign_id = await _beside_campaign(site, bulk, channel, samples, count)
                await wait_until_settled(database, workspace_id, campaign_id, count, worker)
                await _tell(report, site, name, samples)
    return report


async def _beside_campaign(site: Site, bulk: UUID, channel: UUID, samples: Samples, count: int) -> UUID:
    """Post from the launch until the campaign is nearly over, so that every sample has it beside it."""
    begun = time.monotonic()
    campaign_id = await start_campaign(site.database, site.workspace_id, bulk)
    going_on = asyncio.Event()
    going_on.set()

    async def watch() -> None:
        done = 0
        while done < count * 0.97:
            await asyncio.sleep(0.05)
            done = await settled(site.database, site.workspace_id, campaign_id)
        going_on.clear()
        samples.campaign_done_per_second = done / (time.monotonic() - begun)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        tasks.create_task(_post_for(site, channel, samples, going_on=going_on))
    return campaign_id


async def _post_for(site: Site, channel: UUID, samples: Samples, *, wanted: int = 0, going_on: asyncio.Event | None = None) -> None:
    """At a steady pace: so many, or as long as something goes on."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    connections = [Connection("127.0.0.1", site.api.port) for _ in range(_CONNECTIONS)]
    for one in connections:
        await one.__aenter__()
        free.put_nowait(one)
    begun, sent = time.monotonic(), 0
    async with asyncio.TaskGroup() as tasks:
        while going_on.is_set() if going_on else sent < wanted:
            tasks.create_task(_post(site, channel, samples, free, sent))
            sent += 1
            await asyncio.sleep(max(0.0, begun + sent / PER_SECOND - time.monotonic()))
    for one in connections:
        await one.__aexit__()


async def _post(site: Site, channel: UUID, samples: Samples, free: asyncio.Queue[Connection], index: int) -> None:
    reference = secrets.token_hex(8)
    message = {"to": address(index), "text": f"Your code is 4711. ref-{reference}", "channel": show_id("chn", channel)}
    headers = {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"}
    request = request_bytes("POST", "/api/v1/messages", site.api.port, json.dumps(message).encode(), headers)
    due = time.time()
    connection = await free.get()
    status, body = await connection.ask(request)
    free.put_nowait(connection)
    samples.answered_ms.append((time.time() - due) * 1000)
    if status == 202:
        samples.posted[reference] = due
    else:
        samples.refused += 1
        print(f"refused with {status}: {body[:300]!r}", file=sys.stderr)


async def _tell(report: Report, site: Site, phase: str, samples: Samples) -> None:
    arrivals = await _arrivals(site, samples)
    missing = samples.posted.keys() - arrivals.keys()
    report.checks[f"{phase}: every message arrived"] = not missing and not samples.refused and bool(samples.posted)
    took = [(arrivals[one] - at) * 1000 for one, at in samples.posted.items() if one in arrivals]
    report.figures[f"p99_ms_{phase}"] = percentile(took, 0.99)
    report.details[phase] = {
        "samples": len(took),
        **{f"p{share}_ms": percentile(took, share / 100) for share in (50, 95, 99)},
        "most_ms": max(took),
        "post_answered_p50_ms": percentile(samples.answered_ms, 0.5),
        "post_answered_p99_ms": percentile(samples.answered_ms, 0.99),
    }
    if samples.campaign_done_per_second is not None:
        report.details[phase]["campaign_per_second"] = samples.campaign_done_per_second
    await post_empty(f"{site.stub_url}/_sim/reset")


async def _arrivals(site: Site, samples: Samples) -> dict[str, float]:
    deadline = time.monotonic() + _ARRIVAL_SECONDS
    while True:
        arrivals: dict[str, Any] = await get_json(f"{site.stub_url}/_sim/arrivals")
        if samples.posted.keys() <= arrivals.keys() or time.monotonic() > deadline:
            return arrivals
        await asyncio.sleep(0.2)
