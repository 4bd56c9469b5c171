"""What the doctor looks at in the database: reach, version, schema, roles, tenants' walls, clocks, workers, channels."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidings.commands.findings import Finding, bad, ok, skipped, warn
from tidings.errors import TidingsError

if TYPE_CHECKING:
    from asyncpg import Connection

    from tidings.settings import Settings

OLDEST_POSTGRES = 150000
"""As PostgreSQL counts: 15.0."""
MOST_SKEW_SECONDS = 2.0
STALE_CLAIM = timedelta(seconds=60)
"""A living worker settles or recovers a claim in seconds."""
SILENT_AFTER = timedelta(seconds=15)
"""A worker tells that it lives every two seconds."""


async def look_at_database(given: Settings, url: str) -> list[Finding]:
    """Everything behind the address. What cannot be looked at without something else is said to be skipped."""
    import asyncpg

    from tidings.commands.installation import check_reachable
    from tidings.db.urls import asyncpg_url

    try:
        await check_reachable(url)
    except TidingsError as error:
        return [bad("database", error.detail, "Start PostgreSQL, or correct DATABASE_URL."), skipped("schema", "no database")]
    connection = await asyncpg.connect(asyncpg_url(url), server_settings={"timezone": "UTC"})
    try:
        findings = [await _version(connection), await _clock(connection), await _schema(url)]
        if findings[-1].state == "ok":
            findings += [await _roles(connection), await _walls(connection), await _workers(connection), await _in_flight(connection)]
            findings += await _channels(given, connection)
        return findings
    finally:
        await connection.close()


async def _version(connection: Connection) -> Finding:
    words = f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
    if int(await connection.fetchval("SHOW server_version_num")) < OLDEST_POSTGRES:
        return bad("database", f"{words} is too old.", "Use PostgreSQL 15 or newer.")
    return ok("database", words)


async def _clock(connection: Connection) -> Finding:
    before = time.time()
    there = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
    skew = there - (before + time.time()) / 2
    if abs(skew) > MOST_SKEW_SECONDS:
        detail = f"The database's clock is {skew:+.1f} s from this machine's."
        return warn("clock", detail, "Set both by NTP: scheduled sends follow the database's clock.")
    return ok("clock", f"the database's clock agrees to {abs(skew):.2f} s")


async def _schema(url: str) -> Finding:
    from tidings.db.revision import NEEDED, pending_revision

    if missing := await pending_revision(url):
        return bad("schema", f"This version needs revision {missing}.", "Run `tidings migrate`.")
    return ok("schema", f"revision {NEEDED}")


async def _roles(connection: Connection) -> Finding:
    owner = await connection.fetchval("SELECT current_user")
    missing = [
        role
        for role in ("tidings_app", "tidings_engine")
        if not await connection.fetchval("SELECT pg_has_role(current_user, oid, 'USAGE') FROM pg_roles WHERE rolname = $1", role)
    ]
    if missing:
        return bad("roles", f"{owner} may not act as {', '.join(missing)}.", f"As an administrator: GRANT {', '.join(missing)} TO {owner};")
    if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return warn(
            "roles",
            f"{owner} is a superuser.",
            "Connect as an ordinary role that owns the tables; the walls between workspaces hold either way.",
        )
    return ok("roles", f"{owner}, acting as tidings_app and tidings_engine")


async def _walls(connection: Connection) -> Finding:
    open_tables = [row["name"] for row in await connection.fetch(_TABLES_WITHOUT_RLS)]
    if open_tables:
        return bad(
            "row-level security", f"Off on {', '.join(open_tables)}.", "ALTER TABLE … ENABLE ROW LEVEL SECURITY, and find who did it."
        )
    bypass = await connection.fetchval("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'tidings_app'")
    if bypass:
        return bad("row-level security", "tidings_app passes it.", "ALTER ROLE tidings_app NOSUPERUSER NOBYPASSRLS;")
    return ok("row-level security", "on for every table of a workspace")


_TABLES_WITHOUT_RLS = """
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relrowsecurity
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped)
    ORDER BY 1
