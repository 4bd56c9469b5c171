"""One of everything that a workspace can have, made through its own API, each with a mark by which a leak is known."""

from __future__ import annotations

from typing import Any

import httpx2
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.simulators.telegram import BOT_TOKEN
from tidings.core.ids import new_id, read_id, show_id

MARK = "Zanzibar"


async def make_belongings(app: FastAPI, client: httpx2.AsyncClient, caller: Caller) -> dict[str, str]:
    """By path parameter, the id of a thing of this workspace. A new kind of parameter needs its line here."""

    async def post(path: str, **body: Any) -> dict[str, Any]:
        answer = await client.post(f"/api/v1{path}", headers=caller.headers, **body)
        assert answer.status_code < 300, f"{path}: {answer.text}"
        return answer.json()

    group = await post("/groups", json={"name": f"{MARK} group"})
    contact = await post("/contacts", json={"name": f"{MARK} Juma", "phone": "+254712345678"})
    await client.put(f"/api/v1/groups/{group['id']}/contacts", json={"contacts": [contact["id"]]}, headers=caller.headers)
    channel = await post("/channels", json={"name": f"{MARK} channel", "provider": "sandbox"})
    sheet = f"Name,Phone\n{MARK} Two,0712345679\n{MARK} Three,nonsense\n".encode()
    imported = await post("/imports", files={"file": (f"{MARK}.csv", sheet)})
    campaign = await post(
        "/campaigns", json={"name": f"{MARK} sale", "text": f"{MARK}!", "audience": {"all": True}, "channel": channel["id"]}
    )
    message = await post("/messages", json={"to": "+254712345678", "text": f"{MARK} hello"})
    received, conversation = await _received(app, client, caller, channel["id"])
    route = await post("/routes", json={"name": f"{MARK} route", "steps": [{"channel": channel["id"]}]})
    file = await post("/media", files={"file": (f"{MARK}.txt", f"{MARK} prices".encode())})
    key = await post("/api-keys", json={"name": f"{MARK} key", "scopes": ["contacts:read"]})
    invitation = await post("/invitations", json={"email": f"{MARK}@x.example", "role": "viewer"})
    await _central_address(app, caller, channel["id"])
    return {
        "group_id": group["id"],
        "contact_id": contact["id"],
        "point_id": contact["points"][0]["id"],
        "channel_id": channel["id"],
        "route_id": route["id"],
        "file_id": file["id"],
        "import_id": imported["id"],
        "row": "3",
        "campaign_id": campaign["id"],
        "message_id": message["id"],
        "received_id": received,
        "index": "0",
        "conversation_id": conversation,
        "own_channel_id": await _own_channel(app, caller),
        "key_id": key["id"],
        "invitation_id": invitation["id"],
        "user_id": show_id("usr", caller.owner_id),
        "alert_id": await _alert(app, caller, channel["id"]),
    }


async def _received(app: FastAPI, client: httpx2.AsyncClient, caller: Caller, channel: str) -> tuple[str, str]:
    """A picture from a person, which makes a conversation."""
    pool = app.state.database.pool
    token = await pool.fetchval("SELECT hook_token FROM channels WHERE id = $1", read_id("chn", channel))
    sent = {"id": MARK, "from": "+254712345678", "text": f"{MARK} here", "picture": True}
    assert (await client.post(f"/hooks/{token}", json=sent)).status_code == 200
    message = await pool.fetchval("SELECT id FROM messages WHERE workspace_id = $1 AND direction = 'in'", caller.id)
    conversation = await pool.fetchval("SELECT id FROM conversations WHERE workspace_id = $1", caller.id)
    return show_id("msg", message), show_id("cnv", conversation)


async def _own_channel(app: FastAPI, caller: Caller) -> str:
    """A personal channel of the workspace's owner."""
    channel_id = new_id()
    await app.state.database.pool.execute(
        "INSERT INTO channels (workspace_id, id, name, provider, medium, credentials, hook_token, owner_id) "
        "VALUES ($1, $2, $3, 'telegram', 'telegram', $4, $5, $6)",
        caller.id, channel_id, f"{MARK} bot", app.state.vault.seal({"bot_token": BOT_TOKEN}), str(channel_id), caller.owner_id,
    )  # fmt: skip
    return show_id("chn", channel_id)


async def _central_address(app: FastAPI, caller: Caller, channel: str) -> None:
    """The owner's old address on a central channel."""
    pool, channel_id = app.state.database.pool, read_id("chn", channel)
    await pool.execute("UPDATE channels SET is_central = true WHERE id = $1", channel_id)
    await pool.execute(
        "INSERT INTO central_addresses (workspace_id, channel_id, user_id, address) VALUES ($1, $2, $3, $4)",
        caller.id, channel_id, caller.owner_id, f"{MARK} chat",
    )  # fmt: skip


async def _alert(app: FastAPI, caller: Caller, channel: str) -> str:
    alert_id = new_id()
    await app.state.database.pool.execute(
        "INSERT INTO alerts (workspace_id, id, channel_id, kind, message) VALUES ($1, $2, $3, 'invalid_credentials', $4)",
        caller.id, alert_id, read_id("chn", channel), f"{MARK} is down",
    )  # fmt: skip
    return show_id("alr", alert_id)


async def everything_of(app: FastAPI, caller: Caller) -> dict[str, str]:
    """A fingerprint of each table's rows of this workspace."""
    pool = app.state.database.pool
    tables = await pool.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped"
    )
    query = "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t WHERE workspace_id = $1"
    return {table["name"]: await pool.fetchval(query.format(table["name"]), caller.id) for table in tables}
