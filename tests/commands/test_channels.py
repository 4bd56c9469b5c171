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


async def _make_central(database_url: str) -> str:
    """A workspace with one member and a Telegram channel."""
    db = await asyncpg.connect(asyncpg_url(database_url))
    try:
        made = await channel(db, await workspace(db), provider="telegram")
        await db.execute("UPDATE channels SET medium = 'telegram' WHERE id = $1", made.id)
        user = await db.fetchval(
            "INSERT INTO users (id, email, name, password_hash) VALUES (new_id(), 'ada@x.example', 'Ada', '-') RETURNING id"
        )
        await db.execute("INSERT INTO members (workspace_id, user_id, role) VALUES ($1, $2, 'agent')", made.workspace_id, user)
        return f"Channel {made.id}"
    finally:
        await db.close()


def test_members_old_addresses_are_taken_from_a_file_listed_and_removed(tidings, database_url, tmp_path):
    call = functools.partial(tidings, DATABASE_URL=database_url)
    name = asyncio.run(_make_central(database_url))
    file = tmp_path / "chats.csv"
    file.write_text("\ufeffemail;chat\nada@x.example;42\nnobody@x.example;43\n", encoding="utf-8")
    assert "is central" in call("channel", "central", "mark", name).stdout.replace("\n", " ")
    told = json.loads(call("channel", "central", "import", name, str(file), "--json").stdout)
    assert (told["added"], [one["email"] for one in told["refused"]]) == (1, ["nobody@x.example"])
    [listed] = json.loads(call("channel", "central", "list", name, "--json").stdout)
    assert (listed["email"], listed["address"], listed["moved"]) == ("ada@x.example", "42", False)
    assert "ada@x.example" in call("channel", "central", "list", name).stdout
    call("channel", "central", "remove", name, "ADA@x.example")
    assert json.loads(call("channel", "central", "list", name, "--json").stdout) == []
    assert json.loads(call("channel", "central", "unmark", name, "--json").stdout)["is_central"] is False


def test_providers_are_listed_with_what_they_can_do(tidings):
    told = {one["kind"]: one for one in json.loads(tidings("providers", "--json").stdout)}
    assert told["telegram"]["capabilities"]["polling"]
    assert told["twilio"]["limits"]["per_second"] == 1.0
