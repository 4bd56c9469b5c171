"""An HTTP gateway in a real browser: described, tried with a real message, described better, saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tests.simulators.gateway import API_KEY, GatewaySimulator
from tidings.settings import Settings

pytestmark = IN_BROWSER
PERSON = "+254711000123"


@pytest_asyncio.fixture(loop_scope="session")
async def gateway() -> AsyncIterator[GatewaySimulator]:
    async with GatewaySimulator() as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path: Path, gateway: GatewaySimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, worker_pool_size=5, allowed_api_base_urls=gateway.url)


async def test_a_gateway_is_tried_until_it_takes_a_message_and_only_then_saved(
    signed_in: Page, site: Site, gateway: GatewaySimulator
) -> None:
    page = signed_in
    await page.goto(f"{site.address}/channels/new/http")
    await page.locator('[name="name"]').fill("Our gateway")
    await page.locator('[name="field_send_url"]').fill(f"{gateway.url}/messages")
    await page.locator('[name="field_headers"]').fill("X-Api-Key: {{api_key}}")
    await page.locator('[name="field_api_key"]').fill(API_KEY)
    await page.locator('[name="field_body"]').fill('{"to": "{{to}}", "text": "{{text}}", "from": "{{sender}}", "ref": "{{id}}"}')
    for name, value in (("success_path", "status"), ("success_values", "done"), ("id_path", "data.id")):
        field = page.locator(f'[name="field_{name}"]')
        if not await field.is_visible():
            await page.locator("details:not([open]) summary", has_text="answer").first.click()
        await field.fill(value)
    await expect(page.get_by_role("button", name="Set it up", exact=True)).to_have_count(0)
    await shoot(page, "gateway-untested")
    await page.get_by_role("button", name="Send the test").click()
    await expect(page.get_by_text("This message needs a number to go to.")).to_be_visible()
    await page.get_by_label("To", exact=True).fill(PERSON)
    await page.get_by_role("button", name="Test again").click()
    await expect(page.get_by_text("In doubt")).to_be_visible()
    await expect(page.get_by_text("SECRET-API-KEY")).to_be_visible()
    await shoot(page, "gateway-doubt")
    await page.locator('[name="field_success_values"]').fill("queued")
    await page.get_by_role("button", name="Test again").click()
    await expect(page.get_by_text("The service took the message.")).to_be_visible()
    await shoot(page, "gateway-tested")
    await page.get_by_role("button", name="Set it up", exact=True).click()
    await expect(page.get_by_role("heading", name="Our gateway").first).to_be_visible()
    assert gateway.requests == {PERSON: 2}
