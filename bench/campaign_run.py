"""Sends one campaign through `campaigns.service` and a running worker, and waits until every recipient is settled."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from bench.processes import Process, cpu_seconds
from bench.traffic import TEMPLATE
from tidings.campaigns.rules import Ledger
from tidings.campaigns.service import CampaignInput, create_campaign, get_campaign, launch_campaign, ledgers
from tidings.contacts.audience import Audience
from tidings.db.database import Database
from tidings.workspaces.access import system_access

_LONGEST_SILENCE = 120.0
"""Seconds without one more settled message after which a run is given up."""


@dataclass(frozen=True, slots=True)
class CampaignRun:
    """How long it took and how it ended."""

    count: int
    seconds: float
    """From before the launch's transaction until the last settlement was seen committed."""
    ledger: Ledger

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


async def wait_for_worker(database: Database, worker: Process, seconds: float = 60.0) -> None:
    """Until its first heartbeat. Raises RuntimeError when it ends or does not come."""
    deadline = time.monotonic() + seconds
    while not await database.pool.fetchval("SELECT EXISTS (SELECT FROM worker_heartbeats WHERE seen_at > now() - interval '3 seconds')"):
        worker.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"The worker did not begin. Its log ends:\n{worker.words()}")
        await asyncio.sleep(0.1)


async def start_campaign(database: Database, workspace_id: UUID, channel_id: UUID) -> UUID:
    """Launch a campaign to everybody; return its id."""
    access = system_access(workspace_id, "bench")
    wanted = CampaignInput(name=f"Bench {time.time()}", text=TEMPLATE, audience=Audience(all=True), channel_id=channel_id)
    async with database.workspace(workspace_id) as session:
        campaign = await create_campaign(session, access, wanted, now=datetime.now(UTC))
    async with database.workspace(workspace_id) as session:
        await launch_campaign(session, access, campaign.id, now=datetime.now(UTC))
    return campaign.id


async def settled(database: Database, workspace_id: UUID, campaign_id: UUID) -> int:
    """How many recipients have their outcome."""
    count: int = await database.pool.fetchval(_SETTLED, workspace_id, campaign_id)
    return count


_SETTLED = """
    SELECT coalesce(sum(n), 0)::int FROM campaign_counts
    WHERE workspace_id = $1 AND campaign_id = $2 AND status NOT IN ('scheduled', 'queued', 'sending')
"""


async def run_campaign(database: Database, workspace_id: UUID, channel_id: UUID, count: int, worker: Process) -> CampaignRun:
    """Launch and wait for the end. `count` is how many people there are."""
    begun = time.perf_counter()
    campaign_id = await start_campaign(database, workspace_id, channel_id)
    await wait_until_settled(database, workspace_id, campaign_id, count, worker)
    seconds = time.perf_counter() - begun
    async with database.workspace(workspace_id) as session:
        campaign = await get_campaign(session, workspace_id, campaign_id)
        ledger = (await ledgers(session, workspace_id, [campaign]))[campaign_id]
    return CampaignRun(count, seconds, ledger)


async def wait_until_settled(database: Database, workspace_id: UUID, campaign_id: UUID, count: int, worker: Process) -> None:
    """Looks 20 times a second. Raises RuntimeError when nothing moves any more."""
    seen, moved_at = 0, time.monotonic()
    while seen < count:
        await asyncio.sleep(0.05)
        now_settled = await settled(database, workspace_id, campaign_id)
        if now_settled != seen:
            seen, moved_at = now_settled, time.monotonic()
        elif time.monotonic() - moved_at > _LONGEST_SILENCE:
            raise RuntimeError(f"The campaign stands still at {seen} of {count}. The worker's log ends:\n{worker.words()}")
        worker.check()


def cpu_now(pids: dict[str, int]) -> dict[str, float]:
    """Processor seconds used so far, by name."""
    return {name: cpu_seconds(pid) for name, pid in pids.items()}


def cpu_per_message(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    """Microseconds of processor time a message, by name."""
    return {f"{name}_us_per_message": (after[name] - before[name]) / count * 1e6 for name in before}
