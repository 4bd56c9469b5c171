"""The live part of a campaign's page: what is sent, when, and what it holds while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.messages.site import Api, raw, until
from tests.statements import counted
from tests.workspaces.pages import HTML, log_in
from tidings.campaigns.web import LiveCampaigns, live
from tidings.channels.runtime import stop_channel
from tidings.db.database import Database
from tidings.providers.base import ErrorCode
from tidings.ui.frame import Frame
from tidings.workspaces.access import system_access
from tidings.workspaces.page_edge import Visitor


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK", 0.05)


def visitor(workspace_id: UUID) -> Visitor:
    frame = Frame(
        user_name="Ada", user_email="ada@example.com", workspace_id="wrk_1", workspace_name="Shop", workspaces=(), role="owner",
        permissions=frozenset({"campaigns:write"}), csrf_token="token", section="campaigns",
    )  # fmt: skip
    return Visitor(system_access(workspace_id, "tests"), None, frame)  # type: ignore[arg-type]  # its login is not looked at


async def launched(api: Api, people: int) -> str:
    await api.make_contacts(people)
    made = await api.post("/campaigns", {"name": "Sale", "text": "Hello", "audience": {"all": True}})
    await api.put(f"/campaigns/{made['id']}/launch")
    return str(made["id"])


async def events_of(app: FastAPI, workspace_id: UUID, campaign: str, seen: str = "") -> AsyncIterator[str]:
    database: Database = app.state.database
    one = visitor(workspace_id)
    first = await live.look(database, one.access, raw("cmp", campaign))
    return live.stream(app.state.live_campaigns, database, one, first, seen)


@pytest.mark.usefixtures("worker")
async def test_a_campaign_is_followed_to_its_end(app: FastAPI, api: Api, workspace: Caller) -> None:
    campaign = await launched(api, 40)
    events = [event async for event in await events_of(app, workspace.id, campaign)]
    assert events[-1] == "event: done\ndata: done\n\n"
    assert all(event.startswith("data: ") for event in events[:-1])
    assert "Balanced" in events[-2]
    assert '<span class="ledger-count">40<' in events[-2]
    assert app.state.live_campaigns.streams == 0


async def test_nothing_is_sent_while_nothing_changes_and_nothing_is_held(app: FastAPI, api: Api, workspace: Caller) -> None:
    campaign = await launched(api, 2)
    events = await events_of(app, workspace.id, campaign)
    assert "Launching" in await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.4)
    assert not waiting.done()
    # SQLAlchemy's pool of the app: nothing is taken out but in the moment of a look.
    pool = app.state.database._app.pool
    assert min([pool.checkedout() for _ in range(20) if not await asyncio.sleep(0.01)]) == 0
    await api.put(f"/campaigns/{campaign}/pause")
    assert "Nothing leaves until you resume it" in await waiting
    await events.aclose()
    assert app.state.live_campaigns.streams == 0


async def test_a_channel_that_stops_meanwhile_is_told_at_once_and_so_is_that_it_goes_on(app: FastAPI, api: Api, workspace: Caller) -> None:
    campaign = await launched(api, 2)
    events = await events_of(app, workspace.id, campaign)
    assert "is stopped" not in await anext(events)
    async with app.state.database.pool.acquire() as connection:
        await stop_channel(connection, raw("chn", api.channel), ErrorCode.INSUFFICIENT_BALANCE, "No money left.")
    told = await anext(events)
    assert all(words in told for words in ("Sandbox is stopped", "No money left.", f'href="/channels/{api.channel}"'))
    await api.post(f"/channels/{api.channel}/control", {"action": "start"})
    assert "is stopped" not in await anext(events)
    await api.ask("DELETE", f"/channels/{api.channel}/enabled")
    assert "Sandbox is switched off" in await anext(events)
    await events.aclose()


async def test_many_who_look_ask_no_oftener_than_one(app: FastAPI, api: Api, workspace: Caller) -> None:
    campaign = await launched(api, 2)
    opened = [await events_of(app, workspace.id, campaign) for _ in range(20)]
    for events in opened:
        await anext(events)
    with counted() as seen:
        waiting = [asyncio.ensure_future(anext(events)) for events in opened]
        await asyncio.sleep(0.5)
    looks = sum("LEFT JOIN campaign_counts" in statement for statement in seen)
    assert 3 <= looks <= 12
    await api.put(f"/campaigns/{campaign}/pause")
    assert all("Paused" in text for text in await asyncio.gather(*waiting))
    for events in opened:
        await events.aclose()


async def test_the_list_is_fetched_anew_when_the_page_is_out_of_date(app: FastAPI, api: Api, workspace: Caller) -> None:
    campaign = await launched(api, 1)
    database: Database = app.state.database
    stage = (await live.look(database, visitor(workspace.id).access, raw("cmp", campaign))).stage
    for seen, expected in ((stage, False), ("draft-no-no", True)):
        events = await events_of(app, workspace.id, campaign, seen)
        assert ('hx-target="#recipients"' in await anext(events)) is expected
        await events.aclose()


async def test_who_comes_when_all_places_are_taken_is_told_once_and_asked_back(
    app: FastAPI, api: Api, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await launched(api, 1)
    monkeypatch.setattr(live, "MOST_OF_WORKSPACE", 0)
    await log_in(client, api.caller.owner_email)
    answer = await client.get(f"/campaigns/{campaign}/events", headers=HTML)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith("retry: 10000\ndata: ")
    assert answer.text.count("\n\n") == 1


async def test_a_stream_ends_in_time_so_that_the_browser_proves_itself_again(
    app: FastAPI, api: Api, workspace: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await launched(api, 1)
    monkeypatch.setattr(live, "LONGEST", 0.2)
    events: list[Any] = [event async for event in await events_of(app, workspace.id, campaign)]
    assert "event: done" not in "".join(events)


async def test_a_silent_stream_says_that_it_lives(app: FastAPI, api: Api, workspace: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await launched(api, 1)
    monkeypatch.setattr(live, "HEARTBEAT", 0.2)
    events = await events_of(app, workspace.id, campaign)
    await anext(events)
    assert await anext(events) == ": alive\n\n"
    await events.aclose()


async def test_who_is_signed_out_gets_no_stream(client: httpx2.AsyncClient, api: Api) -> None:
    campaign = await launched(api, 1)
    answer = await client.get(f"/campaigns/{campaign}/events", headers=HTML)
    assert answer.headers["location"].startswith("/login")


async def test_a_deleted_campaign_ends_its_streams(app: FastAPI, api: Api, workspace: Caller) -> None:
    await api.make_contacts(1)
    made = await api.post("/campaigns", {"name": "Sale", "text": "x", "audience": {"all": True}, "scheduled_at": "2099-01-01T00:00:00Z"})
    events = await events_of(app, workspace.id, made["id"])
    assert "Scheduled" in await anext(events)
    await api.database.pool.execute("DELETE FROM campaigns")
    assert [event async for event in events] == []


def test_places_are_counted_by_workspace_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, mine, yours = LiveCampaigns(), UUID(int=1), UUID(int=2)
    monkeypatch.setattr(live, "MOST_OF_WORKSPACE", 1)
    with taken.watching(mine, UUID(int=3)):
        assert not taken.has_room(mine)
        assert taken.has_room(yours)
        monkeypatch.setattr(live, "MOST_STREAMS", 1)
        assert not taken.has_room(yours)
    assert taken.has_room(mine)


async def _is(api: Api, campaign: str, status: str) -> bool:
    return (await api.get(f"/campaigns/{campaign}"))["status"] == status


@pytest.mark.usefixtures("worker")
async def test_a_campaign_at_rest_is_told_once(app: FastAPI, api: Api, workspace: Caller) -> None:
    campaign = await launched(api, 1)
    await until(lambda: _is(api, campaign, "done"))
    events = [event async for event in await events_of(app, workspace.id, campaign)]
    assert len(events) == 2
    assert events[-1].startswith("event: done")
