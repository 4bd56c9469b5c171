"""An HTTP gateway is tried with one real message before it is saved: over the API and on the form."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from tests.api.conftest import Caller
from tests.simulators.gateway import API_KEY, URL, GatewaySimulator
from tests.simulators.gateway import settings as gateway_settings
from tests.workspaces.pages import HTML, log_in, submit
from tidings.channels import trying
from tidings.settings import Settings

PERSON = "+254711000123"
FIELDS = {**gateway_settings(), "api_key": API_KEY}


@pytest.fixture
async def gateway() -> AsyncIterator[GatewaySimulator]:
    async with GatewaySimulator() as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path, gateway: GatewaySimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, public_url="https://tidings.example", allowed_api_base_urls=gateway.url)


def fields(gateway: GatewaySimulator, **changes: str) -> dict[str, str]:
    return {name: value.replace(URL, gateway.url) for name, value in {**FIELDS, **changes}.items()}


@pytest.fixture
def api(client: httpx2.AsyncClient, workspace: Caller):
    async def call(path: str, body: dict, status: int = 200, headers: dict[str, str] | None = None) -> dict:
        answer = await client.post(f"/api/v1/channels{path}", json=body, headers=headers or workspace.headers)
        assert answer.status_code == status, answer.text
        assert API_KEY not in answer.text
        return answer.json()

    return call


# --- over the API ---------------------------------------------------------------------------------------------------------


async def test_the_request_the_answer_and_what_it_means_are_told_and_nothing_is_kept(api, gateway, app: FastAPI) -> None:
    told = await api("/test", {"provider": "http", "fields": fields(gateway), "sender": "SHOP", "to": "0711 000 123", "text": "Hej 'du'"})
    assert (told["ok"], told["to"]) == (True, PERSON)
    lines = told["request"].splitlines()
    assert lines[0] == f"POST {gateway.url}/messages"
    assert "x-api-key: SECRET-API-KEY" in lines
    assert "content-type: application/json" in lines
    assert re.fullmatch(r'\{"to":"\+254711000123","text":"Hej \'du\'","from":"SHOP","ref":"msg_\w+"\}', lines[-1])
    assert told["answer"].startswith("HTTP 201\n")
    assert '"status": "queued"' in told["answer"]
    assert told["outcome"] | {"provider_message_id": "…"} == {
        "kind": "accepted", "provider_message_id": "…", "code": None, "detail": None, "retryable": False,
    }  # fmt: skip
    assert gateway.requests == {PERSON: 1}
    async with app.state.database.pool.acquire() as db:
        assert await db.fetchval("SELECT count(*) FROM channels") == 0
        assert await db.fetchval("SELECT count(*) FROM messages") == 0
        told_of = await db.fetchval("SELECT after::text FROM audit_log WHERE action = 'channel.tested'")
    assert PERSON in told_of


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"success_values": "done"}, "unknown", "provider_unavailable"),
        ({"id_path": "data.number"}, "unknown", "provider_unavailable"),
        ({"send_url": f"{URL}/nowhere"}, "failed", "internal"),
        ({"api_key": "a wrong key"}, "failed", "invalid_credentials"),
        ({"send_url": "http://127.0.0.1:9/messages"}, "failed", "internal"),
        ({"send_url": "http://169.254.169.254/latest"}, "failed", "internal"),
    ],
    ids=[
        "a word for success that does not come",
        "an id that is not there",
        "another address",
        "a wrong key",
        "an address inside",
        "metadata",
    ],
)
async def test_what_is_described_wrongly_is_told_as_what_a_message_would_become(api, gateway, changes, kind, code) -> None:
    told = await api("/test", {"provider": "http", "fields": fields(gateway, **changes), "to": PERSON})
    assert not told["ok"]
    assert (told["outcome"]["kind"], told["outcome"]["code"]) == (kind, code)
    assert told["outcome"]["detail"]
    assert (told["answer"] is None) == ("127.0.0.1:9" in changes.get("send_url", "") or "169.254" in changes.get("send_url", ""))


async def test_a_secret_in_the_body_is_stood_in_for(api, gateway) -> None:
    told = await api(
        "/test",
        {
            "provider": "http",
            "fields": fields(gateway, body='{"to": "{{to}}", "text": "{{text}}", "from": "{{sender}}", "ref": "{{api_key}}"}'),
            "to": PERSON,
        },
    )
    assert '"ref":"SECRET-API-KEY"' in told["request"]


async def test_a_channel_that_there_is_lends_its_secrets(api, gateway) -> None:
    made = await api("", {"name": "Gateway", "provider": "http", "fields": fields(gateway)}, 201)
    told = await api("/test", {"channel": made["id"], "fields": {"success_values": "sent"}, "to": PERSON})
    assert told["outcome"]["kind"] == "unknown"
    told = await api("/test", {"channel": made["id"], "to": PERSON})
    assert told["ok"]


async def test_what_cannot_be_tried_is_refused_and_nothing_is_sent(api, gateway, app: FastAPI, other_workspace: Caller) -> None:
    good = {"provider": "http", "fields": fields(gateway), "to": PERSON}
    await api("/test", {**good, "to": "nobody"}, 422)
    await api("/test", {**good, "fields": {**good["fields"], "body": "{"}}, 422)
    await api("/test", {**good, "provider": "twilio", "fields": {"account_sid": "AC" + "0" * 32, "auth_token": "0" * 32}}, 409)
    await api("/test", {"to": PERSON}, 422)
    made = await api("", {"name": "Gateway", "provider": "http", "fields": fields(gateway)}, 201)
    await api("/test", {"channel": made["id"], "to": PERSON}, 404, other_workspace.headers)
    async with app.state.database.pool.acquire() as db:
        await db.execute(
            "INSERT INTO opt_outs (workspace_id, medium, address, source) SELECT id, 'sms', $1, 'keyword' FROM workspaces", PERSON
        )
    await api("/test", good, 409)
    assert not gateway.requests


# --- on the form ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def browser(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


def filled(gateway: GatewaySimulator, **changes: str) -> dict[str, str]:
    return {"name": "Gateway", "medium": "sms", **{f"field_{name}": value for name, value in fields(gateway, **changes).items()}}


def proof_in(text: str) -> str:
    found = re.search(r'name="tested" value="([^"]+)"', text)
    assert found
    return found[1]


async def test_a_new_channel_is_saved_once_it_was_tested_as_it_is(browser, gateway) -> None:
    form = filled(gateway)
    refused = await submit(browser, "/channels/new/http", **form)
    assert refused.status_code == 422
    assert "This configuration has not been tested." in refused.text
    shown = await submit(browser, "/channels/new/http/try", **form, try_to=PERSON)
    assert shown.status_code == 200
    assert "The service took the message." in shown.text
    assert API_KEY not in shown.text
    proof = proof_in(shown.text)
    changed = await submit(browser, "/channels/new/http", **filled(gateway, success_values="sent"), tested=proof)
    assert changed.status_code == 422
    assert "was changed since the test" in changed.text
    assert (await submit(browser, "/channels/new/http", **form, tested=proof)).status_code == 303


async def test_a_test_that_fails_lets_nothing_be_saved_but_untested(browser, gateway) -> None:
    form = filled(gateway, id_path="data.number")
    shown = (await submit(browser, "/channels/new/http/try", **form, try_to=PERSON)).text
    assert "In doubt" in shown
    assert 'name="tested"' not in shown
    assert (await submit(browser, "/channels/new/http", **form, tested="1.made-up")).status_code == 422
    assert (await submit(browser, "/channels/new/http", **form, without_test="true")).status_code == 303


async def test_what_is_filled_in_wrongly_is_told_before_anything_is_sent(browser, gateway) -> None:
    nobody = (await submit(browser, "/channels/new/http/try", **filled(gateway))).text
    assert "This message needs a number to go to." in nobody
    odd = (await submit(browser, "/channels/new/http/try", **filled(gateway, body="{"), try_to=PERSON)).text
    assert "Body is not JSON" in odd
    assert "Nothing was sent" in odd
    assert not gateway.requests


async def test_a_change_of_the_request_is_tested_and_a_new_name_is_not(browser, gateway) -> None:
    answer = await submit(browser, "/channels/new/http", **filled(gateway), without_test="true")
    address = answer.headers["location"]
    form = {**filled(gateway), "field_api_key": ""}
    assert (await submit(browser, f"{address}/edit", **form | {"name": "Renamed"})).status_code == 303
    form |= {"field_success_values": "queued"}
    assert (await submit(browser, f"{address}/edit", **form)).status_code == 422
    shown = await submit(browser, f"{address}/edit/try", **form, try_to=PERSON)
    assert (await submit(browser, f"{address}/edit", **form, tested=proof_in(shown.text))).status_code == 303
    assert "Send the test" in (await browser.get(f"{address}/edit", headers=HTML)).text


async def test_a_test_of_long_ago_proves_nothing(browser, gateway, monkeypatch) -> None:
    form = filled(gateway)
    monkeypatch.setattr(trying, "PROOF_SECONDS", -1)
    shown = await submit(browser, "/channels/new/http/try", **form, try_to=PERSON)
    assert (await submit(browser, "/channels/new/http", **form, tested=proof_in(shown.text))).status_code == 422
