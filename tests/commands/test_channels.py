"""Channels from the command line: what there is, how it fares, stopped and started."""

from __future__ import annotations

import asyncio
import functools
import json

import asyncpg

from tests.channels.builders import channel, workspace
from tidings.db.urls import asyncpg_url


async def _make_channel(database_url: str) -> str:
    db = await asyncpg.connect(asyncpg_url(database_url))
    try:
        return f"Channel {(await channel(db, await workspace(db))).id}"
    finally:
        await db.close()


def test_channels_are_listed_stopped_and_started(tidings, database_url):
    call = functools.partial(tidings, DATABASE_URL=database_url)
    name = asyncio.run(_make_channel(database_url))
    [listed] = json.loads(call("channel", "list", "--json").stdout)
    assert (listed["name"], listed["desired"], listed["actual"]) == (name, "running", "running")
    assert json.loads(call("channel", "stop", name, "--json").stdout)["desired"] == "stopped"
    [listed] = json.loads(call("channel", "list", "--json").stdout)
    assert listed["actual"] == "stopped"
    assert "is to be running" in call("channel", "start", name).stdout.replace("\n", " ")


def test_providers_are_listed_with_what_they_can_do(tidings):
    told = {one["kind"]: one for one in json.loads(tidings("providers", "--json").stdout)}
    assert told["telegram"]["capabilities"]["polling"]
    assert told["twilio"]["limits"]["per_second"] == 1.0
