"""A campaign composed for a route: the preview says by which channel people are written to first, and it goes out so."""

from __future__ import annotations

import httpx2
import pytest

from tests.api.conftest import Caller
from tests.messages.site import Api, until
from tests.workspaces.pages import HTML, log_in, submit
from tidings.core.ids import new_id


@pytest.fixture
async def client(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    """The owner's browser."""
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


@pytest.fixture
async def route(api: Api) -> str:
    """Telegram first, then SMS; three contacts have SMS, one of them Telegram too, and a fourth has nothing but e-mail."""
    second = await api.post("/channels", {"name": "Chat", "provider": "sandbox", "fields": {}})
    await api.database.pool.execute("UPDATE channels SET medium = 'telegram' WHERE name = 'Chat'")
    contacts = [await api.make_contact(f"Person {n}", f"+25471200000{n}") for n in range(4)]
    await api.database.pool.execute(
        "INSERT INTO contact_points (workspace_id, id, contact_id, medium, address) VALUES ($1, $2, $3, 'telegram', '4711')",
        api.caller.id, new_id(), contacts[0],
    )  # fmt: skip
    await api.database.pool.execute(
        "UPDATE contact_points SET medium = 'email', address = 'a@b.example' WHERE contact_id = $1", contacts[3]
    )
    made = await api.post("/routes", {"name": "Chat, then SMS", "steps": [{"channel": second["id"]}, {"channel": api.channel}]})
    return str(made["id"])


def filled_in(route: str, **more: str) -> dict[str, str]:
    return {"name": "Sale", "channel": route, "audience": "everyone", "text": "Hello {{ first_name }}", "when": "now", **more}


async def test_the_form_offers_routes_and_begins_with_the_one_that_was_asked_for(client: httpx2.AsyncClient, route: str) -> None:
    text = (await client.get(f"/campaigns/new?route={route}", headers=HTML)).text
    assert f'<option value="{route}" selected>Route: Chat, then SMS</option>' in text


async def test_the_preview_counts_everybody_once_by_the_channel_they_begin_at(client: httpx2.AsyncClient, route: str) -> None:
    text = (await submit(client, "/campaigns/preview-fragment", **filled_in(route))).text
    assert 'id="to-send">3<' in text
    assert "<dt>By Chat</dt><dd>1 first" in text
    assert "<dt>By Sandbox</dt><dd>2 first" in text
    assert "1 contact left out" in text
    assert "Hello Person" in text


async def test_the_api_looks_ahead_by_a_route_too(api: Api, route: str) -> None:
    asked = {"text": "Hello {{ first_name }}", "audience": {"all": True}, "route": route}
    ahead = await api.post("/campaigns/preview", asked)
    assert [(one["medium"], one["to_send"]) for one in ahead["ways"]] == [("telegram", 1), ("sms", 2)]
    assert (ahead["to_send"], ahead["without_address"]) == (3, 1)
    template = {"name": "order_ready", "language": "en"}
    assert (await api.ask("POST", "/campaigns/preview", 422, json={**asked, "channel": api.channel})).json()["code"] == "invalid"
    assert (await api.post("/campaigns/preview", {**asked, "template": template}))["to_send"] == 3


async def test_it_is_confirmed_sent_and_shown_as_gone_by_the_route(client: httpx2.AsyncClient, route: str, api: Api, worker: None) -> None:
    asked = await submit(client, "/campaigns/confirm-fragment", **filled_in(route))
    assert "the route “Chat, then SMS”" in asked.text
    sent = await submit(client, "/campaigns", **filled_in(route, act="send", confirmed="3"))
    assert sent.status_code == 303, sent.text
    address = sent.headers["location"]

    async def done() -> object:
        found = await api.get(address)
        return found if found["finished_at"] else None

    ended = await until(done)
    assert (ended["ledger"]["accepted"], ended["ledger"]["delivered"], ended["ledger"]["balances"]) == (3, 3, True)
    page = (await client.get(address, headers=HTML)).text
    assert f'<a href="/routes/{route}">Chat, then SMS</a>' in page


async def test_an_edit_keeps_the_route_until_a_channel_is_chosen(client: httpx2.AsyncClient, route: str, api: Api) -> None:
    address = (await submit(client, "/campaigns", **filled_in(route, act="draft"))).headers["location"]
    assert f'value="{route}" selected' in (await client.get(f"{address}/edit", headers=HTML)).text
    await submit(client, f"{address}/edit", **filled_in(route, act="draft", version="1", text="Hi"))
    assert (await api.get(address))["route"] == route
    await submit(client, f"{address}/edit", **filled_in(api.channel, act="draft", version="2"))
    changed = await api.get(address)
    assert (changed["route"], changed["channel"]) == (None, api.channel)


async def test_a_route_of_nobodys_is_told_at_the_field(client: httpx2.AsyncClient, route: str, api: Api) -> None:
    await api.ask("DELETE", f"/routes/{route}")
    refused = await submit(client, "/campaigns", **filled_in(route, act="draft"))
    assert refused.status_code in {404, 422}
    assert "no such route" in refused.text
