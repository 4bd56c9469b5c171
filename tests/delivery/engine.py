"""A drain's surroundings without a worker process: the engine on a test database, its channel on a simulator."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from tidings.channels.vault import Vault, load_keys
from tidings.db.database import Database
from tidings.delivery.contents import Contents
from tidings.delivery.desks import Desks
from tidings.delivery.drain import Engine, drain
from tidings.delivery.files import Files
from tidings.delivery.kept_bytes import KeptBytes
from tidings.delivery.wake import wake
from tidings.files.links import links_of
from tidings.files.storage import open_storage
from tidings.providers.http import Http
from tidings.settings import Settings


def make_engine(database: Database, home: Path, http: Http, *, here: UUID | None = None, **settings: object) -> Engine:
    given = Settings(home=home, **settings)
    vault = Vault(load_keys(given))
    contents = Contents()
    files = Files(database.pool, links_of(given, vault), KeptBytes(open_storage(given)))
    return Engine(
        pool=database.pool, http=http, vault=vault, settings=given, contents=contents, desks=Desks.of(database.pool, contents), files=files,
        here=here, stop=asyncio.Event(),
    )  # fmt: skip


async def take_turn(engine: Engine, channel_id: UUID) -> None:
    """Run one drain of a channel, as a worker would."""
    async with engine.pool.acquire() as db:
        await wake(db, channel_id)
        job_id = await db.fetchval(
            "UPDATE pgqueuer SET status = 'picked' WHERE dedupe_key = $1 AND status = 'queued' RETURNING id", f"drain:{channel_id}"
        )
    await drain(engine, job_id, channel_id)


async def jobs_of(database: Database, channel_id: UUID) -> int:
    """How many drain jobs of a channel wait or run."""
    count: int = await database.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE dedupe_key = $1", f"drain:{channel_id}")
    return count