"""


async def _workers(connection: Connection) -> Finding:
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE seen_at > now() - $1::interval) AS alive, now() - max(seen_at) AS silence FROM worker_heartbeats",
        SILENT_AFTER,
    )
    assert row is not None
    if row["alive"]:
        return ok("worker", f"{row['alive']} alive")
    seen = f"last seen {_ago(row['silence'])} ago" if row["silence"] is not None else "none has ever run"
    return warn("worker", f"No worker runs: {seen}. Messages wait.", "Start one: `tidings up`, or `tidings worker`.")


async def _in_flight(connection: Connection) -> Finding:
    stale = await connection.fetchval(
        "SELECT count(*) FROM claims c CROSS JOIN unnest(c.message_ids) AS one (id) "
        "JOIN messages m ON m.workspace_id = c.workspace_id AND m.id = one.id WHERE c.at < now() - $1::interval AND m.status = 'sending'",
        STALE_CLAIM,
    )
    if stale:
        return warn(
            "in flight", f"{stale} messages were begun long ago and not settled.", "Start a worker: it settles what a dead one left."
        )
    return ok("in flight", "nothing is stuck")


async def _channels(given: Settings, connection: Connection) -> list[Finding]:
    rows = await connection.fetch(
        "SELECT c.name, c.provider, c.credentials, c.stopped_at, c.stopped_detail, c.enabled, w.name AS workspace "
        "FROM channels c JOIN workspaces w ON w.id = c.workspace_id WHERE c.deleted_at IS NULL ORDER BY w.name, c.name"
    )
    stopped = [
        bad(
            "channel",
            f"“{row['name']}” of {row['workspace']} was stopped: {row['stopped_detail']}",
            "Mend what it says at the provider, then start the channel again in the dashboard.",
        )
        for row in rows
        if row["stopped_at"]
    ]
    return [_credentials(given, rows), *stopped, _public_url(given, {row["provider"] for row in rows if row["enabled"]})]


def _credentials(given: Settings, rows: list[Any]) -> Finding:
    from tidings.channels.vault import KEY_FILE, Vault, load_keys

    if not rows:
        return ok("credentials", "no channel yet")
    path = given.home / KEY_FILE
    if given.secret_keys is None and not path.exists():
        mend = "Bring it back, from a backup if need be (it is in each), before Tidings is started: a start makes a new one."
        return bad("credentials", f"The key file {path} is missing, and only its keys open the channels' credentials.", mend)
    shut = []
    try:
        vault = Vault(load_keys(given))
    except TidingsError as error:
        return bad("credentials", error.detail, "Bring back the keys.")
    for row in rows:
        try:
            vault.open(row["credentials"])
        except TidingsError:
            shut.append(f"“{row['name']}” of {row['workspace']}")
    if shut:
        mend = "Bring back the keys these were sealed with (TIDINGS_SECRET_KEYS or the key file), or enter the credentials again."
        return bad("credentials", f"The keys do not open those of {', '.join(shut)}.", mend)
    return ok(
        "credentials", "the keys open those of the one channel" if len(rows) == 1 else f"the keys open those of all {len(rows)} channels"
    )


def _public_url(given: Settings, kinds: set[str]) -> Finding:
    from tidings.providers import PROVIDERS

    needing = sorted(
        PROVIDERS[kind].description.label
        for kind in kinds & PROVIDERS.keys()
        if kind != "sandbox" and PROVIDERS[kind].description.capabilities.receipts
    )
    if given.public_url:
        return ok("public address", given.public_url)
    if needing:
        mend = "Set TIDINGS_PUBLIC_URL to the https address under which providers reach this server."
        return warn("public address", f"Not set, so no receipts or answers come from {', '.join(needing)}.", mend)
    return ok("public address", "not set, and no channel needs it")


def _ago(silence: timedelta) -> str:
    seconds = int(silence.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
