"""What is kept and shown of a standing session: sealed, for a minute, to those who may, and live."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.channels.builders import channel as make_channel
from tests.channels.builders import vault as make_vault
from tests.channels.builders import workspace as make_workspace
from tests.workspaces.pages import HTML, log_in
from tidings.channels import session_events
from tidings.channels.models import ChannelSession
from tidings.channels.rotation import rotate_credentials
from tidings.channels.session_events import Streams
from tidings.channels.sessions import CODE_SECONDS, StoredSession, look, qr_picture, qr_svg, shown
from tidings.channels.vault import VaultError, add_key, open_vault
from tidings.core.clock import utc_now
from tidings.core.ids import new_id, read_id
from tidings.db.database import Database
from tidings.providers.base import Receipt, SessionHost, SessionState
from tidings.settings import Settings
from tidings.workspaces.access import system_access
from tidings.workspaces.rules import Permission
from tidings.workspaces.service import create_api_key

QR = "2@" + "aB3/" * 50 + ",key=,adv="
SECRET = b"TWS1\x00\xff" + bytes(range(256)) * 20


async def tell_nobody(_: Any) -> None: ...


async def stored(database: Database, vault: Any, tell: Any = tell_nobody) -> tuple[StoredSession, UUID, UUID]:
    async with database.pool.acquire() as connection:
        workspace_id = await make_workspace(connection)
        made = await make_channel(connection, workspace_id, vault=vault, provider="whatsapp_linked")
    return StoredSession(database.pool, vault, workspace_id, made.id, tell), workspace_id, made.id


# --- kept -----------------------------------------------------------------------------------------------------------------


async def test_the_secret_is_kept_sealed_and_given_back(database: Database) -> None:
    host, _, channel_id = await stored(database, make_vault())
    as_provider_sees_it: SessionHost = host
    assert await host.kept() is None
    await as_provider_sees_it.keep(SECRET)
    assert await host.kept() == SECRET
    row = await database.pool.fetchrow("SELECT * FROM channel_sessions WHERE channel_id = $1", channel_id)
    assert SECRET[:20] not in row["secret"]
    await host.keep(None)
    assert await host.kept() is None


async def test_another_installations_key_opens_nothing(database: Database) -> None:
    host, workspace_id, channel_id = await stored(database, make_vault())
    await host.keep(SECRET)
    with pytest.raises(VaultError):
        await StoredSession(database.pool, make_vault(), workspace_id, channel_id, tell_nobody).kept()


async def test_what_is_told_goes_where_it_belongs(database: Database) -> None:
    told: list[Any] = []

    async def tell(callbacks: Any) -> None:
        told.extend(callbacks)

    host, _, _ = await stored(database, make_vault(), tell)
    receipt = Receipt(provider_message_id="3EB0", status="delivered", provider_status="delivered")
    await host.tell([receipt])
    assert told == [receipt]


async def test_the_states_follow_one_another_and_a_code_goes_with_its_state(database: Database) -> None:
    host, workspace_id, channel_id = await stored(database, make_vault())
    access = system_access(workspace_id, "tests")
    assert (await look(database, access, channel_id, with_codes=True)).state == "none"
    await host.show(SessionState(state="pairing", qr=QR))
    assert (await look(database, access, channel_id, with_codes=True)).qr == QR
    await host.keep(SECRET)
    await host.show(SessionState(state="connected", address="+254711000001", qr=QR))
    await host.show(SessionState(state="connecting", detail="x" * 2000))
    seen = await look(database, access, channel_id, with_codes=True)
    assert (seen.state, seen.qr, seen.address, len(seen.detail)) == ("connecting", "", "+254711000001", 500)
    assert await host.kept() == SECRET, "saying where it stands leaves the secret alone"


def test_a_code_is_shown_for_a_minute_and_to_those_who_may() -> None:
    now = utc_now()
    found = ChannelSession(
        workspace_id=new_id(),
        channel_id=new_id(),
        state="pairing",
        detail="",
        qr=QR,
        pairing_code="ABCD-1234",
        address="",
        secret=None,
        updated_at=now,
    )
    assert shown(found, now, with_codes=True).qr == QR
    assert shown(found, now + timedelta(seconds=CODE_SECONDS), with_codes=True).qr == ""
    assert shown(found, now + timedelta(seconds=CODE_SECONDS), with_codes=True).pairing_code == "ABCD-1234"
    hidden = shown(found, now, with_codes=False)
    assert (hidden.state, hidden.qr, hidden.pairing_code) == ("pairing", "", "")
    assert QR not in repr(shown(found, now, with_codes=True))


async def test_a_session_that_goes_on_after_a_rotation_seals_with_the_newest_key(database: Database, tmp_path: Any) -> None:
    settings = Settings(_env_file=None, home=tmp_path)
    workers, rotating = open_vault(settings), open_vault(settings)
    host, _, _ = await stored(database, workers)
    await host.keep(SECRET)
    add_key(settings)
    await rotate_credentials(database, open_vault(settings))
    newest = open_vault(settings)
    keys = (tmp_path / "secret.keys").read_text().splitlines()
    only_newest = Settings(_env_file=None, home=tmp_path, secret_keys=next(line for line in keys if line and not line.startswith("#")))
    for act in (lambda: asyncio.sleep(0), lambda: host.keep(SECRET + b"later")):
        await act()
        sealed = await database.pool.fetchval("SELECT secret FROM channel_sessions")
        assert open_vault(only_newest).open_bytes(sealed).startswith(SECRET)
    assert newest.open_bytes(sealed) == SECRET + b"later"
    assert rotating is not workers


# --- shown ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def linked(client: httpx2.AsyncClient, workspace: Caller) -> str:
    """A channel's id."""
    answer = await client.post("/api/v1/channels", json={"name": "Shop phone", "provider": "whatsapp_linked"}, headers=workspace.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def host_of(app: FastAPI, workspace: Caller, channel: str) -> StoredSession:
    channel_id = read_id("chn", channel)
    assert channel_id is not None
    return StoredSession(app.state.database.pool, app.state.vault, workspace.id, channel_id, tell_nobody)


async def test_the_api_shows_the_code_as_text_and_as_pictures(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, linked: str
) -> None:
    path = f"/api/v1/channels/{linked}/session"
    assert (await client.get(path, headers=workspace.headers)).json()["state"] == "none"
    await host_of(app, workspace, linked).show(SessionState(state="pairing", qr=QR))
    body = (await client.get(path, headers=workspace.headers)).json()
    assert (body["state"], body["qr"]) == ("pairing", QR)
    assert body["qr_svg"].startswith("<svg")
    assert body["qr_png"].startswith("data:image/png;base64,")


async def test_who_may_not_change_channels_sees_the_state_and_no_code(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, linked: str
) -> None:
    await host_of(app, workspace, linked).show(SessionState(state="pairing", qr=QR, pairing_code="ABCD-1234"))
    async with app.state.database.workspace(workspace.id) as session:
        key = await create_api_key(session, system_access(workspace.id, "t"), name="Reads", scopes=frozenset({Permission.CHANNELS_READ}))
    answer = await client.get(f"/api/v1/channels/{linked}/session", headers={"Authorization": f"Bearer {key.secret}"})
    assert answer.json()["state"] == "pairing"
    assert not {answer.json()[name] for name in ("qr", "qr_svg", "qr_png", "pairing_code")} - {None}


async def test_another_workspace_finds_no_session(client: httpx2.AsyncClient, other_workspace: Caller, linked: str) -> None:
    for path in ("session", "session/events"):
        assert (await client.get(f"/api/v1/channels/{linked}/{path}", headers=other_workspace.headers)).status_code == 404


async def test_a_channel_without_sessions_says_so(client: httpx2.AsyncClient, workspace: Caller) -> None:
    made = (await client.post("/api/v1/channels", json={"name": "Try out", "provider": "sandbox"}, headers=workspace.headers)).json()
    for path in ("session", "session/events"):
        answer = await client.get(f"/api/v1/channels/{made['id']}/{path}", headers=workspace.headers)
        assert answer.status_code == 200
        assert "keeps no standing session" in answer.text


async def test_a_deleted_channels_session_is_destroyed_and_does_not_come_back(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, linked: str
) -> None:
    host = host_of(app, workspace, linked)
    await host.keep(SECRET)
    assert (await client.delete(f"/api/v1/channels/{linked}", headers=workspace.headers)).status_code == 204
    await host.keep(SECRET)
    await host.show(SessionState(state="connected"))
    assert await app.state.database.pool.fetchval("SELECT count(*) FROM channel_sessions") == 0


async def test_changes_are_told_as_they_come(app: FastAPI, workspace: Caller, linked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_events, "TICK", 0.05)
    host, database = host_of(app, workspace, linked), app.state.database
    access, channel_id, streams = system_access(workspace.id, "tests"), read_id("chn", linked), Streams()
    assert channel_id is not None
    first = await look(database, access, channel_id, with_codes=True)
    events = streams.events(database, access, channel_id, lambda one: f"{one.state} {one.qr}", first, with_codes=True)
    assert await anext(events) == "retry: 3000\ndata: none \n\n"
    for state in (SessionState(state="pairing", qr="2@1"), SessionState(state="pairing", qr="2@2"), SessionState(state="connected")):
        coming = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.2)
        assert not coming.done(), "nothing is told while nothing changes"
        await host.show(state)
        assert await coming == f"data: {state.state} {state.qr}\n\n"
    assert streams.count == 1
    await events.aclose()  # type: ignore[attr-defined]
    assert streams.count == 0


