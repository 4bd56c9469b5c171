"""A worker that does nothing but follow routes, as a process that can be killed: `python -m tests.routes.follower URL`."""

from __future__ import annotations

import asyncio
import sys

from tidings.db.database import Database
from tidings.messages.fallbacks import follow_routes


async def main(url: str) -> None:
    async with Database(url, pool_size=2) as database:
        print("ready", flush=True)
        while True:
            await follow_routes(database.pool)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
