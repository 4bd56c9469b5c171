"""A member's own bot in a real browser: set up, linked, stopped by its provider, told of, mended, renamed; with a worker that asks for updates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.api.conftest import PASSWORD
from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tests.simulators.telegram import BOT_TOKEN, TelegramSimulator
from tidings.settings import Settings
from tidings.workspaces.members import create_member
from tidings.workspaces.rules import Role
from tidings.workspaces.sessions import start_login

pytestmark = IN_BROWSER
NEW_TOKEN = BOT_TOKEN[:-6] + "abcdef"
CHAT = 70_001


@pytest_asyncio.fixture(loop_scope="session")
async def telegram() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as simulator:
        yield simulator


@pytest.fixture
def settings(tmp_path: Path, telegram: TelegramSimulator) -> Settings:
    return Settings(_env_file=None, home=tmp_path, api_pool_size=5, worker_pool_size=5, allowed_api_base_urls=telegram.url)


@pytest_asyncio.fixture(loop_scope="session")
async def agent(site: Site, page: Page) -> Page:
    """A browser of a member who may have channels of their own and change no others."""
    async with site.database.system() as session:
        await create_member(session, site.access, email="grace@example.com", name="Grace Wanjiru", password=PASSWORD, role=Role.AGENT)
    user_id = await site.database.pool.fetchval("SELECT id FROM users WHERE email = 'grace@example.com'")
    async with site.database.system() as session:
        cookie = await start_login(session, user_id, workspace_id=site.workspace_id)
    await page.context.add_cookies([{"name": "tidings_session", "value": cookie, "url": site.address}])
    return page


async def test_a_bot_of_ones_own_is_linked_stopped_and_mended(agent: Page, site: Site, telegram: TelegramSimulator) -> None:
    page = agent
    await page.goto(f"{site.address}/my-channels/new/telegram")
    await page.get_by_label("Bot token").fill(BOT_TOKEN)
    await page.get_by_label("API address").fill(telegram.url)
    await page.get_by_role("button", name="Check it and go on").click()
    await expect(page.get_by_role("heading", name="Telegram", exact=True)).to_be_visible()
    address = page.url
    await _is_linked(page, telegram)
    await _hears_that_it_stopped(page, site, telegram, address)
    await _is_mended(page, telegram)
    await page.goto(f"{site.address}/alerts")
    await expect(page.get_by_text("Nothing needs you")).to_be_visible()
    await _is_renamed(page, address)
    await page.get_by_role("button", name="Send me a test message").click()
    await expect(page.locator("#notices")).to_contain_text("The test message is on its way to you")
    await expect(page.get_by_text("Sent", exact=True).first).to_be_visible(timeout=30_000)
    await page.goto(address)
    await _is_switched_and_deleted(page)


async def _is_linked(page: Page, telegram: TelegramSimulator) -> None:
    card = page.get_by_role("heading", name="Open this on the phone")
    await page.get_by_role("button", name="Make the link").click()
    await expect(card).to_be_visible()
    await shoot(page, "own-link")
    await _open_link(page, telegram, CHAT)
    await expect(page.get_by_text("your chat is joined to it")).to_be_visible(timeout=30_000)
    await expect(card).to_have_count(0)
    await page.get_by_role("button", name="Link another chat").click()
    await expect(card).to_be_visible()
    await page.wait_for_timeout(4_000)  # it stays while nobody has opened it, though another chat is linked
    await expect(card).to_be_visible()
    await _open_link(page, telegram, CHAT + 1)
    await expect(card).to_have_count(0, timeout=30_000)
    await shoot(page, "own-linked")


async def _open_link(page: Page, telegram: TelegramSimulator, chat: int) -> None:
    url = await page.get_by_role("link", name="Open Telegram").get_attribute("href")
    telegram.write(BOT_TOKEN, chat, text=f"/start {parse_qs(urlsplit(str(url)).query)['start'][0]}")


async def _hears_that_it_stopped(page: Page, site: Site, telegram: TelegramSimulator, address: str) -> None:
    await page.goto(address)
    telegram.revoked.add(BOT_TOKEN)
    # The open page draws it by itself, with all that mends it.
    await expect(page.get_by_role("button", name="Check it and go on")).to_be_visible(timeout=60_000)
    await expect(page.get_by_text("Look up the current bot token at Telegram and type it in below")).to_be_visible()
    await shoot(page, "own-stopped")
    await page.goto(f"{site.address}/my-channels")
    await expect(page.get_by_text("Wrong credentials")).to_be_visible()
    await shoot(page, "own-list-stopped")
    await page.goto(site.address)
    await expect(page.get_by_text("Telegram needs you")).to_be_visible()
    await page.get_by_label("1 open alert").locator("visible=true").click()
    await expect(page.get_by_text("type it in on the channel's page")).to_be_visible()
    await expect(page.get_by_role("button", name="Close it by hand")).to_be_visible()
    await shoot(page, "own-alerts")
    await page.get_by_role("link", name="Go to the channel").click()
    await expect(page).to_have_url(address)


async def _is_mended(page: Page, telegram: TelegramSimulator) -> None:
    await page.get_by_role("button", name="Start again").click()
    await expect(page.locator("#notices")).to_contain_text("The channel stays stopped, its messages wait")
    token = page.get_by_label("Bot token")
    await token.fill("nonsense")
    await page.get_by_role("button", name="Check it and go on").click()
    await expect(page.get_by_text("Bot token does not look right")).to_be_visible()
    telegram.revoked.add(NEW_TOKEN)
    await token.fill(NEW_TOKEN)
    await page.wait_for_timeout(7_000)  # what refreshes itself leaves alone what is typed in
    await expect(token).to_have_value(NEW_TOKEN)
    await page.get_by_role("button", name="Check it and go on").click()
    await expect(page.get_by_text("Bot token is not accepted")).to_be_visible()
    await shoot(page, "own-refused")
    telegram.revoked.discard(NEW_TOKEN)
    await token.fill(NEW_TOKEN)
    await page.get_by_role("button", name="Check it and go on").click()
    await expect(page.locator("#notices")).to_contain_text("It works and goes on")
    await expect(page.get_by_text("Look up the current bot token")).to_have_count(0)
    await shoot(page, "own-mended")


async def _is_renamed(page: Page, address: str) -> None:
    await page.goto(address)
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_text("set, ends in")).to_be_visible()
    await shoot(page, "own-edit")
    await page.get_by_role("textbox", name="Name").fill("My evening bot")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="My evening bot")).to_be_visible()


async def _is_switched_and_deleted(page: Page) -> None:
    await page.get_by_role("button", name="Switch off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
    await expect(page.locator("#notices")).to_contain_text("It is off.")
    await page.get_by_role("button", name="Switch on").click()
    await expect(page.locator("#notices")).to_contain_text("It is on.")
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator("#notices")).to_contain_text("The channel is deleted")
    await expect(page.get_by_text("No channel of your own yet")).to_be_visible()
