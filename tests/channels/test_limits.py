"""A channel's limits as its owner reads and changes them."""

from __future__ import annotations

from datetime import datetime

import httpx2
import pytest

from tests.api.conftest import Caller
from tests.workspaces.pages import HTML, log_in, submit
from tidings.core.ids import read_id

URL = "/api/v1/channels"
OWN = {
    "per_second": 0.5, "burst": 3, "concurrency": 2, "per_recipient": [{"count": 1, "seconds": 2.5, "groups": False}], "per_day": 200,
    "per_day_counts": "recipients", "jitter_seconds": 4.5,
}  # fmt: skip
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"


@pytest.fixture
def api(client: httpx2.AsyncClient, workspace: Caller):
    async def call(method: str, path: str = "", body: object = None, status: int = 200) -> dict:
        answer = await client.request(method, URL + path, json=body, headers=workspace.headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    return call


async def make(api, **limits: object) -> dict:
    body = {"name": "Bot", "provider": "telegram", "fields": {"bot_token": TOKEN}}
    return await api("POST", "", body | ({"limits": limits} if limits else {}), 201)


async def test_a_channel_begins_with_its_providers_limits(api):
    limits = (await make(api))["limits"]
    assert limits["per_second"] == 30
    assert limits["per_recipient"] == [{"count": 1, "seconds": 1, "groups": False}, {"count": 20, "seconds": 60, "groups": True}]
    assert (limits["per_day"], limits["day"], limits["jitter_seconds"]) == (None, None, 0)


async def test_every_limit_can_be_changed_and_taken_back(api):
    channel = await make(api, **OWN)
    day = {"used": 0, "cap": 200, "free_at": None}
    assert channel["limits"] == OWN | {"day": day}
    changed = await api("PATCH", f"/{channel['id']}", {"limits": {"per_second": None, "per_recipient": None, "per_day": None}})
    assert changed["limits"]["per_recipient"] == []
    assert changed["limits"]["per_second"] is changed["limits"]["per_day"] is changed["limits"]["day"] is None
    assert changed["limits"]["concurrency"] == 16
    assert (await api("PATCH", f"/{channel['id']}", {"limits": {}}))["limits"]["per_second"] == 30


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"per_recipient": [{"count": 0, "seconds": 1}]}, "limits.per_recipient.0.count"),
        ({"per_recipient": [{"count": 1, "seconds": 86400}]}, "limits.per_recipient.0.seconds"),
        ({"per_recipient": [{"count": 1, "seconds": 1}] * 6}, "limits.per_recipient"),
        ({"per_day": 0}, "limits.per_day"),
        ({"per_day_counts": "words"}, "limits.per_day_counts"),
        ({"jitter_seconds": -1}, "limits.jitter_seconds"),
        ({"jitter_seconds": None}, "limits.jitter_seconds"),
        ({"per_week": 3}, "limits.per_week"),
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused_at_its_field(api, limits, field):
    body = {"name": "Bot", "provider": "telegram", "fields": {"bot_token": TOKEN}, "limits": limits}
    told = await api("POST", "", body, 422)
    assert field in {one["field"] for one in told["errors"]}


async def test_a_full_day_is_told_with_the_time_at_which_it_opens(api, app, client, workspace):
    channel = await make(api, per_day=10)
    place = (workspace.id, read_id("chn", channel["id"]))
    pool = app.state.database.pool
    await pool.execute("INSERT INTO channel_day VALUES ($1, $2, now() - interval '30 hours', 50)", *place)
    await pool.execute("INSERT INTO channel_day VALUES ($1, $2, now() - interval '23 hours', 4)", *place)
    day = (await api("GET", f"/{channel['id']}"))["limits"]["day"]
    assert day == {"used": 4, "cap": 10, "free_at": None}
    await pool.execute("INSERT INTO channel_day VALUES ($1, $2, now(), 6)", *place)
    day = (await api("GET"))["items"][0]["limits"]["day"]
    opens = datetime.fromisoformat(day.pop("free_at")) - await pool.fetchval("SELECT now()")
    assert day == {"used": 10, "cap": 10}
    assert 3500 < opens.total_seconds() <= 3600
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    page = (await client.get(f"/channels/{channel['id']}", headers=HTML)).text
    assert "The limit of 10 in 24 hours is reached" in page
    assert "10 of 10 messages" in page


