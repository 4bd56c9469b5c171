"""(e) The worker's memory over a long campaign, sampled every second: its peak, and whether it grows."""

from __future__ import annotations

from statistics import mean

from bench.campaign_run import run_campaign, wait_for_worker
from bench.channel_seed import add_channel
from bench.installation import installation, open_database
from bench.options import Options
from bench.processes import Memory
from bench.report import Report
from bench.seed import add_people, add_workspace

DEFAULT_N = 100_000
FULL_N = 1_000_000


async def run(options: Options) -> Report:
    """One campaign; the first quarter of the time is the worker's to warm up, so growth is told from the second to the last."""
    count = options.n or (FULL_N if options.full else DEFAULT_N)
    report = Report("memory", details={"n": count})
    async with installation() as inst, inst.stub() as stub, open_database(inst.url) as database:
        url = f"http://127.0.0.1:{(await stub.line())['port']}"
        workspace_id = await add_workspace(database)
        await add_people(database, workspace_id, count)
        channel_id = await add_channel(inst, database, workspace_id, url)
        async with inst.worker(url) as worker:
            await wait_for_worker(database, worker)
            async with Memory({"worker": worker.pid}) as memory:
                done = await run_campaign(database, workspace_id, channel_id, count, worker)
    mb = [one for _, one in memory.samples["worker"]]
    quarter = max(1, len(mb) // 4)
    report.figures = {
        "worker_peak_mb": memory.peak("worker"),
        "worker_growth_mb": mean(mb[-quarter:]) - mean(mb[quarter : 2 * quarter] or mb),
    }
    report.checks = {"every recipient is sent": done.ledger.sent == count, "the ledger balances": done.ledger.balances}
    report.details |= {
        "seconds": done.seconds,
        "messages_per_second": done.per_second,
        "slope_mb_per_hour": memory.slope("worker"),
        "mb_by_quarter": [mean(mb[at * quarter : (at + 1) * quarter] or mb[-1:]) for at in range(4)],
    }
    return report
