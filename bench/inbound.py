"""What people write: signed Telegram and WhatsApp webhooks over HTTP, each answered 200 only when the message is written.

Every second call is of somebody new, who becomes a contact; the others go on with a conversation. A worker runs beside the API and is
killed in the middle. Whoever calls repeats what was not answered 2xx, as providers do; a few calls come twice although they were. At the
end every message, conversation, contact and event must be there exactly once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time

from bench.api_server import ApiServer, api_server
from bench.campaign_run import wait_for_worker
from bench.inbound_traffic import Writing, add_doors, writings
from bench.installation import Installation, installation, open_database
from bench.options import Options
from bench.processes import Process, cpu_seconds
from bench.raw_client import post_all
from bench.report import Report
from bench.seed import add_workspace, as_owner
from tidings.db.database import Database

DEFAULT_N = 20_000
CONNECTIONS = 64
KNOWN = 2_000
WORKSPACES = 2
CHANNELS_EACH = 4
REPEATED_EVERY = 50
"""One in so many calls comes a second time although it was answered."""


async def run(options: Options) -> Report:
    """Post them all; then count what has become of them."""
    count = options.n or DEFAULT_N
    known = max(WORKSPACES * CHANNELS_EACH, min(KNOWN, count // 10))
    report = Report("inbound", details={"n": count, "known_people": known, "connections": CONNECTIONS})
    async with installation() as inst, _stub(inst) as stub, open_database(inst.url) as database:
        url = f"http://127.0.0.1:{(await stub.line())['port']}"
        workspaces = [await add_workspace(database) for _ in range(WORKSPACES)]
        doors = await add_doors(inst.home, database, workspaces, url, CHANNELS_EACH)
        async with api_server(inst, url) as api:
            first = [Writing(doors[person % len(doors)], person, person) for person in range(known)]
            later = list(writings(doors, count, known, begin=known))
            await post_all(api.port, [one.request(api.port) for one in first], CONNECTIONS)
            await as_owner(database.url, "VACUUM (ANALYZE) contacts, contact_points, conversations, inbound_seen, messages")
            async with inst.worker(url) as worker:
                await wait_for_worker(database, worker)
                killing = asyncio.create_task(_kill_in_the_middle(inst, database, worker, url, known + count // 2))
                await _measure(inst, api, later, report)
                await killing
            report.details |= await _ledger(database, [*first, *later], report)
    return report


async def _measure(inst: Installation, api: ApiServer, later: list[Writing], report: Report) -> None:
    requests = [one.request(api.port) for one in later]
    requests += requests[::REPEATED_EVERY]
    count = len(requests)
    before, begun = _cpu(inst, api), time.perf_counter()
    statuses = await post_all(api.port, requests, CONNECTIONS)
    seconds, after = time.perf_counter() - begun, _cpu(inst, api)
    report.figures["inbound_per_second"] = count / seconds
    report.details |= {f"{name}_us_each": (after[name] - before[name]) / count * 1e6 for name in before}
    report.details["statuses"] = {str(status): number for status, number in statuses.items()}
    report.checks["every one was answered 200"] = statuses == {200: count}


def _cpu(inst: Installation, api: ApiServer) -> dict[str, float]:
    return {"api": cpu_seconds(api.process.pid), "postgres": cpu_seconds(inst.postgres_pid), "bench": time.process_time()}


async def _kill_in_the_middle(inst: Installation, database: Database, worker: Process, url: str, seen: int) -> None:
    """SIGKILL when so many have come; another worker takes over at once."""
    while await database.pool.fetchval("SELECT count(*) FROM inbound_seen") < seen:
        await asyncio.sleep(0.2)
    os.kill(worker.pid, signal.SIGKILL)
    async with inst.worker(url) as another:
        await wait_for_worker(database, another)


async def _ledger(database: Database, written: list[Writing], report: Report) -> dict[str, int]:
    """What is there against what was written."""
    people = len({(one.door.id, one.person) for one in written})
    there = dict(await database.pool.fetchrow(_THERE) or {})
    report.figures["inbound_lost"] = len(written) - there["distinct_messages"]
    report.checks |= {
        "every message is there once": there["messages"] == there["distinct_messages"] == len(written),
        "every message has its event once": there["events"] == there["distinct_events"] == len(written),
        "every person has one conversation": there["conversations"] == people and there["unread"] == len(written),
        "every person is one contact": there["contacts"] == there["points"] == there["counted"] == people,
        "every STOP holds": there["opted_out"] == len({(one.door.id, one.person) for one in written if one.text == "STOP"}),
        "every STOP has one answer": there["answers"] == there["opted_out"],
    }
    return there


_THERE = """
    SELECT count(*) FILTER (WHERE direction = 'in') AS messages,
           count(DISTINCT (channel_id, provider_message_id)) FILTER (WHERE direction = 'in') AS distinct_messages,
           count(*) FILTER (WHERE is_confirmation) AS answers,
           (SELECT count(*) FROM events) AS events,
           (SELECT count(DISTINCT data ->> 'message') FROM events) AS distinct_events,
           (SELECT count(*) FROM conversations) AS conversations,
           (SELECT sum(unread) FROM conversations)::int AS unread,
           (SELECT count(*) FROM contacts) AS contacts,
           (SELECT count(*) FROM contact_points) AS points,
           (SELECT sum(n) FROM contact_counts)::int AS counted,
           (SELECT count(*) FROM opt_outs) AS opted_out
    FROM messages
"""


def _stub(inst: Installation) -> Process:
    return Process.python("stub", "bench.telegram_stub", [], inst.home)
