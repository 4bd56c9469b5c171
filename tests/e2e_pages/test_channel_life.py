"""A channel's standing in a real browser: stopped, started, restarted, and what happened to it."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tidings.channels.activity import Happened, note_activity
from tidings.channels.service import CreateChannel, create_channel
from tidings.core.ids import show_id

pytestmark = IN_BROWSER
BOT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"


async def test_a_channel_is_stopped_started_and_restarted_on_its_page(signed_in: Page, site: Site) -> None:
    page, state = signed_in, site.app.state
    async with site.database.workspace(site.workspace_id) as session:
        command = CreateChannel(name="Try-out", provider="sandbox", fields={})
        made = await create_channel(session, site.access, state.vault, state.settings, command)
    await page.goto(f"{site.address}/channels/{show_id('chn', made.id)}")
    await expect(page.get_by_role("heading", name="Standing")).to_be_visible()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
    await expect(page.get_by_text("This channel is off")).to_be_visible()
    await expect(page.get_by_text("Stopped", exact=True).first).to_be_visible()
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.get_by_role("button", name="Restart", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Restart", exact=True).click()
    await expect(page.locator("#notices")).to_contain_text("begins anew")
    await expect(page.get_by_text("Restarted", exact=True)).to_be_visible()
    await expect(page.get_by_text("Healthy", exact=True)).to_be_visible(timeout=20_000)
    await shoot(page, "channel-standing")


async def test_a_bot_that_fails_says_so_in_the_list_and_on_its_page(signed_in: Page, site: Site) -> None:
    page, state = signed_in, site.app.state
    async with site.database.workspace(site.workspace_id) as session:
        command = CreateChannel(name="Shop bot", provider="telegram", fields={"bot_token": BOT_TOKEN}, receive="polling")
        made = await create_channel(session, site.access, state.vault, state.settings, command)
    # Nothing answers at an address that this installation does not allow: the run fails by itself, and says why.
    await site.database.pool.execute("UPDATE channels SET api_base_url = 'http://127.0.0.1:9' WHERE id = $1", made.id)
    await site.database.pool.execute("UPDATE channel_standing SET generation = generation + 1 WHERE channel_id = $1", made.id)
    async with site.database.pool.acquire() as connection:
        await note_activity(connection, [Happened(made.id, "hook_refused", "The secret token does not fit.")])
    await page.goto(f"{site.address}/channels")
    await expect(page.get_by_text("Degraded", exact=True)).to_be_visible(timeout=30_000)
    await shoot(page, "channels-degraded")
    await page.get_by_role("link", name="Shop bot").click()
    await expect(page.get_by_text("Could not go on").first).to_be_visible()
    await expect(page.get_by_text("by asking Telegram")).to_be_visible()
    await shoot(page, "channel-degraded")
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_label("What people write")).to_have_value("polling")
    await shoot(page, "channel-edit-receive")
