"""Campaigns and messages in a real browser: written with the keyboard, previewed while typing, asked about, followed live."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.contacts.builders import make_contact, make_group
from tests.e2e.browser import IN_BROWSER, shoot
from tests.e2e_pages.conftest import Site, settings, signed_in, site  # noqa: F401
from tidings.channels.service import CreateChannel, create_channel
from tidings.core.ids import show_id

pytestmark = [*IN_BROWSER, pytest.mark.timeout(240)]


@pytest_asyncio.fixture(loop_scope="session")
async def shop(signed_in: Page, site: Site) -> Page:  # noqa: F811
    """The owner's browser in a workspace with a slow sandbox, two groups and some people."""
    pool = site.database.pool
    people = [await make_contact(pool, site.workspace_id, f"Person {number}", f"+25471100000{number}") for number in range(8)]
    people.append(await make_contact(pool, site.workspace_id, "Failing Fred", "+254715550001"))
    people.append(await make_contact(pool, site.workspace_id, "Doubtful Dora", "+254715550004"))
    await make_group(pool, site.workspace_id, "Nairobi customers", *people)
    await make_group(pool, site.workspace_id, "Wholesale", *people[:2])
    async with site.database.workspace(site.workspace_id) as session:
        await create_channel(
            session, site.access, site.app.state.vault, site.app.state.settings,
            CreateChannel(name="Sandbox", provider="sandbox", fields={}, sender="MAMAMBOGA", limits={"per_second": 4, "burst": 1}),
        )  # fmt: skip
    return signed_in


async def take(page: Page, name: str) -> None:
    """Pictures at both widths, then back to the desk."""
    await shoot(page, name)
    await page.set_viewport_size({"width": 1440, "height": 900})


async def leave(page: Page, site: Site) -> None:  # noqa: F811
    """Go away; the streams of the page end with it."""
    await page.goto("about:blank")
    for _ in range(100):
        if site.app.state.live_campaigns.streams == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("a stream outlived its page")


async def test_empty_pages_teach(signed_in: Page, site: Site) -> None:  # noqa: F811
    page = signed_in
    for path, words, name in (
        ("/campaigns", "No campaigns yet", "campaigns-empty"),
        ("/messages", "No messages yet", "messages-empty"),
        ("/campaigns/new", "There is no channel yet", "compose-without-channel"),
    ):
        await page.goto(site.address + path)
        await expect(page.get_by_text(words)).to_be_visible()
        await take(page, name)


async def test_a_campaign_is_written_sent_and_followed(shop: Page, site: Site) -> None:  # noqa: F811
    page = shop
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("Name").fill("Market day")
    await page.get_by_text("Groups and contacts", exact=True).click()
    await page.get_by_label("Search groups").fill("whole")
    await expect(page.locator("#group-choices label")).to_have_count(1)
    await page.get_by_label("Wholesale").check()
    await page.get_by_label("Search groups").fill("nairobi")
    await expect(page.locator("#group-choices label")).to_have_count(2)
    await expect(page.get_by_label("Wholesale")).to_be_checked()
    await page.get_by_label("Search contacts").fill("dora")
    await page.get_by_label("Doubtful Dora").check()
    await page.get_by_label("What they read").fill("Fresh “mandazi” from 6:00")
    await expect(page.locator("#to-send")).to_have_text("3")
    await expect(page.locator("#preview")).to_contain_text("UCS-2")
    await page.get_by_label("What they read").fill("Fresh mandazi from 6:00")
    await expect(page.locator("#preview")).to_contain_text("GSM-7")
    await page.get_by_label("Nairobi customers").check()
    await expect(page.locator("#to-send")).to_have_text("10")
    await take(page, "compose-groups")
    await page.get_by_role("button", name="Send …").click()
    await take(page, "compose-question")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.get_by_role("button", name="Send …").click()
    await page.get_by_role("button", name="Send to 10 recipients").click()
    live = page.locator("#live")
    await expect(live.get_by_text(re.compile("^Done "))).to_be_visible(timeout=30_000)
    await expect(live.locator(".ledger-count")).to_have_text(["8", "0", "1", "1", "0", "0", "0", "0"])
    await expect(page.locator("#recipients tbody tr")).to_have_count(10)
    await page.get_by_label("Search name or number").fill("550004")
    await expect(page.locator("#recipients tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Doubtful Dora").click()
    await expect(page.get_by_text("Whether it arrived is not known").first).to_be_visible()
    await take(page, "message-unknown")
    await page.goto(f"{site.address}/messages")
    await take(page, "messages")
    await page.goto(f"{site.address}/campaigns")
    await take(page, "campaigns")
    await leave(page, site)


async def test_a_wrong_form_shows_what_is_wrong_where_it_is_and_forgets_it_once_mended(shop: Page, site: Site) -> None:  # noqa: F811
    page = shop
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("What they read").fill("Hello {{ first_name")
    await page.get_by_role("button", name="Send …").click()
    await expect(page.get_by_text("Give it a name that you will recognise.")).to_be_visible()
    await expect(page.get_by_label("What they read")).to_have_value("Hello {{ first_name")
    await take(page, "compose-faults")
    await page.get_by_label("Name").fill("Sale")
    await expect(page.get_by_text("Give it a name that you will recognise.")).to_be_hidden()
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.locator("#error-text")).to_contain_text("not a valid template")
    await page.get_by_label("What they read").fill("Hello {{ first_name }}")
    await page.get_by_role("button", name="Save as draft").click()
    await expect(page.locator("#notices")).to_contain_text("Saved as a draft")
    await take(page, "campaign-draft")


