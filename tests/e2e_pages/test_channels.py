"""Channels in a real browser: set up, tried, stopped, mended, deleted."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.channels.builders import ACCOUNT_SID, AUTH_TOKEN
from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tidings.channels.runtime import stop_channel
from tidings.channels.service import CreateChannel, create_channel
from tidings.providers import PROVIDERS
from tidings.providers.base import ErrorCode

pytestmark = IN_BROWSER


async def test_a_first_channel_is_set_up_from_the_empty_page(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/channels")
    await shoot(page, "channels-empty")
    await page.get_by_role("link", name="Set up a channel").click()
    await expect(page.get_by_role("heading", name="Twilio")).to_be_visible()
    await shoot(page, "channels-choose")
    await page.get_by_role("link", name="Sandbox Sends to a virtual").click()
    await page.get_by_role("textbox", name="Name").fill("Try-out")
    await page.get_by_role("button", name="Set it up").click()
    await expect(page.locator("#notices")).to_contain_text("“Try-out” is set up.")
    await expect(page.get_by_text("default", exact=True)).to_be_visible()
    await shoot(page, "channel-sandbox")


async def test_a_form_with_faults_keeps_what_was_typed_and_says_what_is_wrong(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/channels/new/twilio")
    await shoot(page, "channel-new")
    await page.get_by_role("textbox", name="Name").fill("Nairobi")
    await page.get_by_label("Account SID").fill("nonsense")
    await page.get_by_role("heading", name="Limits").click()
    await page.get_by_label("Pace", exact=True).select_option("own")
    await page.get_by_label("Messages a second").fill("many")
    await page.get_by_role("button", name="Set it up").click()
    await expect(page.get_by_text("This must be a number")).to_be_visible()
    await page.get_by_label("Messages a second").fill("12")
    await page.get_by_role("button", name="Set it up").click()
    await expect(page.get_by_text("Account SID does not look right, for example")).to_be_visible()
    await expect(page.get_by_text("Auth token is required.")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Name")).to_have_value("Nairobi")
    await expect(page.get_by_label("Messages a second")).to_have_value("12")
    await shoot(page, "channel-new-faults")


async def test_each_guide_is_read_on_a_desk_and_on_a_phone(signed_in: Page, site: Site) -> None:
    page = signed_in
    for kind in PROVIDERS:
        await page.goto(f"{site.address}/channels/new/{kind}")
        async with page.context.expect_page() as opened:
            await page.get_by_role("link", name="How this is set up, step by step").click()
        guide = await opened.value
        await expect(guide.get_by_role("heading", name="Setting up", exact=True)).to_be_visible()
        await shoot(guide, f"channel-guide-{kind}")
        await guide.close()


async def test_a_stopped_channel_leads_from_the_bell_to_what_mends_it(signed_in: Page, site: Site) -> None:
    page = signed_in
    state = site.app.state
    secrets = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN}
    async with site.database.workspace(site.workspace_id) as session:
        main = CreateChannel(name="Twilio Nairobi", provider="twilio", sender="+254700000001", fields=secrets, limits={"per_second": 12})
        made = await create_channel(session, site.access, state.vault, state.settings, main)
        await create_channel(
            session, site.access, state.vault, state.settings, CreateChannel(name="Try-out", provider="sandbox", fields={})
        )
    await page.goto(f"{site.address}/alerts")
    await shoot(page, "alerts-none")
    async with site.database.pool.acquire() as connection:
        await stop_channel(connection, made.id, ErrorCode.INSUFFICIENT_BALANCE, "Twilio error 90010: Account is not active")
    await page.goto(f"{site.address}/channels")
    await expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    await shoot(page, "channels")
    await page.get_by_label("1 open alert").locator("visible=true").click()
    await expect(page.get_by_text("Top up the account at Twilio")).to_be_visible()
    await shoot(page, "alerts")
    await page.get_by_role("link", name="Go to the channel").click()
    await expect(page.get_by_role("button", name="Start again")).to_be_visible()
    await shoot(page, "channel-stopped")
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Switch off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Switch off").click()
    await expect(page.get_by_text("This channel is off")).to_be_visible()
    await page.get_by_role("link", name="Edit").click()
    await expect(page.get_by_text("set, ends in")).to_be_visible()
    await shoot(page, "channel-edit")
