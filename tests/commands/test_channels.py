"""Channels from the command line: what there is, how it fares, stopped and started."""

from __future__ import annotations

import functools
import json

import asyncpg

from tests.channels.builders import channel, workspace
from tidings.db.urls import asyncpg_url


async def test_channels_are_listed_stopped_and_started(tidings, database_url):
    call = functools.partial(tidings, DATABASE_URL=database_url)
    db = await asyncpg.connect(asyncpg_url(database_url))
    try:
        made = await channel(db, await workspace(db))
        name = f"Channel {made.id}"
        [listed] = json.loads(call("channel", "list", "--json").stdout)
        assert (listed["name"], listed["desired"], listed["actual"]) == (name, "running", "running")
        assert json.loads(call("channel", "stop", name, "--json").stdout)["desired"] == "stopped"
        assert not await db.fetchval("SELECT enabled FROM channels")
        assert "is to be running" in call("channel", "start", name).stdout.replace("\n", " ")
        assert await db.fetchval("SELECT enabled FROM channels")
    finally:
        await db.close()


def test_providers_are_listed_with_what_they_can_do(tidings):
    told = {one["kind"]: one for one in json.loads(tidings("providers", "--json").stdout)}
    assert told["telegram"]["capabilities"]["polling"]
    assert told["twilio"]["limits"]["per_second"] == 1.0