async def test_a_campaign_is_scheduled_changed_and_cancelled(shop: Page, site: Site) -> None:  # noqa: F811
    page = shop
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("Name").fill("Easter")
    await page.get_by_label("What they read").fill("Happy Easter")
    await page.get_by_text("At a time", exact=True).click()
    at = datetime.now(ZoneInfo("Africa/Nairobi")) + timedelta(days=3)
    await page.get_by_label("Starts at").fill(at.strftime("%Y-%m-%dT09:30"))
    await expect(page.locator("#preview")).to_contain_text("06:30 UTC")
    await page.get_by_role("button", name="Schedule …").click()
    await page.get_by_role("button", name="Schedule for 10 recipients").click()
    live = page.locator("#live")
    await expect(live).to_contain_text(f"Starts {at.day} {at:%b %Y}, 09:30")
    await take(page, "campaign-scheduled")
    await live.get_by_role("link", name="Edit").click()
    await expect(page.get_by_label("Starts at")).to_have_value(at.strftime("%Y-%m-%dT09:30"))
    await page.get_by_role("button", name="Save as draft").click()
    await expect(live).to_contain_text("Nothing has been sent")
    await live.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog", name="Delete this draft?").get_by_role("button", name="Delete").click()
    await expect(page.locator("#notices")).to_contain_text("was deleted")
    await leave(page, site)


async def test_everything_on_the_compose_page_is_reached_by_the_keyboard(shop: Page, site: Site) -> None:  # noqa: F811
    page = shop
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("Name").focus()
    await page.keyboard.type("By keyboard")
    await page.keyboard.press("Tab")  # channel
    await page.keyboard.press("Tab")  # audience
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_label("Search groups")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Search groups")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.locator("#to-send")).to_have_text("10")
    await page.get_by_label("What they read").focus()
    await page.keyboard.type("Hello ")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")  # inserts the first variable, and the cursor is back in the text
    await expect(page.get_by_label("What they read")).to_be_focused()
    await expect(page.get_by_label("What they read")).to_have_value('Hello {{ first_name|default("there") }}')
    await page.get_by_role("button", name="Send …").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Send to 10 recipients")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#notices")).to_contain_text("On its way")
    await leave(page, site)


async def test_a_question_being_answered_is_not_swept_away_by_a_live_update(shop: Page, site: Site) -> None:  # noqa: F811
    page = shop
    for number in range(70):
        await make_contact(site.database.pool, site.workspace_id, f"Waiting {number}", f"+2547330000{number:02}")
    await page.goto(f"{site.address}/campaigns/new")
    await page.get_by_label("Name").fill("Slow one")
    await page.get_by_label("What they read").fill("Hello")
    await page.get_by_role("button", name="Send …").click()
    await page.get_by_role("button", name="Send to 80 recipients").click()
    await page.get_by_role("button", name="Pause").click()
    question = page.get_by_role("dialog", name="Pause this campaign?")
    counts = await page.locator("#live .ledger-count").all_inner_texts()
    await expect(page.locator("#live .ledger-count")).not_to_have_text(counts)  # an update came meanwhile
    await question.get_by_role("button", name="Pause").click()
    await expect(page.locator("#live")).to_contain_text("Nothing leaves until you resume it")
    campaign = await site.database.pool.fetchrow("SELECT id, status FROM campaigns")
    assert campaign["status"] == "paused"
    assert page.url.endswith(show_id("cmp", campaign["id"]))
    await leave(page, site)