async def test_too_many_streams_get_one_word_each(app: FastAPI, workspace: Caller, linked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_events, "MOST_OF_WORKSPACE", 0)
    access, channel_id = system_access(workspace.id, "tests"), read_id("chn", linked)
    assert channel_id is not None
    answer = await Streams().answer(app.state.database, access, channel_id, lambda one: one.state, with_codes=True)
    assert [part async for part in answer.body_iterator] == ["retry: 3000\ndata: none\n\n"]


async def test_the_channels_page_shows_the_code_and_then_the_number(
    app: FastAPI, client: httpx2.AsyncClient, workspace: Caller, linked: str
) -> None:
    await log_in(client, workspace.owner_email)
    host = host_of(app, workspace, linked)
    page = (await client.get(f"/channels/{linked}", headers=HTML)).text
    assert f'hx-sse:connect="/channels/{linked}/session/events"' in page
    assert "A worker begins the session" in page
    await host.show(SessionState(state="pairing", qr=QR))
    page = (await client.get(f"/channels/{linked}", headers=HTML)).text
    assert re.search(r'<img src="data:image/svg\+xml[^"]+"', page)
    assert QR not in page
    await host.show(SessionState(state="connected", address="+254711000001"))
    page = (await client.get(f"/channels/{linked}", headers=HTML)).text
    assert "+254 711 000001" in page
    assert "TIDINGS_PUBLIC_URL" not in page, "a linked device needs no public address"


def test_the_pictures_are_pictures() -> None:
    assert qr_svg(QR).endswith("</svg>\n")
    assert qr_picture(QR).startswith("data:image/svg+xml")
