"""The first start and the settings in Chromium, at both widths."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.api.serving import served
from tests.e2e.browser import IN_BROWSER, shoot
from tidings.app import create_app
from tidings.settings import Settings

pytestmark = [*IN_BROWSER, pytest.mark.filterwarnings("ignore")]


@pytest_asyncio.fixture(loop_scope="session")
async def address(settings: Settings, database_url: str) -> AsyncIterator[str]:
    """The app on a real port."""
    async with served(create_app(settings, database_url)) as found:
        yield found


async def test_an_owner_sets_up_and_looks_after_a_workspace(page: Page, address: str) -> None:
    await page.goto(f"{address}/settings/members")
    await expect(page).to_have_url(f"{address}/setup")
    await shoot(page, "setup")
    await page.get_by_label("Your name").fill("Ada Lovelace")
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password", exact=True).fill("correct horse battery")
    await page.get_by_label("Workspace").fill("Mama Mboga Ltd")
    await page.get_by_label("Country").select_option("KE")
    await page.get_by_label("Timezone").select_option("Africa/Nairobi")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_url(f"{address}/")

    await page.goto(f"{address}/settings/members")
    await page.get_by_role("button", name="Invite", exact=True).click()
    dialog = page.get_by_role("dialog", name="Invite somebody")
    await dialog.get_by_label("E-mail").fill("grace@example.com")
    await dialog.get_by_text("Agent", exact=True).click()
    await shoot(page, "members-invite")
    await dialog.get_by_role("button", name="Make the link").click()
    await expect(page.get_by_text("/join/")).to_be_visible()
    await shoot(page, "members")

    await page.goto(f"{address}/settings/api-keys")
    await page.get_by_role("button", name="New key").first.click()
    key = page.get_by_role("dialog", name="New API key")
    await key.get_by_label("Name").fill("Web shop")
    await key.get_by_label("Send messages").check()
    await shoot(page, "api-key-new")
    await key.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_text("tdk_").first).to_be_visible()
    await shoot(page, "api-keys")

    await page.goto(f"{address}/settings/audit-log")
    await expect(page.get_by_text("api_key.created")).to_be_visible()
    await shoot(page, "audit-log")
    await page.get_by_placeholder("Search who").fill("nobody like this")
    await expect(page.get_by_text("Nothing here")).to_be_visible()

    for path in ("settings/workspace", "profile"):
        await page.goto(f"{address}/{path}")
        await shoot(page, path.replace("/", "-"))

    await page.goto(f"{address}/docs")
    await expect(page.get_by_text("/api/v1/workspace").first).to_be_visible(timeout=20_000)
    await shoot(page, "docs")
    await page.goto(f"{address}/profile")
    await page.get_by_role("button", name="Your account").locator("visible=true").click()
    await page.get_by_role("button", name="Log out", exact=True).locator("visible=true").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await shoot(page, "login")
