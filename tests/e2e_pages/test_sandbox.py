"""The sandbox phone: messages arrive, answers go in, STOP holds."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tidings.channels.service import CreateChannel, create_channel

pytestmark = IN_BROWSER


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(site: Site) -> None:
    state = site.app.state
    async with site.database.workspace(site.workspace_id) as session:
        command = CreateChannel(name="Try-out", provider="sandbox", fields={}, sender="MAMA MBOGA")
        await create_channel(session, site.access, state.vault, state.settings, command)


async def test_it_says_how_to_begin(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/sandbox")
    await expect(page.get_by_role("link", name="Set one up")).to_be_visible()
    await shoot(page, "sandbox-none")


@pytest.mark.usefixtures("sandbox")
async def test_a_message_arrives_and_a_stop_holds(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/sandbox")
    await shoot(page, "sandbox-empty")
    await page.get_by_role("button", name="Send the first message").click()
    await send(page, "0712 345 678", "Habari! Maize flour is 10% off until Saturday.")
    await expect(page.locator("#conversation")).to_contain_text("10% off")
    await expect(page.locator("#conversation")).to_contain_text("Delivered")
    await page.get_by_label("Answer", exact=True).fill("Is rice in it too?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bubble-out")).to_have_text("Is rice in it too?")
    await expect(page.get_by_label("Answer", exact=True)).to_have_value("")
    await expect(page.get_by_label("Answer", exact=True)).to_be_focused()
    await page.get_by_role("button", name="STOP").click()
    await expect(page.locator("#conversation")).to_contain_text("automatic answer")
    await page.get_by_role("button", name="Send a message").click()
    await send(page, "+254712345678", "Only today!")
    await expect(page.locator(".said-lost")).to_contain_text("Opted out")
    await page.get_by_role("button", name="Send a message").click()
    await send(page, "+12125550002", "Are you there?")
    await expect(page.locator(".said-lost")).to_contain_text("Unreachable")
    await expect(page.locator(".phone-entry")).to_have_count(2)
    await page.locator(".phone-entry", has_text="Only today!").click()
    await expect(page.locator(".said")).to_have_count(5)
    await shoot(page, "sandbox")


async def send(page: Page, number: str, text: str) -> None:
    dialog = page.get_by_role("dialog", name="Send to a sandbox phone")
    await dialog.get_by_label("To").fill(number)
    await dialog.get_by_label("Text").fill(text)
    await dialog.get_by_role("button", name="Send it").click()
