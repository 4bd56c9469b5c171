"""Moving from one central bot to channels of one's own, in a real browser: the owner's list, the member's banner, who is on what."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.api.conftest import PASSWORD
from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site
from tidings.channels.service import CreateChannel, create_channel
from tidings.core.ids import show_id
from tidings.workspaces.members import create_member
from tidings.workspaces.rules import Role

pytestmark = IN_BROWSER
BOT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"
PEOPLE = (("grace@example.com", "Grace Wanjiru"), ("juma@example.com", "Juma Otieno"))


async def test_members_are_led_from_the_central_bot_to_their_own(signed_in: Page, site: Site) -> None:
    page, channel = signed_in, await _settled(site)
    await page.goto(f"{site.address}/channels/{channel}")
    await page.get_by_role("button", name="More").click()
    await shoot(page, "central-menu")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.get_by_role("button", name="Mark as central").click()
    await page.get_by_role("dialog").get_by_role("button", name="Mark it").click()
    await expect(page.get_by_text("No addresses kept yet")).to_be_visible()
    await shoot(page, "central-empty")
    await page.get_by_label("Members and their addresses").fill(
        "ada@example.com, 4001\ngrace@example.com, 4002\njuma@example.com; Juma's chat\nnobody@example.com, 4004"
    )
    await page.get_by_role("button", name="Keep them").click()
    await expect(page.get_by_text("2 lines could not be kept")).to_be_visible()
    await shoot(page, "central-refused")
    await page.get_by_label("Members and their addresses").fill("juma@example.com, 4003")
    await page.get_by_role("button", name="Keep them").click()
    await expect(page.locator("#notices")).to_contain_text("1 added")
    await shoot(page, "central-kept")

    banner = page.locator("#still-central")
    await page.goto(f"{site.address}/contacts")
    await expect(banner).to_contain_text("Telegram")
    await shoot(page, "central-banner")
    await page.goto(site.address)
    await shoot(page, "central-banner-home")
    await banner.get_by_role("button", name="Not now").click()
    await expect(banner).to_have_count(0)
    await page.goto(f"{site.address}/contacts")
    await expect(page.get_by_role("heading", name="Contacts", exact=True)).to_be_visible()
    await expect(banner).to_have_count(0)

    await page.context.clear_cookies(name="tidings_later")
    await page.goto(f"{site.address}/contacts")
    await banner.get_by_role("link", name="Set up my own").click()
    await expect(page.get_by_label("Bot token")).to_be_visible()
    await shoot(page, "central-set-up")

    await _own_channel(site)
    await page.goto(f"{site.address}/channels/members")
    await expect(page.get_by_text("You have begun a channel of your own")).to_be_visible()
    await shoot(page, "members-channels")
    await page.get_by_label("All channels").select_option("own")
    await expect(page.locator("#who tbody tr")).to_have_count(1)
    await expect(page.get_by_text("their own", exact=True)).to_be_visible()
    await page.goto(f"{site.address}/channels")
    await shoot(page, "channels-with-central")


async def _settled(site: Site) -> str:
    """A Telegram channel of the workspace, and two members beside the owner."""
    async with site.database.system() as session:
        for email, name in PEOPLE:
            await create_member(session, site.access, email=email, name=name, password=PASSWORD, role=Role.AGENT)
    async with site.database.workspace(site.workspace_id) as session:
        command = CreateChannel(name="Love notes bot", provider="telegram", fields={"bot_token": BOT_TOKEN})
        made = await create_channel(session, site.access, site.app.state.vault, site.app.state.settings, command)
    return show_id("chn", made.id)


async def _own_channel(site: Site) -> None:
    """The owner has set up a bot, and has not linked their chat to it."""
    async with site.database.workspace(site.workspace_id) as session:
        command = CreateChannel(name="Secret bot", provider="telegram", fields={"bot_token": BOT_TOKEN}, owner_id=site.owner_id)
        await create_channel(session, site.access, site.app.state.vault, site.app.state.settings, command)
