"""Whether the installation lives and can work: `/health` and `/ready`, for load balancers and for people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncpg.exceptions import InterfaceError, PostgresError
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from tidings.db.revision import NEEDED
from tidings.insights.queries import SQL

if TYPE_CHECKING:
    from tidings.db.database import Database

router = APIRouter(tags=["Operation"])
WORKER_SILENCE = 10.0
"""Seconds after which a worker that beats every two seconds counts as gone."""
_PATIENCE = 3.0
DATABASE_TROUBLE = (PostgresError, InterfaceError, OSError, TimeoutError)


class Alive(BaseModel):
    """This process answers."""

    status: str = "alive"


class Part(BaseModel):
    """One thing that is needed to work."""

    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether messages can be taken on and sent."""

    ready: bool
    database: Part
    migrations: Part
    worker: Part = Field(description="Without one, messages are still taken on; they wait.")


@router.get("/health")
async def health() -> Alive:
    """Whether this process answers. Looks at nothing else, so that a broken database does not get the process restarted."""
    return Alive()


@router.get("/ready", responses={503: {"model": Readiness, "description": "Something that is needed does not work; it says what."}})
async def ready(request: Request, response: Response) -> Readiness:
    """Whether everything that is needed works: the database, its schema, and a worker that was heard of in the last 10 seconds."""
    found = await read_readiness(request.app.state.database)
    response.status_code = 200 if found.ready else 503
    return found


async def read_readiness(database: Database) -> Readiness:
    """Ask the database, for a few seconds at most."""
    try:
        async with asyncio.timeout(_PATIENCE), database.pool.acquire() as connection:
            revision = await connection.fetchval(SQL.revision)
            ages = [row["age"] for row in await connection.fetch(SQL.workers)]
    except DATABASE_TROUBLE as error:
        unknown = Part(ok=False, detail="Not known without the database.")
        reason = f"It does not answer ({type(error).__name__}). What was accepted is kept there; nothing is lost."
        return Readiness(ready=False, database=Part(ok=False, detail=reason), migrations=unknown, worker=unknown)
    parts = {"database": Part(ok=True, detail="It answers."), "migrations": _migrations(revision), "worker": _worker(ages)}
    return Readiness(ready=all(part.ok for part in parts.values()), **parts)


def _migrations(revision: str | None) -> Part:
    if revision == NEEDED:
        return Part(ok=True, detail=f"The schema is at {revision}.")
    return Part(ok=False, detail=f"The schema is at {revision}, this version needs {NEEDED}. Run `tidings migrate`.")


def _worker(ages: list[float]) -> Part:
    if ages and ages[0] <= WORKER_SILENCE:
        return Part(ok=True, detail=f"Heard of {ages[0]:.0f} s ago.")
    last = f"the last one was heard of {ages[0]:.0f} s ago" if ages else "none has been heard of for an hour"
    return Part(ok=False, detail=f"No worker runs: {last}. Messages wait until one does. Start one with `tidings worker`.")