async def test_the_form_takes_every_limit_and_shows_it_again(client, workspace, api):
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    form = {
        "name": "Bot", "field_bot_token": TOKEN, "recipient_pace": "own", "per_recipient": "1 in 2\n 30 per 60 s, groups ", "day": "own",
        "per_day": "100", "per_day_counts": "recipients", "jitter_seconds": "1.5", "pace": "none",
    }  # fmt: skip
    channel = await make(api)
    address = f"/channels/{channel['id']}"
    answer = await submit(client, f"{address}/edit", **form)
    assert answer.status_code == 303, answer.text
    limits = (await api("GET", f"/{channel['id']}"))["limits"]
    assert limits["per_recipient"] == [{"count": 1, "seconds": 2, "groups": False}, {"count": 30, "seconds": 60, "groups": True}]
    assert (limits["per_second"], limits["per_day"], limits["per_day_counts"], limits["jitter_seconds"]) == (None, 100, "recipients", 1.5)
    edit = (await client.get(f"{address}/edit", headers=HTML)).text
    assert "1 in 2\n30 in 60 groups" in edit
    shown = (await client.get(address, headers=HTML)).text
    assert "0 of 100 recipients" in shown
    assert "30 messages in 60 s" in shown


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"recipient_pace": "own", "per_recipient": "often"}, "has a line that is no limit"),
        ({"recipient_pace": "own", "per_recipient": ""}, "needs a line such as"),
        ({"recipient_pace": "own", "per_recipient": "1 in 9999"}, "This must be 3,600 or less."),
        ({"day": "own", "per_day": "many"}, "whole number"),
        ({"jitter_seconds": "999"}, "This must be 300 or less."),
    ],
)
async def test_what_cannot_be_a_limit_is_told_at_its_field(client, workspace, fields, sentence):
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    answer = await submit(client, "/channels/new/telegram", name="Bot", field_bot_token=TOKEN, **fields)
    assert answer.status_code == 422
    assert sentence in answer.text


async def test_how_many_channels_send_at_once_is_the_owners_to_change(client, workspace, app):
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    form = {"name": "Phone", "senders_at_once": "20"}
    page = (await client.get("/channels/new/whatsapp_linked", headers=HTML)).text
    assert "Empty: 50 channels. 0: any number." in page
    answer = await submit(client, "/channels/new/whatsapp_linked", **form)
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    kept = (await client.get("/api/v1/workspace", headers=workspace.headers)).json()["settings"]
    assert kept["senders_at_once"] == {"whatsapp_linked": 20}
    assert 'value="20"' in (await client.get(f"{address}/edit", headers=HTML)).text
    for typed, becomes in (("0", {"whatsapp_linked": None}), ("", {})):
        assert (await submit(client, f"{address}/edit", **form | {"senders_at_once": typed})).status_code == 303
        kept = (await client.get("/api/v1/workspace", headers=workspace.headers)).json()["settings"]
        assert kept["senders_at_once"] == becomes
    wrong = await submit(client, f"{address}/edit", **form | {"senders_at_once": "many", "name": "Other"})
    assert wrong.status_code == 422
    assert "must be a whole number, or empty" in wrong.text
    assert 'value="many"' in wrong.text
    assert await app.state.database.pool.fetchval("SELECT name FROM channels") == "Phone", "nothing of it was saved"


async def test_how_many_channels_send_at_once_over_the_api(client, workspace):
    async def patch(settings: object, status: int = 200) -> dict:
        answer = await client.patch("/api/v1/workspace", json={"settings": settings}, headers=workspace.headers)
        assert answer.status_code == status, answer.text
        return answer.json().get("settings", {})

    assert await patch({"senders_at_once": {"whatsapp_linked": 7, "telegram": None}, "max_attempts": 2}) == {
        "senders_at_once": {"whatsapp_linked": 7, "telegram": None}, "max_attempts": 2,
    }  # fmt: skip
    assert (await patch({"max_attempts": 4}))["senders_at_once"] == {"whatsapp_linked": 7, "telegram": None}
    assert (await patch({"senders_at_once": {}}))["senders_at_once"] == {}
    await patch({"senders_at_once": {"telegram": 0}}, 422)
    await patch({"senders_at_once": {"No provider": 5}}, 422)
    providers = (await client.get("/api/v1/providers", headers=workspace.headers)).json()
    told = {one["kind"]: one["senders_at_once"] for one in providers["items"]}
    assert {kind: most for kind, most in told.items() if most} == {"whatsapp_linked": 50}
