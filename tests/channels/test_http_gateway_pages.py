"""A channel at a gateway of one's own, set up in the browser: its many-line fields, its faults, and what the operator allows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.api.conftest import Caller
from tests.simulators.gateway import API_KEY, URL, GatewaySimulator
from tests.simulators.gateway import settings as gateway_settings
from tests.workspaces.pages import HTML, log_in, submit
from tidings.settings import Settings


@pytest.fixture
async def gateway() -> AsyncIterator[GatewaySimulator]:
    async with GatewaySimulator() as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path, gateway: GatewaySimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, allowed_api_base_urls=gateway.url)


@pytest.fixture
async def client(client: httpx2.AsyncClient, workspace: Caller) -> httpx2.AsyncClient:
    assert (await log_in(client, workspace.owner_email)).status_code == 303
    return client


def form(url: str, **changes: str) -> dict[str, str]:
    values = {**gateway_settings(), "api_key": API_KEY, **changes}
    return {"name": "Gateway", "medium": "sms", **{f"field_{name}": value.replace(URL, url) for name, value in values.items()}}


async def set_up(client: httpx2.AsyncClient, url: str, **changes: str) -> str:
    answer = await submit(client, "/channels/new/http", **form(url, **changes), without_test="true")
    assert answer.status_code == 303, answer.text
    return (await client.get(answer.headers["location"], headers=HTML)).text


async def test_lines_are_kept_and_what_the_operator_allows_is_checked_for_real(
    client: httpx2.AsyncClient, gateway: GatewaySimulator
) -> None:
    said = await set_up(client, gateway.url, headers="X-Api-Key: {{api_key}}\r\nX-Shop: {{sender}}")
    assert "is set up. The gateway answered the test request as it should" in said
    assert "1,785.50" in said
    assert API_KEY not in said


async def test_an_address_inside_is_told_when_it_is_set_up(client: httpx2.AsyncClient, gateway: GatewaySimulator) -> None:
    said = await set_up(client, gateway.url.replace("127.0.0.1", "localhost"))
    assert "its check failed" in said
    assert "TIDINGS_ALLOWED_API_BASE_URLS" in said


async def test_fields_that_do_not_fit_together_are_told_at_their_field(client: httpx2.AsyncClient, gateway: GatewaySimulator) -> None:
    answer = await submit(client, "/channels/new/http", **form(gateway.url, body='{"to": {{to}}}', balance_path=""))
    assert answer.status_code == 422
    assert "Body is not JSON" in answer.text
    assert "Where the balance stands is required with a balance request." in answer.text
    assert '<textarea class="form-control is-invalid" rows="8"' in answer.text


async def test_what_was_tested_with_several_lines_is_what_is_saved(client: httpx2.AsyncClient, gateway: GatewaySimulator) -> None:
    """htmx sends line feeds, a browser's own form carriage returns before them: to the eye the same form."""
    lines = "X-Api-Key: {{api_key}}\nX-Shop: {{sender}}"
    tried = await submit(client, "/channels/new/http/try", **form(gateway.url, headers=lines), try_to="+254711000123")
    proof = re.search(r'name="tested" value="([^"]+)"', tried.text)
    assert proof, tried.text
    answer = await submit(client, "/channels/new/http", **form(gateway.url, headers=lines.replace("\n", "\r\n")), tested=proof[1])
    assert answer.status_code == 303, answer.text


async def test_what_the_gateway_reports_is_changed_without_another_message(client: httpx2.AsyncClient, gateway: GatewaySimulator) -> None:
    answer = await submit(client, "/channels/new/http", **form(gateway.url), without_test="true")
    edit = f"{answer.headers['location']}/edit"
    values = form(gateway.url) | {"field_api_key": ""}
    assert (await submit(client, edit, **(values | {"field_inbound_text_path": "body"}))).status_code == 303
    assert (await submit(client, edit, **(values | {"field_success_values": "sent"}))).status_code == 422
    assert not gateway.requests
