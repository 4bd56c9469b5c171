"""Routes in a real browser: made from the empty page, rearranged, sent by, changed and deleted."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tidings.channels.service import CreateChannel, create_channel, list_channels
from tidings.contacts.models import Address, NewContact
from tidings.contacts.service import create_contact
from tidings.core.ids import show_id
from tidings.routes.service import RouteInput, StepInput, create_route

pytestmark = IN_BROWSER
BOT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"


async def make_channels(site: Site) -> None:
    state = site.app.state
    async with site.database.workspace(site.workspace_id) as session:
        for name, provider, fields in (
            ("WhatsApp shop", "sandbox", {}), ("Shop bot", "telegram", {"bot_token": BOT_TOKEN}), ("SMS Kenya", "sandbox", {}),
        ):  # fmt: skip
            command = CreateChannel(name=name, provider=provider, fields=fields)
            await create_channel(session, site.access, state.vault, state.settings, command)


async def test_a_route_is_made_rearranged_and_deleted(signed_in: Page, site: Site) -> None:
    page = signed_in
    await page.goto(f"{site.address}/routes")
    await shoot(page, "routes-empty")
    await expect(page.get_by_role("link", name="Set up a channel first")).to_be_visible()
    await make_channels(site)
    await page.reload()
    await page.get_by_role("link", name="Make a route").click()
    await page.get_by_label("Name", exact=True).fill("Chat, then SMS")
    await page.get_by_label("Channel of step 1").select_option(label="SMS Kenya · Sandbox")
    await page.get_by_label("Channel of step 2").select_option(label="Shop bot · Telegram")
    await page.get_by_role("button", name="Add a step").click()
    await page.get_by_label("Channel of step 3").select_option(label="WhatsApp shop · Sandbox")
    await page.get_by_role("button", name="Move up step 3").click()
    await expect(page.locator("#field-channel_1 option:checked")).to_have_text("WhatsApp shop · Sandbox")
    await page.get_by_role("button", name="Move down step 1").click()
    await expect(page.locator("#field-channel_0 option:checked")).to_have_text("WhatsApp shop · Sandbox")
    await page.get_by_label("The next step follows on").first.select_option("delivered")
    await page.get_by_role("button", name="Remove step 3").click()
    await expect(page.get_by_label("Channel of step 3")).to_have_count(0)
    await page.get_by_label("How long").first.fill("1")
    await page.get_by_role("button", name="Save").click()
    # A second is too short: told at its field, and nothing typed is lost.
    await expect(page.get_by_text("A whole number, from 5 seconds")).to_be_visible()
    await shoot(page, "route-form")
    await page.get_by_label("How long").first.fill("90")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Chat, then SMS")).to_be_visible()
    await expect(page.get_by_text("not reported as delivered within 90 s")).to_be_visible()
    await shoot(page, "route")
    await page.get_by_role("link", name="Routes").first.click()
    await expect(page.get_by_text("Works", exact=True)).to_be_visible()
    await shoot(page, "routes")
    await page.get_by_role("link", name="Chat, then SMS").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Messages under way still follow it")
    await shoot(page, "route-delete")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("No routes yet")).to_be_visible()


async def test_a_campaign_is_composed_for_a_route(signed_in: Page, site: Site) -> None:
    page = signed_in
    await make_channels(site)
    async with site.database.workspace(site.workspace_id) as session:
        known = {one.name: one.id for one in await list_channels(session, site.access)}
        steps = [StepInput(channel_id=known["Shop bot"]), StepInput(channel_id=known["SMS Kenya"])]
        route = await create_route(session, site.access, RouteInput(name="Chat, then SMS", steps=steps))
        for number in range(3):
            chat = (Address(medium="telegram", address=f"4711{number}"),) if number else ()
            phone = Address(medium="sms", address=f"+25471200000{number}")
            await create_contact(session, site.access, NewContact(name=f"Amina {number}", addresses=(phone, *chat)))
    await page.goto(f"{site.address}/campaigns/new?route={show_id('rte', route.route.id)}")
    await page.get_by_label("Name").fill("Sale")
    await page.get_by_label("What they read").fill("Hello {{ first_name }}")
    await expect(page.locator("#to-send")).to_have_text("3")
    await expect(page.locator("#preview")).to_contain_text("2 first")
    await shoot(page, "compose-route")
