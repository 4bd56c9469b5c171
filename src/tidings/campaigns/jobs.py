"""Background jobs of campaigns; the worker registers `jobs_of` and calls the rest in its loops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from tidings.campaigns import queries, service
from tidings.campaigns.fan_out import fan_out
from tidings.jobs.queue import enqueue
from tidings.workspaces.access import system_access

if TYPE_CHECKING:
    from tidings.db.database import Database


class CampaignJob(msgspec.Struct, frozen=True):
    """Which campaign a job is about."""

    workspace_id: UUID
    campaign_id: UUID


async def run_fan_out(database: Database, job: CampaignJob, *, links: bool) -> None:
    """Write the messages of a launched campaign."""
    await fan_out(database, job.workspace_id, job.campaign_id, links=links)


async def run_cancel(database: Database, job: CampaignJob) -> None:
    """Cancel what still waits of a cancelled campaign."""
    while True:
        async with database.workspace(job.workspace_id) as session:
            if await service.cancel_waiting(session, job.workspace_id, job.campaign_id) == 0:
                return


_Job = tuple[str, type[CampaignJob], Callable[["Database", CampaignJob], Awaitable[None]]]


def jobs_of(*, links: bool) -> tuple[_Job, _Job]:
    """What the worker registers. `links` says whether a provider could fetch an uploaded file from this installation."""
    return ((service.FAN_OUT, CampaignJob, partial(run_fan_out, links=links)), (service.CANCEL, CampaignJob, run_cancel))


async def launch_due(database: Database) -> None:
    """Launch campaigns whose time has come, and take up again whatever a crash left half done."""
    async with database.system() as session:
        due = await queries.due_campaigns(session)
        unfinished = await queries.unfinished_campaigns(session)
    for workspace_id, campaign_id in due:
        async with database.workspace(workspace_id) as session:
            await service.launch_scheduled(session, system_access(workspace_id, "schedule"), campaign_id)
    for workspace_id, campaign_id, job in unfinished:
        async with database.workspace(workspace_id) as session:
            await enqueue(session, job, CampaignJob(workspace_id, campaign_id), dedupe_key=f"{job}:{campaign_id}")


async def finish_done(database: Database) -> None:
    """Note the end of campaigns of which nothing waits any more."""
    async with database.system() as session:
        await queries.finish_done(session)


async def sample_pace(database: Database) -> None:
    """Note how fast each campaign goes, for whoever looks at it."""
    async with database.system() as session:
        await queries.sample_pace(session)
