"""(a) Durable bulk throughput: a campaign through one Twilio channel without a pace, against a bare loop and a plain Celery worker.

Rates are messages a second. Tidings: from before the launch's transaction to the moment when the last settlement is committed,
so the fan-out, all accounting and the worker's wake-up are in it. The bare loop: its posting alone, its client and its forms made
before the clock starts. Celery: from the first enqueued task to the last request, its worker running beforehand.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.campaign_run import CampaignRun, cpu_now, cpu_per_message, run_campaign, wait_for_worker
from bench.celery_side import is_available, run_celery
from bench.channel_seed import add_channel
from bench.installation import Installation, installation, open_database
from bench.net import get_json, post_empty
from bench.options import Options
from bench.processes import Process
from bench.report import Report
from bench.seed import add_people, add_workspace

CONCURRENCY = 64
DEFAULT_N = 20_000
FULL_N = 100_000


async def run(options: Options) -> Report:
    """Bare, Tidings, bare again, Celery: the same requests to the same stub."""
    count = options.n or (FULL_N if options.full else DEFAULT_N)
    report = Report("bulk")
    async with installation() as inst, inst.stub() as stub:
        url = f"http://127.0.0.1:{(await stub.line())['port']}"
        bare = [await run_bare(inst, url, count) for _ in range(options.rounds)]
        campaigns = await _campaigns(inst, stub, url, count=count, rounds=options.rounds, report=report)
        bare += [await run_bare(inst, url, count) for _ in range(options.rounds)]
        celery = await run_celery(inst.home, url, max(min(count // 10, 4_000), 200)) if is_available() else None
    rate, bare_rate = median(one.per_second for one in campaigns), median(bare)
    report.figures = {"ratio_to_bare": rate / bare_rate, "messages_per_second": rate, "bare_per_second": bare_rate}
    if celery:
        report.figures |= {"ratio_to_celery": rate / celery["per_second"], "celery_per_second": celery["per_second"]}
    report.details |= {"n": count, "concurrency": CONCURRENCY, "bare_rates": bare, "celery": celery or "redis-server or celery is absent"}
    return report


async def run_bare(inst: Installation, url: str, count: int) -> float:
    """The bare loop's rate, in a process of its own."""
    arguments = ["--url", url, "-n", str(count), "--concurrency", str(CONCURRENCY)]
    async with Process.python("bare", "bench.bare_loop", arguments, inst.home) as bare:
        rate: float = (await bare.line(600))["per_second"]
        return rate


async def _campaigns(inst: Installation, stub: Process, url: str, *, count: int, rounds: int, report: Report) -> list[CampaignRun]:
    async with open_database(inst.url) as database, inst.worker(url) as worker:
        workspace_id = await add_workspace(database)
        await add_people(database, workspace_id, count)
        channel_id = await add_channel(inst, database, workspace_id, url, concurrency=CONCURRENCY)
        await wait_for_worker(database, worker)
        pids = {"worker": worker.pid, "postgres": inst.postgres_pid, "stub": stub.pid}
        runs: list[CampaignRun] = []
        told: list[dict[str, Any]] = []
        for _ in range(rounds):
            await post_empty(f"{url}/_sim/reset")
            before = cpu_now(pids)
            run_ = await run_campaign(database, workspace_id, channel_id, count, worker)
            cpu = cpu_per_message(before, cpu_now(pids), count)
            counted = await get_json(f"{url}/_sim/count")
            runs.append(run_)
            told.append(_tell(run_, counted, cpu))
            _check(report, run_, counted)
    report.details["campaigns"] = told
    return runs


def _tell(run_: CampaignRun, counted: dict[str, Any], cpu: dict[str, float]) -> dict[str, Any]:
    sending = counted["last"] - counted["first"]
    return {
        "launch_to_settled_per_second": run_.per_second,
        "first_to_last_request_per_second": run_.count / sending if sending else 0.0,
        "seconds": run_.seconds,
        "connections": counted["connections"],
        "cpu": cpu,
    }


def _check(report: Report, run_: CampaignRun, counted: dict[str, Any]) -> None:
    checks = {
        "the stub saw every message once": counted["count"] == run_.count,
        "every recipient is sent": run_.ledger.sent == run_.count == run_.ledger.accepted,
        "the ledger balances": run_.ledger.balances,
    }
    for name, held in checks.items():
        report.checks[name] = report.checks.get(name, True) and held
